"""The whole, end to end: every question asked of a library, its answer judged, and the numbers of it all."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from corpus import QuestionError
from eval.dataset import Question
from eval.judge import judge
from eval.parts import look_into
from eval.remembered import remembering
from eval.summary import Report, summarise
from qa import ArticleQA


def evaluate(
    bot: ArticleQA,
    questions: Iterable[Question],
    *,
    parts: bool = False,
    on_progress: Callable[[int], None] | None = None,
) -> Report:
    """Ask every question, one at a time, and report the scores, the failures by stage and the latency.

    With `parts`, retrieval and the reader are also measured alone, after each answer and outside its latency, so that
    failures are put down to their stages more exactly. They use what was read for the answer; the answer itself is
    read anew, whatever was asked before, so that its latency is that of a first reading. `on_progress` is called with
    the number of questions finished since the last call. Raises `ValueError` without questions, and `QuestionError`
    with the id of a question that cannot be asked.
    """
    results = []
    asked, memory = remembering(bot) if parts else (bot, None)
    for question in questions:
        if memory is not None:
            memory.forget()
        try:
            answer = asked.answer(question.question, history=question.history)
        except QuestionError as error:
            raise QuestionError(f"question {question.id}: {error}") from error
        results.append(judge(question, answer, look_into(asked, question, answer) if parts else None))
        if on_progress is not None:
            on_progress(1)
    return summarise(results)
