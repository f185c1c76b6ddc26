"""Where a quote stands, in words: title, date, page, heading and source, as HTML and as plain text."""

from __future__ import annotations

from datetime import date
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.markup import Html, button, dotted, tag
from corpus.places import text_link

if TYPE_CHECKING:
    from corpus import Article
    from qa import Quote


def where(article: Article, start: int, end: int) -> Html:
    """The line that says where `article.text[start:end]` stands; the title opens the article there."""
    place = article.place(start)
    title = button(
        tag("bdi", article.title),
        "open",
        class_="aq-title",
        title="Open the article at this place",
        data=place_data(article.id, start, end),
    )
    page = f"page {place.page}" if place.page else ""
    heading = tag("bdi", place.heading) if place.heading else Html()
    facts = dotted(day(article.published), page, heading, source(article, start, end))
    return tag("div", tag("cite", title), tag("span", facts, class_="aq-muted"), class_="aq-where")


def place_data(article_id: str, start: int, end: int) -> dict[str, str | int]:
    """What names a stretch of an article to the page's script."""
    return {"article": article_id, "start": start, "end": end}


def source(article: Article, start: int = 0, end: int = 0) -> Html:
    """A web address as a link to follow, to the quote if there is one; of a file, its name without its folders."""
    if article.source.startswith("sample:"):
        return tag("span", "bundled sample", class_="aq-source")
    host = _host(article.source)
    if host:
        link = (text_link(article, start, end) if end > start else None) or article.source
        return tag("a", host, href=link, target="_blank", rel="noopener noreferrer nofollow", title=article.source)
    return tag("span", tag("bdi", PurePath(article.source.replace("\\", "/")).name), class_="aq-source")


def day(published: date | None) -> Html:
    """A date as people write it; nothing for None."""
    return tag("time", in_words(published), datetime=published.isoformat()) if published else Html()


def in_words(published: date) -> str:
    """`19 October 2023`."""
    return f"{published.day} {published:%B} {published.year}"


def citation(quote: Quote, article: Article) -> str:
    """A quote with its place as plain text, to be copied into something else."""
    span, place = quote.span, article.place(quote.span.start)
    parts = [
        article.title,
        in_words(article.published) if article.published else "",
        f"page {place.page}" if place.page else "",
        text_link(article, span.start, span.end) or _plain_source(article.source),
    ]
    return f"“{span.text}” ({', '.join(part for part in parts if part)})\n\n{quote.sentence}"


def _plain_source(address: str) -> str:
    return "" if address.startswith("sample:") else PurePath(address.replace("\\", "/")).name


def _host(address: str) -> str | None:
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in {"http", "https"} else None
