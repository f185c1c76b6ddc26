"""How fast text is taken out of files, format by format, from files made of the bundled articles."""

from __future__ import annotations

import gzip
import io
import json
import textwrap
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import chain
from typing import Any

from corpus import samples
from corpus.cell import Cell
from eval.figures import Table

_SAMPLES_A_STORY = 3
_LINE, _LINES = 90, 54
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_OFFICE = "http://schemas.openxmlformats.org"

Story = Sequence[str]
"""The lines of an article, its title first."""

Files = list[tuple[str, bytes]]
"""Files by name."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What was read of one format: files, the articles in them, their bytes, and the wall time, in seconds."""

    name: str
    files: int
    articles: int
    size: int
    seconds: float

    @property
    def articles_per_second(self) -> float:
        """Articles taken out in a second."""
        return self.articles / self.seconds

    @property
    def mb_per_second(self) -> float:
        """Files read in a second, in MB (10^6 bytes), packed as they are."""
        return self.size / 1e6 / self.seconds


def stories() -> list[Story]:
    """As many articles as are bundled, each made of three of these, about 1,000 words as news articles have."""
    lines = [[line.strip("# ") for line in one.text.splitlines() if line.strip("# ")] for one in samples()]
    rounds = [*lines, *lines]
    return [[*chain.from_iterable(rounds[at : at + _SAMPLES_A_STORY])] for at in range(len(lines))]


def rates(*, seconds: float = 0.5, on_progress: Callable[[int], None] | None = None) -> Iterator[Rate]:
    """Read the files of each format again and again for at least so long, in the parser cell, as `articleqa add` does.

    `on_progress` is called with 1 after each format.
    """
    told = stories()
    with Cell() as cell:
        for name, made in FORMATS.items():
            files = made(told)
            _read(cell, files)  # the first time, libraries are loaded
            times, articles, begun = 0, 0, time.perf_counter()
            while not times or time.perf_counter() - begun < seconds:
                articles += _read(cell, files)
                times += 1
            taken = time.perf_counter() - begun
            yield Rate(name, times * len(files), articles, times * sum(len(data) for _, data in files), taken)
            if on_progress:
                on_progress(1)


def _read(cell: Cell, files: Files) -> int:
    return sum(len(cell.load_bytes(data, source=name).articles) for name, data in files)


def table(found: Sequence[Rate]) -> Table:
    """The rates, for the terminal and Markdown."""
    rows = tuple(
        (
            one.name,
            f"{one.size / one.files / 1e3:.1f}",
            f"{one.articles / one.files:.0f}",
            f"{one.articles_per_second:,.0f}",
            f"{one.mb_per_second:.2f}",
        )
        for one in found
    )
    return Table("Text out of files", ("format", "kB a file", "articles in it", "articles/s", "MB/s"), rows)


def to_dict(found: Sequence[Rate]) -> dict[str, Any]:
    """The rates by format, for JSON."""
    return {
        one.name: {
            "bytes_a_file": round(one.size / one.files),
            "articles_a_file": round(one.articles / one.files),
            "articles_per_second": round(one.articles_per_second, 1),
            "mb_per_second": round(one.mb_per_second, 3),
        }
        for one in found
    }


def _each(ending: str, written: Callable[[Story], bytes]) -> Callable[[Sequence[Story]], Files]:
    """A file for each story."""
    return lambda told: [(f"story-{number}{ending}", written(story)) for number, story in enumerate(told)]


def _whole(ending: str, written: Callable[[Sequence[Story]], bytes]) -> Callable[[Sequence[Story]], Files]:
    """A single file of all stories."""
    return lambda told: [(f"stories{ending}", written(told))]


def _text(story: Story) -> bytes:
    return "\n".join(story).encode()


def _markdown(story: Story) -> bytes:
    title, *lines = story
    return "\n\n".join(["---\ndate: 2024-03-05\n---", f"# {title}", *lines]).encode()


def _html(story: Story) -> bytes:
    """A page of a news site: a menu, teasers, scripts and a footer around the article."""
    title, *lines = map(escape, story)
    links = "".join(f"<li><a href='/section/{n}'>Section {n}</a></li>" for n in range(40))
    teasers = "".join(f"<div class='teaser'><a href='/{n}'>Another headline {n}</a></div>" for n in range(30))
    script = "<script>" + "window.data = window.data || [];" * 100 + "</script>"
    return (
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>{script}"
        "<meta property='article:published_time' content='2024-03-05T08:00:00Z'></head><body>"
        f"<nav><ul>{links}</ul></nav><main><article><h1>{title}</h1>"
        + "".join(f"<p>{line}</p>" for line in lines)
        + f"</article></main><aside>{teasers}</aside><footer>All rights reserved.</footer>{script}</body></html>"
    ).encode()


def _pdf(story: Story) -> bytes:
    """Pages of lines in Times, as short as a PDF file can be written."""
    lines = [line for paragraph in story for line in (*textwrap.wrap(paragraph, _LINE, break_on_hyphens=False), "")]
    pages = [lines[at : at + _LINES] for at in range(0, len(lines), _LINES)]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding/WinAnsiEncoding>>",
    ]
    for page in pages:
        shown = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in page]
        drawn = "BT /F 11 Tf 60 780 Td 13 TL " + "".join(f"({line}) Tj T* " for line in shown) + "ET"
        packed = zlib.compress(drawn.encode("cp1252"))
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>"
            b"/Contents %d 0 R>>" % (len(objects) + 2),
            b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(packed), packed),
        ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    listed = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        size,
        listed,
        size,
        len(out),
    )


def _docx(story: Story) -> bytes:
    body = "".join(f"<w:p><w:r><w:t>{escape(line, quote=False)}</w:t></w:r></w:p>" for line in story)
    types = (
        f'<Types xmlns="{_OFFICE}/package/2006/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{_WORD}"/></Types>'
    )
    relations = (
        f'<Relationships xmlns="{_OFFICE}/package/2006/relationships"><Relationship Id="r1" Target="word/document.xml" '
        f'Type="{_OFFICE}/officeDocument/2006/relationships/officeDocument"/></Relationships>'
    )
    document = f'<w:document xmlns:w="{_OFFICE}/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>'
    return _zip([("[Content_Types].xml", types), ("_rels/.rels", relations), ("word/document.xml", document)])


def _feed(told: Sequence[Story]) -> bytes:
    items = "".join(
        f"<item><title>{escape(title)}</title><link>https://news.example/{number}</link><content:encoded>"
        + escape("".join(f"<p>{escape(line)}</p>" for line in lines))
        + "</content:encoded></item>"
        for number, (title, *lines) in enumerate(told)
    )
    space = 'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    return f'<rss version="2.0" {space}><channel><title>News</title>{items}</channel></rss>'.encode()


def _jsonl(told: Sequence[Story]) -> bytes:
    rows = ({"id": f"story-{n}", "title": story[0], "text": "\n".join(story)} for n, story in enumerate(told))
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _warc(told: Sequence[Story]) -> bytes:
    out = b""
    for number, story in enumerate(told):
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + _html(story)
        head = (
            f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: https://news.example/{number}\r\n"
            f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(answer)}\r\n\r\n"
        )
        out += gzip.compress(head.encode() + answer + b"\r\n\r\n")
    return out


def _zip(members: Sequence[tuple[str, bytes | str]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


FORMATS: dict[str, Callable[[Sequence[Story]], Files]] = {
    "plain text": _each(".txt", _text),
    "Markdown": _each(".md", _markdown),
    "HTML": _each(".html", _html),
    "PDF": _each(".pdf", _pdf),
    "DOCX": _each(".docx", _docx),
    "RSS feed": _whole(".rss", _feed),
    "JSON Lines": _whole(".jsonl", _jsonl),
    "WARC of HTML": _whole(".warc.gz", _warc),
    "zip of text": _whole(".zip", lambda told: _zip(_each(".txt", _text)(told))),
}
"""By the name of a format, what makes files of it."""
