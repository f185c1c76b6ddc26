"""What belongs around an answer: the same or another answer from other articles, lists, and the passage of a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date

from corpus import Article, Passage
from corpus.sentences import strip
from index.periods import period_in
from index.searcher import heading
from qa.answer import Group, Quote, Span
from qa.confidence import content_words, cover
from qa.mentions import names_in
from qa.ranking import Candidate
from qa.spans import SEPARATOR, normalised, same_answer

_LEAST_COVER = 0.6
_LESS_COVER = 0.25
_MOST_ARTICLES = 6
_LESS_SURE = 0.6
_REASON = re.compile(
    r"\b(?:why|how come|explain|what happened|for what reason)\b|\bhow\b(?! (?:many|much|old|long|far|big|high|tall|"
    r"heavy|fast|often|deep|large|wide|small|soon|late|early|hot|cold|good|quickly|big|great|strong|close|likely)\b)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"^(?:name|list)\b|\b(?:which|what|who)\b(?: (?:all|two|three|four|five|six|seven|eight|nine|ten|other))? ?"
    r"(?:[\w-]+s\b|are\b|were\b|does\b.* (?:measure|include|make|sell|have)\b)",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d[\d,]*(?:\.\d+)?|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty)\b", re.IGNORECASE
)
_DAY = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|spring|summer|autumn|"
    r"winter|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b|^(?:19|20)\d\d$",
    re.IGNORECASE,
)
_THEN = re.compile(
    r"\b(?:19|20)\d\d\b|\bat (?:the time|first|the (?:end|beginning))\b|\b(?:first|then|originally|formerly|before|"
    r"after|last|next|latest|current(?:ly)?|now|final(?:ly)?|actual(?:ly)?|going to|when|new)\b",
    re.IGNORECASE,
)


def groups_of(
    question: str,
    candidates: Sequence[Candidate],
    quote: Callable[[Candidate, Sequence[Candidate]], Quote],
    threshold: float,
) -> tuple[Group, ...]:
    """The answers that several articles give, each with its quotes, newest first; empty when one article has it alone.

    An article counts with its best span, if that by itself is nearly as sure as `threshold` (the best one must be as
    sure), of the same kind as the answer
    (an amount, a day, a name), and beside the names that the question has. `quote` makes a quote of a candidate among
    those of its article. Another answer than the best one counts only for a question that does not say of when.
    """
    best = candidates[0]
    kind = kind_of(best.span.text)
    timeless = period_in(question, date.min.replace(year=2000)) is None and not _THEN.search(question)
    quotes: list[tuple[Quote, Article]] = []
    seen: set[str] = set()
    for one in candidates:
        article = one.hit.article
        if article.id in seen or len(seen) > _MOST_ARTICLES:
            continue
        seen.add(article.id)
        same = _says_same(one.span, best.span)
        if one is not best and not (
            one.span.score > 0
            and _is_about(question, one, best)
            and (same or (timeless and kind is not None and kind_of(one.span.text) == kind))
        ):
            continue
        made = quote(one, [other for other in candidates if other.hit.article.id == article.id])
        if made.confidence >= (threshold if one is best else _LESS_SURE * threshold):
            quotes.append((made, article))
        elif one is best:
            return ()
    if len(quotes) < 2:
        return ()
    quotes.sort(key=lambda pair: (pair[1].published or date.min, pair[1].id), reverse=True)
    found: list[list[tuple[Quote, Article]]] = []
    for made, article in quotes:
        for group in found:
            if _says_same(group[0][0].span, made.span):
                group.append((made, article))
                break
        else:
            found.append([(made, article)])
    return tuple(
        Group(group[0][0].span.text, tuple(made for made, _ in group), group[0][1].published) for group in found
    )


def kind_of(text: str) -> str | None:
    """What kind of answer a text is: "£", "%", another amount by its unit, "day", "name"; None for anything else."""
    if _DAY.search(text) and len(text.split()) <= 5:
        return "day"
    if found := _NUMBER.search(text):
        if sign := re.search(r"[£$€%]", text):
            return sign[0]
        unit = re.match(r"[\s-]*([A-Za-z-]+)?", text[found.end() :])
        return f"amount {(unit[1] or '').lower().rstrip('s')}" if unit and len(text.split()) <= 5 else None
    names = names_in(text)
    if names and len(names[0].text) >= 0.6 * len(text.strip()):
        return "name"
    return None


def passage_of_reason(question: str, quote: Quote) -> Passage | None:
    """The passage around a quote, without outer white space, for a question that asks how or why; None for others."""
    if not _REASON.search(question):
        return None
    passage = quote.span.passage
    start, end = strip(passage.text, 0, len(passage.text))
    longer = Passage(passage.article_id, passage.start + start, passage.start + end, passage.text[start:end])
    return longer if len(longer.text) > len(quote.span.text) else None


def items_of(question: str, text: str) -> tuple[str, ...]:
    """The parts of an answer that lists several things; empty when it is one thing, or reads as a sentence."""
    parts = [part.strip() for part in SEPARATOR.split(text)]
    if len(parts) < 2 or any(not part or len(part.split()) > 8 for part in parts):
        return ()
    if re.search(r"\d,\d{3}\b", text) or (kind_of(text) == "day") or not _SEVERAL.search(question):
        return ()
    return tuple(parts)


def _is_about(question: str, one: Candidate, best: Candidate) -> bool:
    """Whether a candidate's article has the names of the question, and its passage nearly as much of its words."""
    text = f"{heading(one.hit.article)}\n{one.hit.passage.text}"
    lower = f"{heading(one.hit.article)}\n{one.hit.article.text}".lower()
    for name in names_in(question):
        words = [word for word in re.findall(r"[\w'-]+", name.text.lower()) if word not in {"of", "the", "de"}]
        if words and not all(re.search(rf"\b{re.escape(word)}\b", lower) for word in words):
            return False
    if not content_words(question):
        return False
    own, first = cover(question, text), cover(question, f"{heading(best.hit.article)}\n{best.hit.passage.text}")
    less = 0.0 if kind_of(one.span.text) == "name" else _LESS_COVER
    return own >= _LEAST_COVER and own >= first - less


def _says_same(one: Span, other: Span) -> bool:
    a, b = set(normalised(one.text)), set(normalised(other.text))
    numbers, others = _NUMBER.findall(one.text), _NUMBER.findall(other.text)
    if numbers or others:
        return numbers == others
    return same_answer(one, other) or a == b
