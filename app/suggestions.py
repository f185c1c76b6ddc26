"""Questions to begin with, drafted from the library's own articles and tried out before anyone sees them."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from functools import partial
from itertools import cycle, islice, zip_longest
from typing import TYPE_CHECKING

from app.markup import Html, button, join, tag
from corpus import ArticleQAError
from qa.drafts import Draft, draft_questions

if TYPE_CHECKING:
    from qa import ArticleQA

SHOWN = 4
_ARTICLES = 12
_TRIED = 24
_SURE = 0.75
_SHORTEST, _LONGEST = 20, 80
_KINDS = ("who", "how-many", "when")
_LEANING = re.compile(r"\b(?:his|her|hers|he|she|him|its|it|their|they|them|this|that|these|those)\b")
_TELLING = re.compile(r".+?[ “](?:[A-Z]|\d)")
log = logging.getLogger(__name__)


class Suggestions:
    """Questions that the library answers, found in the background once for each state of the library."""

    def __init__(self, bot: ArticleQA) -> None:
        self._bot = bot
        self._lock = threading.Lock()
        self._found: dict[int, list[str]] = {}
        self._done: dict[int, threading.Event] = {}

    def wait(self, seconds: float) -> list[str]:
        """The questions for the library as it is now, once they are found or `seconds` have passed."""
        generation = self._bot.library.generation
        with self._lock:
            if generation not in self._done:
                self._found[generation], self._done[generation] = [], threading.Event()
                threading.Thread(target=self._find, args=(generation,), daemon=True).start()
        self._done[generation].wait(seconds)
        return self._found[generation][:SHOWN]

    def _find(self, generation: int) -> None:
        try:
            for draft in islice(self._drafts(), _TRIED):
                if len(self._found[generation]) >= SHOWN or self._bot.library.generation != generation:
                    break
                if self._is_answered(draft):
                    self._found[generation].append(draft.question)
        except ArticleQAError as error:
            log.info("no more suggestions: %s", error)
        except Exception:  # the library may have been closed meanwhile
            log.debug("no more suggestions", exc_info=True)
        finally:
            self._done[generation].set()

    def _drafts(self) -> Iterator[Draft]:
        """Drafts of fit length, the first of each article before the second of any."""
        columns = []
        for info, wanted in zip(self._bot.library.articles()[:_ARTICLES], cycle(_KINDS), strict=False):
            fit = [one for one in draft_questions(self._bot.library.article(info.id)) if _is_fit(one)]
            columns.append(sorted(fit, key=partial(_order, wanted)))
        for row in zip_longest(*columns):
            yield from (draft for draft in row if draft)

    def _is_answered(self, draft: Draft) -> bool:
        """Whether the answer is the one that the draft was made from, and a sure one."""
        best = self._bot.answer(draft.question).best
        if best is None or best.confidence < _SURE:
            return False
        return best.span.text.casefold() in str(draft.answer).casefold() or str(draft.answer) in best.span.text


def _is_fit(draft: Draft) -> bool:
    """Whether the question is short, has an answer and can be understood alone: by a name or a number in it."""
    asked = draft.question
    if draft.answer is None or not _SHORTEST <= len(asked) <= _LONGEST:
        return False
    return bool(_TELLING.match(asked)) and not _LEANING.search(asked)


def _order(kind: str, draft: Draft) -> tuple[bool, int]:
    return draft.category != kind, len(draft.question)


def start_html(questions: list[str] | None, *, has_articles: bool) -> Html:
    """What stands in place of the conversation before the first question.

    `questions` are shown as buttons; None says that they are still being looked for.
    """
    if not has_articles:
        hint = "Your library is empty: drop articles onto this page, or paste an address or a text into the library."
    else:
        hint = "Ask who, what, when, where or how many. Every answer is an exact quote with its place in the article."
    head = tag("div", tag("h2", "What would you like to know?"), tag("p", hint), class_="aq-welcome")
    if questions is None:
        rows = [tag("li", tag("span", class_="aq-waiting")) for _ in range(SHOWN)]
    else:
        rows = [tag("li", button(one, "ask", class_="aq-suggestion", data={"question": one})) for one in questions]
    label = "Looking for questions to begin with" if questions is None else "Questions to begin with"
    return join(head, tag("ul", *rows, class_="aq-suggestions", aria_label=label) if rows else "")
