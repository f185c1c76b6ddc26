"""An answer as HTML: the quote in bold inside its sentence, how sure it is, where it stands, and what to do with it.

Pure functions from `Answer` to markup. Everything that comes from an article, a question or a file name passes through
`tag`, which escapes whatever is not already `Html`; nothing here can put article text into a page as markup. The quote
and the marked passage are cut by offsets and checked against the article, never found by searching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.markup import Html, as_sentence, button, counted, details, join, tag, unseen
from app.places import citation, place_data, where
from qa.findings import HELP

if TYPE_CHECKING:
    from corpus import Article
    from qa import Answer, Quote

SURE = ((0.9, "very sure", 4), (0.75, "sure", 3), (0.5, "fairly sure", 2), (0.0, "unsure", 1))
LONGEST_SENTENCE = 600
NO_ANSWER = "The articles do not say."


def question_html(question: str, talk: str = "") -> Html:
    """A question as the person asked it; one too long to be asked is cut to its beginning.

    `talk` names its conversation, for the page's script.
    """
    return tag("span", shortened(question), class_="aq-question", dir="auto", data_talk=talk)


def shortened(question: str) -> str:
    """The question itself, or its first 300 characters when it has over 1,000."""
    return question if len(question) <= 1_000 else f"{question[:300]}…"


def notice_html(message: str) -> Html:
    """A line from the page itself, such as what is wrong with a question."""
    return tag("p", as_sentence(message), class_="aq-notice")


def answer_html(answer: Answer, *, turn: str = "", verdict: str = "", literal: bool = False) -> Html:
    """The whole reply to one question: the answer, or that the articles do not say with the closest passage.

    `turn` is the id that its buttons act on, without which there are none; `verdict` is what the person said of it;
    a `literal` reply is to a question taken as it was written.
    """
    quote = answer.best
    parts = [understood_html(answer, turn), _choices(answer), *(_given(quote, answer) if quote else _nothing(answer))]
    if turn:
        parts.append(_actions(answer, turn, verdict))
    return tag("div", *parts, class_="aq-answer" if quote else "aq-answer aq-none", id=f"turn-{turn}" if turn else None)


def confidence_html(confidence: float) -> Html:
    """The confidence (0..1) as a bar, a word and a percentage, with its meaning for who points at it or tabs to it."""
    word, level = _sureness(confidence)
    percent = min(99, max(1, round(100 * confidence)))
    meaning = f"The probability that this quote is right: of 100 answers this sure, about {percent} are right."
    bar = tag("span", tag("span", class_="aq-fill", style=f"width:{percent}%"), class_="aq-bar", aria_hidden="true")
    words = tag("span", f"{word.capitalize()} · {percent}%", class_="aq-sure")
    told = tag("span", meaning, class_="aq-meaning", role="tooltip")
    return tag("button", bar, words, told, type="button", class_=f"aq-confidence aq-level-{level}")


def confidence_word(confidence: float) -> str:
    """The confidence (0..1) in words: very sure from 0.9, sure from 0.75, fairly sure from 0.5, below that unsure."""
    return _sureness(confidence)[0]


def sentence_html(quote: Quote, article: Article) -> Html:
    """The sentence with the quote in bold; of a very long one, what stands around the quote."""
    span = quote.span
    first, last = quote.sentence_start, quote.sentence_start + len(quote.sentence)
    if len(quote.sentence) > LONGEST_SENTENCE:
        first, last = max(first, span.start - LONGEST_SENTENCE // 3), min(last, span.end + LONGEST_SENTENCE // 3)
    before, after = article.text[first : span.start], article.text[span.end : last]
    cut_before = "… " if first > quote.sentence_start else ""
    cut_after = " …" if last < quote.sentence_start + len(quote.sentence) else ""
    return join(cut_before, before, tag("strong", span.text), after, cut_after)


def article_of(quote: Quote, answer: Answer) -> Article:
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


def quote_html(quote: Quote, answer: Answer) -> Html:
    """A quote in its sentence, with how sure it is and where it stands."""
    article = article_of(quote, answer)
    sentence = tag("p", sentence_html(quote, article), class_="aq-told", dir="auto")
    return join(sentence, confidence_html(quote.confidence), where(article, quote.span.start, quote.span.end))


def understood_html(answer: Answer, turn: str) -> Html:
    """The question as it was read, when that is not how it was asked, with a way back."""
    if answer.understood_as.strip() == answer.question.strip():
        return Html()
    undo = (
        button("Undo", "undo", data={"turn": turn}, title="Answer the question just as it was asked")
        if turn
        else Html()
    )
    return tag("p", "Understood as: ", tag("em", answer.understood_as), " ", undo, class_="aq-understood", dir="auto")


def _choices(answer: Answer) -> Html:
    """The questions it may have meant, to choose from by a click, when more than one reading fits."""
    if not answer.choices:
        return Html()
    rows = [tag("li", button(one, "ask", class_="aq-choice", data={"question": one})) for one in answer.choices]
    return tag("div", tag("p", "Which one do you mean?"), tag("ul", *rows), class_="aq-choices")


def _given(quote: Quote, answer: Answer) -> list[Html]:
    article = article_of(quote, answer)
    return [
        tag("p", sentence_html(quote, article), class_="aq-sentence", dir="auto"),
        _items(answer),
        tag("div", confidence_html(quote.confidence), _work(answer), class_="aq-facts"),
        where(article, quote.span.start, quote.span.end),
        groups_html(answer),
        _reason_passage(quote, answer, article) if answer.longer else _passage(quote, article),
        _alternatives(answer, "other possible answer"),
    ]


def _nothing(answer: Answer) -> list[Html]:
    """What is said when the articles do not say: why, the closest passage, and what would help."""
    if answer.choices:
        return []
    parts = [tag("p", NO_ANSWER, class_="aq-sentence")]
    if answer.reason:
        parts.append(tag("p", as_sentence(answer.reason), class_="aq-reason"))
    if answer.unknown_words:
        words = ", ".join(f"“{word}”" for word in answer.unknown_words)
        parts.append(tag("p", f"Nowhere in the library: {words}.", class_="aq-reason aq-unknown"))
    if answer.hits:
        passage = answer.hits[0].passage
        article = answer.articles[passage.article_id]
        quoted = tag("blockquote", passage.text, dir="auto")
        place = where(article, passage.start, passage.end)
        parts.append(details("Closest passage", place, quoted, kind="aq-passage", open="open"))
    parts.append(
        _alternatives(answer, "guess, too unsure to give as an answer", "guesses, too unsure to give as answers")
    )
    parts.append(tag("p", f"What would help: {(answer.hint or HELP).rstrip('.')}.", class_="aq-hint"))
    return parts


def groups_html(answer: Answer) -> Html:
    """The answers of several articles, newest first, each with the date and the place of every quote."""
    if not answer.groups:
        return Html()
    agree = len(answer.groups) == 1
    said = "Several articles say so" if agree else "The articles differ; the newest first"
    rows = [
        tag(
            "li",
            "" if agree else tag("strong", group.text, class_="aq-group-answer", dir="auto"),
            *(where(article_of(quote, answer), quote.span.start, quote.span.end) for quote in group.quotes),
        )
        for group in answer.groups
    ]
    return tag("section", tag("p", said, class_="aq-muted"), tag("ul", *rows), class_="aq-groups")


def _items(answer: Answer) -> Html:
    """The parts of an answer that is a list, one under the other."""
    if not answer.items:
        return Html()
    return tag("ul", *(tag("li", item, dir="auto") for item in answer.items), class_="aq-items")


def _reason_passage(quote: Quote, answer: Answer, article: Article) -> Html:
    """The passage around the quote, open, for a question that asks how or why."""
    span, longer, text = quote.span, answer.longer, article.text
    assert longer is not None
    assert text[longer.start : longer.end] == longer.text
    inside = join(text[longer.start : span.start], tag("mark", span.text), text[span.end : longer.end])
    return details("In its passage", tag("blockquote", inside, dir="auto"), kind="aq-passage", open="open")


def _passage(quote: Quote, article: Article) -> Html:
    """The whole passage, to open, with the quote marked."""
    span, text = quote.span, article.text
    inside = join(text[span.passage.start : span.start], tag("mark", span.text), text[span.end : span.passage.end])
    return details("Show it in the passage", tag("blockquote", inside, dir="auto"), kind="aq-passage")


def _alternatives(answer: Answer, one: str, many: str | None = None) -> Html:
    """The other quotes, to open, each in its sentence with its confidence and article; nothing when there are none."""
    if not answer.alternatives:
        return Html()
    rows = [tag("li", quote_html(quote, answer)) for quote in answer.alternatives]
    return details(counted(len(rows), one, many), tag("ul", *rows), kind="aq-others")


VERDICTS = {
    "right": "Thank you: kept as a question with its right answer.",
    "span": "Thank you: kept with the answer that you marked.",
    "nothing": "Thank you: kept as a question that the articles do not answer.",
    "wrong": "Thank you: noted as wrong. What would have been right?",
}


def _actions(answer: Answer, turn: str, verdict: str) -> Html:
    """Copy, open and say whether it is right; what was said already stands in place of the question."""
    buttons = []
    if answer.best:
        span = answer.best.span
        copied = citation(answer.best, article_of(answer.best, answer))
        place = place_data(span.passage.article_id, span.start, span.end)
        buttons = [
            button("Open in article", "open", data=place),
            button("Copy with citation", "copy", data={"text": copied}),
        ]
    return tag("div", *buttons, _verdict(answer, turn, verdict), class_="aq-actions")


def _verdict(answer: Answer, turn: str, verdict: str) -> Html:
    mark = button("Mark the right words", "mark", data={"turn": turn})
    nothing = (
        button("There is no answer", "verdict", data={"turn": turn, "verdict": "nothing"}) if answer.best else Html()
    )
    if verdict == "wrong":
        return tag("span", tag("span", VERDICTS[verdict]), mark, nothing, class_="aq-verdict aq-asked", role="group")
    if verdict in VERDICTS:
        return tag("span", VERDICTS[verdict], class_="aq-verdict aq-said")
    right, wrong = ("right", "wrong") if answer.best else ("nothing", "wrong")
    return tag(
        "span",
        tag("span", "Is this right?", class_="aq-ask"),
        button(join("Yes", unseen(", this is right")), "verdict", data={"turn": turn, "verdict": right}),
        button(join("No", unseen(", this is wrong")), "verdict", data={"turn": turn, "verdict": wrong}),
        class_="aq-verdict",
        role="group",
    )


def _sureness(confidence: float) -> tuple[str, int]:
    return next(((word, level) for least, word, level in SURE if confidence >= least), SURE[-1][1:])


def _work(answer: Answer) -> Html:
    return tag("span", f"{answer.timings.total / 1_000:.2f} s", class_="aq-muted", title="Time taken to answer")
