"""What the page does when somebody acts on it: each method answers one event with the new contents of its outputs.

Everything that an event brings comes from a browser, so it is checked here, whatever the page's own script sends.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import gradio as gr

from app.article_view import article_html
from app.conversation import KEPT_TURNS, Turn, history, new_id, of_records, to_records
from app.drafts import decide, drafts_html
from app.export import to_json, to_markdown
from app.feedback import VERDICTS, feedback_row, keep
from app.intake import take_in, take_in_bytes
from app.markup import Html, tag
from app.panel import library_html, scope_html
from app.render import notice_html, question_html, shortened
from app.scope import Scope, narrowed
from app.suggestions import Suggestions, start_html
from corpus import ArticleQAError
from corpus.articles import slug

if TYPE_CHECKING:
    from qa import ArticleQA

THINKING = tag("p", "Reading the articles", tag("span", class_="aq-dots", aria_hidden="true"), class_="aq-thinking")
FAILED = (
    "Something went wrong here, not with your question; the details are in the log of the server. Please ask again."
)
LONGEST_FILTER = 200
LONGEST_NAME = 32
_SUGGESTING_SECONDS = 20

Message = dict[str, str]
Shown = tuple[list[Message], list[Turn], list[dict[str, Any]]]
log = logging.getLogger(__name__)


class Page:
    """The events of the chat page that asks `bot`."""

    def __init__(self, bot: ArticleQA) -> None:
        self.bot = bot
        self.suggestions = Suggestions(bot)

    def ask(
        self, question: str | None, turns: list[Turn] | None, talk: object, scope: object
    ) -> Iterator[tuple[Any, ...]]:
        """A question from the box: at once the question and that it is read, then the answer."""
        yield from self._asked(_repaired(question), _of(turns, talk), talk, scope)

    def ask_this(
        self, turns: list[Turn] | None, talk: object, scope: object, event: gr.EventData
    ) -> Iterator[tuple[Any, ...]]:
        """A question from a button; one with `turn` takes that turn's place and is taken as it was written."""
        turns = _of(turns, talk)
        known = [turn.id for turn in turns]
        again = known.index(_text(event, "turn")) if _text(event, "turn") in known else None
        question = _text(event, "question") if again is None else turns[again].asked
        yield from self._asked(question, turns, talk, scope, again)

    def come_back(self, records: object, talk: object, scope: object) -> tuple[Any, ...]:
        """What is shown when the page is opened: the conversation that the browser kept, and the library."""
        turns = [replace(turn, talk=_name(talk)) for turn in of_records(records, self.bot.library)]
        shown = _shown(turns)[0]
        articles = self.bot.library.articles()
        return shown, turns, gr.skip(), scope_html(Scope.of_record(scope)), library_html(articles)

    def suggest(self) -> Html:
        """The welcome with questions to begin with, once they are found."""
        if not len(self.bot.library):
            return start_html([], has_articles=False)
        return start_html(self.suggestions.wait(_SUGGESTING_SECONDS), has_articles=True)

    def judge(self, turns: list[Turn] | None, talk: object, event: gr.EventData) -> tuple[Any, ...]:
        """What somebody says of an answer, kept beside the library as an evaluation question."""
        turns = _of(turns, talk)
        found = [number for number, turn in enumerate(turns) if turn.id == _text(event, "turn") and turn.answer]
        verdict = _text(event, "verdict")
        if not found or verdict not in VERDICTS:
            return *_as_before(), _said("This answer is no longer here.")
        turn = turns[found[0]]
        assert turn.answer is not None
        try:
            article = self.bot.library.article(_text(event, "article")) if verdict == "span" else None
            start, end = _number(event, "start"), _number(event, "end")
            row = feedback_row(turn.id, turn.answer, verdict, article=article, start=start, end=end)
            if self.bot.library.folder is None:
                return *_as_before(), _said("This library is kept in memory only, so feedback is not kept.")
            keep(self.bot.library.folder, row)
        except ArticleQAError as error:
            return *_as_before(), _said(str(error))
        except ValueError as error:
            return *_as_before(), _said(f"Not kept: {error}.")
        turns[found[0]] = replace(turn, verdict=verdict)
        return *_shown(turns), _said("Feedback kept.")

    def open(self, event: gr.EventData) -> Html:
        """An article, with a stretch of it marked if one is named."""
        try:
            article = self.bot.library.article(_text(event, "article"))
        except ArticleQAError:
            return notice_html("This article is no longer in the library")
        return article_html(article, _number(event, "start"), _number(event, "end"))

    def draft(self, event: gr.EventData) -> Html:
        """Questions drafted from an article, for somebody to accept, edit or dismiss."""
        try:
            shown = drafts_html(self.bot.library, _text(event, "article"))
        except ArticleQAError as error:
            shown = notice_html(str(error))
        return tag("div", shown, data_number=secrets.token_hex(4))

    def decide(self, event: gr.EventData) -> Html:
        """What somebody makes of a draft, kept beside the library; the script waits for the reply to its `job`."""
        article, draft, decision, question, answers = (
            _text(event, key) for key in ("article", "draft", "decision", "question", "answers")
        )
        try:
            said, left = decide(self.bot.library, article, draft, decision, question=question, answers=answers)
            told = {"said": said, "left": left}
        except ArticleQAError as error:
            told = {"failure": str(error)}
        return tag("pre", json.dumps(told), data_job=_text(event, "job"))

    def take(self, event: gr.EventData) -> tuple[Html, Html]:
        """Add a web address or a pasted text; the script waits for the reply to its `job`."""
        address, pasted = _text(event, "url"), _text(event, "text")
        try:
            if address:
                taken = take_in(self.bot.library, [address])
            else:
                name = f"{slug(pasted.strip().partition(chr(10))[0])}.txt"
                taken = take_in_bytes(self.bot.library, pasted.encode(), name=name)
            failures = list(taken.failures)
        except ArticleQAError as error:
            failures = [str(error)]
        except Exception:
            log.exception("an article could not be added")
            failures = ["it could not be added; the details are in the log of the server"]
        done = tag("pre", json.dumps({"failures": failures}), data_job=_text(event, "job"))
        return done, self.find(event)

    def remove(self, event: gr.EventData) -> tuple[Html, Html]:
        """Remove an article; the script has asked whether it is meant."""
        try:
            said = f"Removed “{self.bot.library.remove(_text(event, 'article')).title}”."
        except ArticleQAError as error:
            said = str(error)
        return self.find(event), _said(said)

    def find(self, event: gr.EventData) -> Html:
        """The articles that fit the filter."""
        return library_html(self.bot.library.articles(), _text(event, "filter")[:LONGEST_FILTER])

    def narrow(self, event: gr.EventData) -> tuple[dict[str, Any], Html]:
        """What is to be searched, and how strictly to answer."""
        scope = Scope.of_record(event._data)
        return scope.to_record(), scope_html(scope)

    def export(self, turns: list[Turn] | None, talk: object, event: gr.EventData) -> Html:
        """The conversation as a file, which the script hands to the person."""
        told, now = _of(turns, talk), datetime.now().astimezone()
        as_json = _text(event, "form") == "json"
        content = to_json(told) if as_json else to_markdown(told, now)
        name = f"articleqa-{now:%Y-%m-%d-%H%M}.{'json' if as_json else 'md'}"
        return tag("pre", content, data_name=name, data_number=secrets.token_hex(4))

    def _asked(
        self, question: str, turns: list[Turn], talk: object, scope: object, again: int | None = None
    ) -> Iterator[tuple[Any, ...]]:
        asked = question.strip()
        if not asked:
            yield _as_before()
            return
        before = turns if again is None else turns[:again]
        after = [] if again is None else turns[again + 1 :]
        waiting = Turn("", asked, talk=_name(talk))
        yield _messages([*before, waiting, *after]), gr.skip(), gr.skip()
        turn = replace(self._answered(asked, before, scope, as_written=again is not None), talk=_name(talk))
        yield _shown([*before, turn, *after])

    def _answered(self, asked: str, before: list[Turn], scope: object, *, as_written: bool) -> Turn:
        turn = Turn(new_id(), shortened(asked))
        try:
            bot, told = narrowed(self.bot, Scope.of_record(scope)), [] if as_written else history(before)
            answer = bot.answer(asked, history=told, as_written=as_written)
            done = replace(turn, answer=answer)
            assert done.reply
            return done
        except ArticleQAError as error:
            return replace(turn, notice=str(error))
        except Exception:
            log.exception("a question could not be answered")
            return replace(turn, notice=FAILED)


def _of(turns: list[Turn] | None, talk: object) -> list[Turn]:
    """The turns of the conversation that the page shows; those of one that is over stay with the server for a while."""
    return [turn for turn in turns or () if turn.talk == _name(talk)]


def _name(talk: object) -> str:
    return talk[:LONGEST_NAME] if isinstance(talk, str) else ""


def _messages(turns: list[Turn]) -> list[Message]:
    """The conversation as the chat shows it; a turn without an id is still being read."""
    messages = []
    for turn in turns:
        messages.append({"role": "user", "content": str(question_html(turn.asked, turn.talk))})
        messages.append({"role": "assistant", "content": str(turn.reply if turn.id else THINKING)})
    return messages


def _shown(turns: list[Turn]) -> Shown:
    turns = turns[-KEPT_TURNS:]
    return _messages(turns), turns, to_records(turns)


def _as_before() -> tuple[Any, Any, Any]:
    return gr.skip(), gr.skip(), gr.skip()


def _said(words: str) -> Html:
    """A short message, shown for a while and read aloud; numbered so that the same one twice is two."""
    return tag("p", words, class_="aq-toast", data_number=secrets.token_hex(4))


def _text(event: gr.EventData, key: str) -> str:
    value = event._data.get(key) if isinstance(event._data, dict) else None
    return _repaired(value) if isinstance(value, str) else ""


def _number(event: gr.EventData, key: str) -> int:
    value = event._data.get(key) if isinstance(event._data, dict) else None
    return value if type(value) is int else 0


def _repaired(question: object) -> str:
    """The text with what cannot be written as UTF-8, such as half an emoji, replaced; without NUL."""
    text = question if isinstance(question, str) else "" if question is None else str(question)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")
