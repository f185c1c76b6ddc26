"""Links that lead to a quote on its web page."""

from __future__ import annotations

import re
from urllib.parse import quote as percent_encode

from corpus.articles import Article
from corpus.raw import is_address

_ROW = re.compile(r"[^:;]+: [^;]*(?:; [^:;]+: [^;]*)+\.")
_WORD = re.compile(r"\S+")
_LONG = 12
_ENDS = 4
_CONTEXT = 3
_TELLING = 20


def text_link(article: Article, start: int, end: int) -> str | None:
    """The address at which a browser shows `article.text[start:end]` marked; None when the source is no web address.

    A text fragment (https://wicg.github.io/scroll-to-text-fragment/): the quote, or the ends of a long one, with the
    words around it when it is short or stands more than once in the article.
    """
    if not is_address(article.source):
        return None
    text = article.text
    words = text[start:end].split()
    if "\n" in text[start:end] or len(words) > _LONG:
        parts = [_encoded(" ".join(words[:_ENDS])), _encoded(" ".join(words[-_ENDS:]))]
    else:
        parts = [_encoded(" ".join(words))]
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    last = len(text) if last < 0 else last
    is_common = end - start < _TELLING or text.count(text[start:end]) > 1
    if is_common and not _ROW.fullmatch(text[first:last]):  # the page has no such sentence for a row of a table
        before = _WORD.findall(text[first:start])[-_CONTEXT:]
        after = _WORD.findall(text[end:last])[:_CONTEXT]
        parts = (
            [_encoded(" ".join(before)) + "-"] * bool(before) + parts + ["-" + _encoded(" ".join(after))] * bool(after)
        )
    address, hash_, fragment = article.source.partition("#")
    return f"{address}#{fragment.partition(':~:')[0] if hash_ else ''}:~:text={','.join(parts)}"


def _encoded(words: str) -> str:
    return percent_encode(words, safe="").replace("-", "%2D")
