"""An answer as HTML: the quote in bold inside its sentence, how sure it is, and where it stands.

Pure functions from `Answer` to markup. Everything that comes from an article, a question or a file name passes through
`tag`, which escapes whatever is not already `Html`; nothing here can put article text into a page as markup. The quote
and the marked passage are cut by offsets and checked against the article, never found by searching.
"""

from __future__ import annotations

import html
from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from corpus import Article
    from index import ArticleInfo
    from qa import Answer, Quote

SURE = ((0.9, "very sure", 4), (0.75, "sure", 3), (0.5, "fairly sure", 2), (0.0, "unsure", 1))
LONGEST_SENTENCE = 600
LONGEST_LIST = 200
NO_ANSWER = "The articles do not say."
_LINE_BREAKS = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


class Html(str):
    """Markup that is safe to show: made by `tag` only, every text inside it escaped."""

    __slots__ = ()


def tag(name: str, *children: str, **attributes: str) -> Html:
    """The element with these children, escaped unless they are `Html`, and these attributes (`class_` is `class`)."""
    inside = "".join(child if isinstance(child, Html) else _escape(child) for child in children)
    stated = "".join(f' {key.rstrip("_").replace("_", "-")}="{_escape(text)}"' for key, text in attributes.items())
    return Html(f"<{name}{stated}>{inside}</{name}>")


def join(*parts: str) -> Html:
    """The parts one after another, escaped unless they are `Html`."""
    return Html("".join(part if isinstance(part, Html) else _escape(part) for part in parts))


def question_html(question: str) -> Html:
    """A question as the person asked it; one of several thousand characters is cut to its first 300."""
    return tag("span", question if len(question) <= 1_000 else f"{question[:300]}…", class_="aq-question", dir="auto")


def notice_html(message: str) -> Html:
    """A line from the page itself, such as what is wrong with a question."""
    return tag("p", _as_sentence(message), class_="aq-notice")


def answer_html(answer: Answer) -> Html:
    """The whole reply to one question: the answer, or that the articles do not say with the closest passage."""
    understood = _understood(answer)
    if answer.best is None:
        return tag("div", understood, *_nothing(answer), class_="aq-answer aq-none")
    quote = answer.best
    article = _article_of(quote, answer)
    return tag(
        "div",
        understood,
        tag("p", _sentence(quote, article), class_="aq-sentence", dir="auto"),
        tag("div", confidence_html(quote.confidence), _work(answer), class_="aq-facts"),
        _where(article, article.page_at(quote.span.start)),
        _passage(quote, article),
        _alternatives(answer, "other possible answer"),
        class_="aq-answer",
    )


def confidence_html(confidence: float) -> Html:
    """The confidence (0..1) as a bar, a word and a percentage; pointing at it says what it means."""
    word, level = _sureness(confidence)
    percent = min(99, max(1, round(100 * confidence)))
    meaning = f"The probability that this quote is right: of 100 answers this sure, about {percent} are right."
    bar = tag("span", tag("span", class_="aq-fill", style=f"width:{percent}%"), class_="aq-bar", aria_hidden="true")
    words = tag("span", f"{word.capitalize()} · {percent}%", class_="aq-sure")
    return tag("span", bar, words, class_=f"aq-confidence aq-level-{level}", title=meaning)


def confidence_word(confidence: float) -> str:
    """The confidence (0..1) in words: very sure from 0.9, sure from 0.75, fairly sure from 0.5, below that unsure."""
    return _sureness(confidence)[0]


def library_html(articles: Sequence[ArticleInfo]) -> Html:
    """The list of the articles in the library, the newest first, as one element that opens and closes."""
    newest = sorted(articles, key=lambda info: (info.published or date.min, info.title), reverse=True)
    passages = sum(info.passages for info in articles)
    count = f"{_counted(len(articles), 'article')} · {_counted(passages, 'passage')}"
    rows = [
        tag(
            "li",
            tag("span", tag("bdi", info.title), class_="aq-title"),
            tag("span", _joined(_time(info.published), _counted(info.passages, "passage")), class_="aq-muted"),
        )
        for info in newest[:LONGEST_LIST]
    ]
    more = len(newest) - LONGEST_LIST
    rest = tag("p", f"and {more:,} more: articleqa list", class_="aq-muted") if more > 0 else Html()
    summary = tag("summary", tag("h2", "Library"), tag("span", count, class_="aq-muted"))
    return tag("details", summary, tag("ul", *rows), rest, class_="aq-library", open="open")


def _sureness(confidence: float) -> tuple[str, int]:
    return next(((word, level) for least, word, level in SURE if confidence >= least), SURE[-1][1:])


def _escape(text: str) -> str:
    """`text` with `& < > " '` as entities, and line breaks and tabs too: the page's own tidying then leaves them be."""
    escaped = html.escape(text, quote=True)
    for character, entity in _LINE_BREAKS.items():
        escaped = escaped.replace(character, entity)
    return escaped


def _article_of(quote: Quote, answer: Answer) -> Article:
    """The article of a quote, once the offsets of quote, sentence and passage are seen to fit its text."""
    span = quote.span
    article = answer.articles[span.passage.article_id]
    end = quote.sentence_start + len(quote.sentence)
    assert article.text[span.start : span.end] == span.text
    assert article.text[quote.sentence_start : end] == quote.sentence
    assert article.text[span.passage.start : span.passage.end] == span.passage.text
    assert quote.sentence_start <= span.start <= span.end <= end
    assert span.passage.start <= span.start <= span.end <= span.passage.end
    return article


def _sentence(quote: Quote, article: Article) -> Html:
    """The sentence with the quote in bold; of a very long one, what stands around the quote."""
    span = quote.span
    first, last = quote.sentence_start, quote.sentence_start + len(quote.sentence)
    if len(quote.sentence) > LONGEST_SENTENCE:
        first, last = max(first, span.start - LONGEST_SENTENCE // 3), min(last, span.end + LONGEST_SENTENCE // 3)
    before, after = article.text[first : span.start], article.text[span.end : last]
    cut_before = "… " if first > quote.sentence_start else ""
    cut_after = " …" if last < quote.sentence_start + len(quote.sentence) else ""
    return join(cut_before, before, tag("strong", span.text), after, cut_after)


def _passage(quote: Quote, article: Article) -> Html:
    """The whole passage, to open, with the quote marked."""
    span, text = quote.span, article.text
    inside = join(text[span.passage.start : span.start], tag("mark", span.text), text[span.end : span.passage.end])
    return _details("Show it in the passage", tag("blockquote", inside, dir="auto"), kind="aq-passage")


def _nothing(answer: Answer) -> list[Html]:
    """What is said when the articles do not say: why, the closest passage, and what would help."""
    parts = [tag("p", NO_ANSWER, class_="aq-sentence")]
    if answer.reason:
        parts.append(tag("p", _as_sentence(answer.reason), class_="aq-reason"))
    if answer.hits:
        passage = answer.hits[0].passage
        article = answer.articles[passage.article_id]
        where = _where(article, article.page_at(passage.start))
        quoted = tag("blockquote", passage.text, dir="auto")
        parts.append(_details("Closest passage", where, quoted, kind="aq-passage", open="open"))
    parts.append(
        _alternatives(answer, "guess, too unsure to give as an answer", "guesses, too unsure to give as answers")
    )
    parts.append(
        tag(
            "p",
            "What would help: name the person, place or thing in full, ask for one fact at a time, "
            "or add an article that tells it.",
            class_="aq-hint",
        )
    )
    return parts


def _alternatives(answer: Answer, one: str, many: str | None = None) -> Html:
    """The other quotes, to open, each in its sentence with its confidence and article; nothing when there are none."""
    if not answer.alternatives:
        return Html()
    rows = []
    for quote in answer.alternatives:
        article = _article_of(quote, answer)
        where = _where(article, article.page_at(quote.span.start))
        sentence = tag("p", _sentence(quote, article), dir="auto")
        rows.append(tag("li", sentence, confidence_html(quote.confidence), where))
    return _details(_counted(len(rows), one, many), tag("ul", *rows), kind="aq-others")


def _where(article: Article, page: int | None) -> Html:
    """The line that says where a quote stands: title, date, page, source."""
    title = tag("cite", tag("bdi", article.title))
    parts = _joined(title, _time(article.published), f"page {page}" if page else "", _source(article.source))
    return tag("p", parts, class_="aq-where")


def _source(source: str) -> Html:
    """A web address as a link to follow, anything else as text: of a file, its name without its folders."""
    if source.startswith("sample:"):
        return tag("span", "bundled sample", class_="aq-source")
    try:
        address = urlsplit(source)
    except ValueError:
        address = urlsplit("")
    if address.scheme in {"http", "https"} and address.hostname:
        return tag("a", address.hostname, href=source, target="_blank", rel="noopener noreferrer nofollow")
    return tag("span", tag("bdi", PurePath(source.replace("\\", "/")).name), class_="aq-source")


def _time(day: date | None) -> Html:
    return tag("time", f"{day.day} {day:%B} {day.year}", datetime=day.isoformat()) if day else Html()


def _understood(answer: Answer) -> Html:
    """The question as it was read, when that is not how it was asked."""
    if answer.understood_as.strip() == answer.question.strip():
        return Html()
    return tag("p", "Understood as: ", tag("em", answer.understood_as), class_="aq-understood", dir="auto")


def _work(answer: Answer) -> Html:
    return tag("span", f"{answer.timings.total / 1_000:.2f} s", class_="aq-muted", title="Time taken to answer")


def _details(summary: str, *children: Html, kind: str, **attributes: str) -> Html:
    return tag("details", tag("summary", summary), *children, class_=kind, **attributes)


def _joined(*parts: str) -> Html:
    """The parts that are not empty, with a middle dot between them."""
    dot = tag("span", " · ", class_="aq-dot")
    kept = [part for part in parts if part]
    return join(*[piece for part in kept for piece in (dot, part)][1:])


def _as_sentence(message: str) -> str:
    """A message with the capital and the full stop that error messages go without."""
    return message[:1].upper() + message[1:] + ("" if message.endswith((".", "?", "!")) else ".")


def _counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
