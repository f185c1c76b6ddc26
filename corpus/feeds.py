"""RSS and Atom feeds as articles, as far as the feed holds their text; feeds and sitemaps as lists of addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from html.entities import name2codepoint
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from corpus.articles import Article, slug
from corpus.dates import byline_date, date_in_name, parse_date
from corpus.raw import Loaded, Raw, is_address, name_in_address
from corpus.xml import local, parse_xml

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

MAX_ENTRIES = 50_000
FULL_CHARACTERS = 1_000
_CUT_OFF = ("…", "...", "[…]", "[...]", "read more", "continue reading", "weiterlesen")
_FOREIGN = ("{http://search.yahoo.com/mrss", "{http://www.itunes.com/")
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
_OF_XML = {b"amp", b"lt", b"gt", b"quot", b"apos"}
_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def load_feed(raw: Raw) -> Loaded:
    """The entries of an RSS or Atom feed whose text is in it, and links to the others; of a sitemap, its links.

    An entry's text is its content, or else a description of at least 1,000 characters that is not cut off.
    """
    root = parse_xml(_ENTITY.sub(_numbered, raw.data), raw, forgiving=True)
    kind = local(root)
    if kind in {"urlset", "sitemapindex"}:
        found = [_text(_child(entry, "loc")) for entry in root if local(entry) in {"url", "sitemap"}]
        return _checked(Loaded(links=tuple(dict.fromkeys(filter(is_address, found[:MAX_ENTRIES])))), raw)
    if kind not in {"rss", "rdf", "feed"}:
        raise raw.refused(f"<{kind}> is neither a feed nor a sitemap; save the articles as text or HTML")
    head = _child(root, "channel") if kind != "feed" else root
    language = _text(_child(head, "language")) or root.get(_LANG)
    entries = [entry for entry in root.iter() if local(entry) in {"item", "entry"}][:MAX_ENTRIES]
    articles: dict[str, Article] = {}
    links: list[str] = []
    for number, entry in enumerate(entries, start=1):
        link = _link(entry, raw)
        article = _article(entry, raw, link, number, language)
        if article:
            articles.setdefault(article.source, article)
        elif link:
            links.append(link)
    return _checked(Loaded(tuple(articles.values()), tuple(dict.fromkeys(links))), raw)


def _checked(loaded: Loaded, raw: Raw) -> Loaded:
    if not loaded.articles and not loaded.links:
        raise raw.refused("this feed or sitemap has no entries; there is nothing to ask about")
    return loaded


def _article(entry: Element, raw: Raw, link: str | None, number: int, language: str | None) -> Article | None:
    from corpus.markup import lines_of, parse_fragment

    content = _child(entry, "encoded", "content")
    described = _child(entry, "description", "summary")
    markup = _markup(content) or _markup(described)
    if not markup.strip():
        return None
    lines = lines_of(parse_fragment(markup))
    if not lines.text or (not _markup(content).strip() and link and _is_teaser(lines.text)):
        return None
    title = lines_of(parse_fragment(named)).text if (named := _markup(_child(entry, "title")).strip()) else ""
    title = " ".join(title.split())
    dates = (parse_date(_text(_child(entry, name))) for name in ("published", "pubdate", "date", "issued", "updated"))
    return Article(
        id=slug(name_in_address(link) if link else title or f"{raw.stem}-{number}"),
        title=title or f"{raw.stem} {number}",
        text=lines.text,
        source=link or f"{raw.source}#{number}",
        published=next(filter(None, dates), None) or date_in_name(link or "") or byline_date(lines.text),
        author=_author(entry),
        language=language or None,
        anchors=lines.anchors,
    )


def _is_teaser(text: str) -> bool:
    return len(text) < FULL_CHARACTERS or text.lower().rstrip(" .:>»→").endswith(_CUT_OFF)


def _numbered(found: re.Match[bytes]) -> bytes:
    """An entity of HTML, such as `&nbsp;`, as XML knows it."""
    point = None if found[1] in _OF_XML else name2codepoint.get(found[1].decode())
    return b"&#%d;" % point if point else found[0]


def _children(element: Element | None, *names: str) -> Iterator[Element]:
    """The children of these names, those of the first name first; pictures and podcasts have theirs apart."""
    if element is None:
        return
    for name in names:
        yield from (child for child in element if local(child) == name and not child.tag.startswith(_FOREIGN))


def _child(element: Element | None, *names: str) -> Element | None:
    return next(_children(element, *names), None)


def _text(element: Element | None) -> str:
    return "".join(element.itertext()).strip() if element is not None else ""


def _markup(element: Element | None) -> str:
    """An element's content as HTML: escaped in RSS, stated by `type` in Atom."""
    if element is None or element.get("src"):
        return ""
    from lxml import etree

    if element.get("type") == "xhtml":
        return str(etree.tostring(element, method="html", encoding="unicode", with_tail=False))
    return escape(_text(element)) if element.get("type") == "text" else _text(element)


def _link(entry: Element, raw: Raw) -> str | None:
    """The address of the entry's page; None when it states none."""
    base = raw.source if raw.is_web else ""
    for parent in reversed([entry, *entry.iterancestors()]):
        base = _joined(base, parent.get(_BASE) or "")
    pages = (link for link in _children(entry, "link") if link.get("rel", "alternate") == "alternate")
    stated = [_joined(base, (link.get("href") or _text(link)).strip()) for link in pages]
    stated += [_text(guid) for guid in _children(entry, "guid") if guid.get("isPermaLink") != "false"]
    return next(filter(is_address, stated), None)


def _joined(base: str, link: str) -> str:
    try:
        return urljoin(base, link)
    except ValueError:
        return ""


def _author(entry: Element) -> str | None:
    written = (_text(_child(author, "name")) or _text(author) for author in _children(entry, "creator", "author"))
    return ", ".join(dict.fromkeys(" ".join(name.split()) for name in written if name)) or None
