"""Conversations over the bundled articles: how well follow-ups are understood, and whether history ever does harm.

Run as `python -m eval.conversation [--half dev|held-out] [--json FILE]`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from corpus import samples
from eval.dataset import BUNDLED_QUESTIONS, load_questions, read, rows_of
from eval.metrics import CORRECT_F1, exact_match, f1, mean
from eval.output import check_output, write_output
from index import Library
from qa import Answer, ArticleQA
from qa.reader import load_reader

CONVERSATIONS = Path(__file__).parent / "data" / "conversations.jsonl"
RESULTS = Path(__file__).parent / "results" / "conversation.json"

History = list[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class TurnAsked:
    """One turn: `whole` is the question written out by hand, None for one that stands alone anyway.

    `history` is the conversation before it, with the accepted answers. No `answers` mean that the articles do not say.
    """

    id: str
    half: str
    question: str
    answers: tuple[str, ...]
    whole: str | None
    history: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class TurnResult:
    """One dependent turn: exact match and F1 (0 to 1) in its conversation, and of the question written out by hand."""

    id: str
    half: str
    question: str
    whole: str
    understood_as: str
    expected: tuple[str, ...]
    answer: str | None
    answer_whole: str | None
    exact: float
    f1: float
    exact_whole: float
    f1_whole: float
    asked_back: bool

    @property
    def as_well(self) -> bool:
        """Whether it was answered as well as the question written out by hand; asking back is not."""
        return not self.asked_back and self.f1 >= self.f1_whole

    @property
    def correct(self) -> bool:
        """Whether the answer is right."""
        return not self.asked_back and self.f1 >= CORRECT_F1


@dataclass(frozen=True, slots=True)
class Changed:
    """A question that stands alone, yet got another answer in a conversation."""

    question: str
    history: tuple[tuple[str, str | None], ...]
    understood_as: str
    alone: str | None
    within: str | None


def load_conversations(path: Path = CONVERSATIONS) -> list[TurnAsked]:
    """The turns of a file of conversations, each with the turns before it. Raises `QuestionError` for a bad file."""
    turns = []
    for _, row in rows_of(read(path), path):
        history: History = []
        for number, turn in enumerate(row["turns"], start=1):
            answers = tuple(turn["answers"])
            name = f"{row['id']}-{number}"
            turns.append(TurnAsked(name, row["half"], turn["question"], answers, turn.get("whole"), tuple(history)))
            history.append((turn["question"], answers[0] if answers else None))
    return turns


def ask_dependent(bot: ArticleQA, turns: Iterable[TurnAsked]) -> Iterator[TurnResult]:
    """Ask every turn that leans on its conversation, and the same written out by hand without a conversation."""
    for turn in turns:
        if turn.whole is None:
            continue
        within, alone = bot.answer(turn.question, turn.history), bot.answer(turn.whole)
        yield TurnResult(
            id=turn.id,
            half=turn.half,
            question=turn.question,
            whole=turn.whole,
            understood_as=" / ".join(within.choices) or within.understood_as,
            expected=turn.answers,
            answer=within.text,
            answer_whole=alone.text,
            exact=exact_match(within.text or "", turn.answers),
            f1=f1(within.text or "", turn.answers),
            exact_whole=exact_match(alone.text or "", turn.answers),
            f1_whole=f1(alone.text or "", turn.answers),
            asked_back=bool(within.choices),
        )


def ask_independent(bot: ArticleQA, questions: Sequence[str], turns: Sequence[TurnAsked]) -> tuple[int, list[Changed]]:
    """Ask questions that stand alone by themselves and amid conversations: how many, and those answered otherwise."""
    histories = [turn.history for turn in turns if turn.history]
    pairs = [(one, histories[number % len(histories)]) for number, one in enumerate(questions)]
    pairs += [(turn.question, turn.history) for turn in turns if turn.whole is None and turn.history]
    changed = []
    for question, history in pairs:
        alone, within = bot.answer(question), bot.answer(question, history)
        if _content(alone) != _content(within):
            changed.append(Changed(question, history, within.understood_as, alone.text, within.text))
    return len(pairs), changed


def _content(answer: Answer) -> dict[str, Any]:
    return {key: value for key, value in answer.to_dict().items() if key != "timings_ms"}


def figures(results: Sequence[TurnResult], asked: int, changed: Sequence[Changed]) -> dict[str, Any]:
    """What was measured, as JSON: exact match and F1 in percent, shares from 0 to 1."""
    halves = {
        half: _half([one for one in results if one.half == half])
        for half in ("dev", "held-out")
        if any(one.half == half for one in results)
    }
    return {
        "kind": "conversation",
        "halves": halves,
        "independent": {
            "asked": asked,
            "answered_otherwise": len(changed),
            "false_dependence": round(len(changed) / asked, 4) if asked else None,
            "changed": [asdict(one) for one in changed],
        },
        "results": [asdict(one) | {"as_well": one.as_well, "correct": one.correct} for one in results],
    }


def _half(results: Sequence[TurnResult]) -> dict[str, Any]:
    return {
        "dependent": len(results),
        "as_well": round(mean([float(one.as_well) for one in results]), 4),
        "correct": round(mean([float(one.correct) for one in results]), 4),
        "correct_whole": round(mean([float(one.f1_whole >= CORRECT_F1) for one in results]), 4),
        "exact_match": round(100 * mean([one.exact for one in results]), 1),
        "f1": round(100 * mean([one.f1 for one in results]), 1),
        "exact_match_whole": round(100 * mean([one.exact_whole for one in results]), 1),
        "f1_whole": round(100 * mean([one.f1_whole for one in results]), 1),
        "asked_back": sum(one.asked_back for one in results),
    }


def markdown(found: dict[str, Any]) -> str:
    """The figures as a report."""
    lines = [
        "# Conversations",
        "",
        "Follow-ups over the bundled articles, asked with the accepted answers of the turns before, beside the same",
        "questions written out by hand. Articles of the held-out half were not looked at while the rules were made.",
        "",
        "| half | turns | as well as by hand | correct | by hand | exact match | by hand | F1 | by hand | asked back |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, half in found["halves"].items():
        shares = [f"{half[key]:.1%}" for key in ("as_well", "correct", "correct_whole")]
        scores = [str(half[key]) for key in ("exact_match", "exact_match_whole", "f1", "f1_whole", "asked_back")]
        lines.append(f"| {' | '.join([name, str(half['dependent']), *shares, *scores])} |")
    alone = found["independent"]
    if alone["asked"]:
        lines += [
            "",
            f"Questions that stand alone, asked amid a conversation: {alone['asked']}.",
            f"Answered otherwise than alone: {alone['answered_otherwise']}.",
        ]
    worse = [one for one in found["results"] if not one["as_well"]]
    if worse:
        lines += ["", "## Answered worse than by hand", "", "| turn | question | understood as | answer | by hand |"]
        lines.append("|---|---|---|---|---|")
        lines += [
            "| "
            + " | ".join(_cell(one[key]) for key in ("id", "question", "understood_as", "answer", "answer_whole"))
            + " |"
            for one in worse
        ]
    return "\n".join([*lines, "", "Reproduce with `python -m eval.conversation`.", ""])


def _cell(value: object) -> str:
    return "*none*" if value is None else str(value).replace("|", "\\|")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the report."""
    parser = argparse.ArgumentParser(prog="python -m eval.conversation", description="Measure follow-up questions.")
    parser.add_argument("--half", choices=["dev", "held-out"], help="only this half of the articles")
    parser.add_argument(
        "--json", type=Path, default=None, metavar="FILE", help=f"default: {RESULTS.name} beside the results"
    )
    parser.add_argument("--sample", type=int, default=0, help="only every n-th question that stands alone (0: all)")
    parser.add_argument("--dependent-only", action="store_true", help="leave out the questions that stand alone")
    options = parser.parse_args(arguments)
    path = options.json or RESULTS
    check_output(path)
    turns = [one for one in load_conversations() if options.half in {None, one.half}]
    alone = [one.question for one in load_questions(BUNDLED_QUESTIONS) if not one.history][:: max(1, options.sample)]
    with ArticleQA(Library.in_memory(), load_reader()) as bot:
        bot.library.add(samples())
        results = list(ask_dependent(bot, turns))
        asked, changed = (0, []) if options.dependent_only else ask_independent(bot, alone, turns)
    found = figures(results, asked, changed)
    write_output(path, found, markdown(found))


if __name__ == "__main__":
    main()
