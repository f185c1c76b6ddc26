# ruff: noqa: E501, PLW0108, PT017 - a table of files
"""Thirty files made to hang a parser, to fill the memory or to reach outside: each is refused or read within limits."""

import gzip
import io
import re
import time
import zlib

import mutants
import pytest
from formats import page, paragraph, pdf, record, warc, word, zipped

from corpus import ArticleFileError
from corpus.cell import Cell

SECONDS = 4


def stream_pdf(data, filters, *, extra=b"", length=None):
    """A PDF of one page whose contents are this stream."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R >>",
        b"<< /Length %d /Filter %s %s >>\nstream\n%s\nendstream" % (length or len(data), filters, extra, data),
    ]
    return raw_pdf(objects)


def raw_pdf(objects, *, size=None):
    """A PDF of these objects, numbered from 1, the first of which is its catalogue."""
    out, places = io.BytesIO(b"%PDF-1.7\n"), []
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer << /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF" % (size or len(objects) + 1, table))
    return out.getvalue()


def nested_zip(levels):
    data = zipped(("a.txt", "At the bottom."))
    for _ in range(levels):
        data = zipped(("in.zip", data))
    return data


def flate_of_flate(levels, size):
    data = b"0 " * size
    for _ in range(levels):
        data = zlib.compress(data)
    return data


def sized_zip():
    """A member that says it is small and is not."""
    data = bytearray(zipped(("a.txt", "x" * 10_000_000)))
    real = (10_000_000).to_bytes(4, "little")
    return bytes(data.replace(real, (10).to_bytes(4, "little")))


def quine_like_zip():
    """An archive that holds itself as far as it goes, many times side by side."""
    inner = zipped(*((f"{number}.zip", zipped(("a.txt", "a" * 100_000))) for number in range(100)))
    return zipped(*((f"{number}.zip", inner) for number in range(100)))


LOL = '<!DOCTYPE lolz [<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
)
BOMBS = {
    "deflate in a PDF": ("a.pdf", lambda: stream_pdf(flate_of_flate(1, 150_000_000), b"/FlateDecode")),
    "deflate in deflate in a PDF": ("a.pdf", lambda: stream_pdf(flate_of_flate(3, 100_000_000), b"[/FlateDecode /FlateDecode /FlateDecode]")),
    "a predictor of huge rows": ("a.pdf", lambda: stream_pdf(zlib.compress(b"0 " * 1000), b"/FlateDecode", extra=b"/DecodeParms << /Predictor 12 /Columns 2000000000 >>")),
    "pages that are their own parents": ("a.pdf", lambda: raw_pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R 2 0 R 2 0 R] /Count 3 >>"])),
    "a page tree in a ring": ("a.pdf", lambda: raw_pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>"])),
    "an object that is itself": ("a.pdf", lambda: raw_pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"2 0 R"])),
    "two billion pages": ("a.pdf", lambda: raw_pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 2000000000 >>"])),
    "two billion objects": ("a.pdf", lambda: raw_pdf([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"], size=2_000_000_000)),
    "outline in a ring": ("a.pdf", lambda: raw_pdf([
        b"<< /Type /Catalog /Pages 2 0 R /Outlines 5 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R >>",
        b"<< /Length 8 >>\nstream\nBT ET    \nendstream",
        b"<< /First 6 0 R /Last 6 0 R /Count 1 >>", b"<< /Title (a) /Parent 5 0 R /Next 6 0 R /First 6 0 R >>"])),
    "dictionaries in dictionaries": ("a.pdf", lambda: raw_pdf([b"<< /a " * 50_000 + b">>" * 50_000])),
    "a page of a hundred thousand words": ("a.pdf", lambda: pdf([(10 + n % 50, 10 + n % 700, "word") for n in range(30_000)])),
    "ten thousand pages": ("a.pdf", lambda: pdf(*([(72, 700, "A page.")],) * 3000)),
    "a Word file of zeros": ("a.docx", lambda: zipped(("word/document.xml", bytes(300_000_000)))),
    "a Word file of a million runs": ("a.docx", lambda: word(body=paragraph("a") * 300_000)),
    "a Word table of a million cells": ("a.docx", lambda: word(body="<w:tbl>" + ("<w:tr>" + "<w:tc><w:p/></w:tc>" * 100 + "</w:tr>") * 3000 + "</w:tbl>")),
    "deep nesting in a Word file": ("a.docx", lambda: word(body="<w:p>" * 100_000)),
    "a billion laughs": ("a.xml", lambda: (LOL + "]><rss><channel><item><title>&j;</title></item></channel></rss>").encode()),
    "a billion laughs in a Word file": ("a.docx", lambda: zipped(("word/document.xml", LOL + "]><w>&j;</w>"))),
    "an entity outside": ("a.xml", lambda: b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><item><title>t</title><description>&x;</description></item></channel></rss>'),
    "deep nesting in a page": ("a.html", lambda: page("<div>" * 200_000 + "<p>A text at the bottom of it all.</p>").encode()),
    "tables in tables": ("a.html", lambda: page("<table><tr><td>" * 3000 + "x").encode()),
    "a row of a hundred thousand cells": ("a.html", lambda: page("<table><tr>" + "<td>1</td>" * 100_000 + "</tr></table>").encode()),
    "cells that span a billion": ("a.html", lambda: page('<table><tr><td rowspan="999999999" colspan="999999999">1</td><td>2</td></tr></table>').encode()),
    "a tag of a million attributes": ("a.html", lambda: ("<html><body><p " + " ".join(f"a{n}=1" for n in range(300_000)) + ">x").encode()),
    "a line of ten million letters": ("a.txt", lambda: b"a" * 10_000_000),
    "brackets for the Markdown parser": ("a.md", lambda: b"[" * 200_000 + b"](" * 200_000),
    "quotes in quotes": ("a.md", lambda: b"> " * 100_000 + b"deep"),
    "stars for the Markdown parser": ("a.md", lambda: b"*a _b " * 200_000),
    "a zip in a zip in a zip": ("a.zip", lambda: nested_zip(200)),
    "a zip of zips of zips": ("a.zip", quine_like_zip),
    "a member that lies about its size": ("a.zip", sized_zip),
    "a zip that climbs out": ("a.zip", lambda: zipped(("../../../../etc/cron.d/a.txt", "Out."), ("/etc/b.txt", "Out."), ("C:\\c.txt", "Out."))),
    "gzip of zeros": ("a.txt.gz", lambda: gzip.compress(gzip.compress(bytes(500_000_000)))),
    "gzip in gzip": ("a.txt.gz", lambda: gzip.compress(bytes(400_000_000))),
    "a compressed body in a WARC": ("a.warc", lambda: warc(("https://example.org/a", "200 OK", [("Content-Type", "text/html"), ("Content-Encoding", "gzip")], gzip.compress(bytes(300_000_000))))),
    "a WARC record that is longer than it is": ("a.warc", lambda: record("response", "https://example.org/", b"x").replace(b"Content-Length: 1", b"Content-Length: 99999999999999")),
    "rows nested deep": ("a.jsonl", lambda: b'{"text": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"),
    "a number of a million digits": ("a.jsonl", lambda: b'{"text": "a", "id": ' + b"9" * 1_000_000 + b"}"),
    "front matter of aliases": ("a.md", lambda: ("---\na: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)) + "---\nText.").encode()),
    "a feed of a million links": ("a.xml", lambda: b"<urlset>" + b"<url><loc>https://example.org/a</loc></url>" * 400_000 + b"</urlset>"),
}  # fmt: skip


@pytest.fixture(scope="module")
def cell():
    with Cell(seconds=SECONDS) as cell:
        yield cell


def test_there_are_at_least_thirty():
    assert len(BOMBS) >= 30


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_read_within_limits(cell, name):
    file, make = BOMBS[name]
    data = make()
    begun = time.monotonic()
    try:
        loaded = cell.load_bytes(data, source=file)
    except ArticleFileError as error:
        assert re.fullmatch(rf"({file}|https:)[^\n]*: [^\n]+; [^\n]+", str(error)), str(error)
    else:
        assert all("\n" not in line for line in loaded.failures)
        assert all("root:" not in article.text for article in loaded.articles)
        assert not any(".." in article.id for article in loaded.articles)
    assert time.monotonic() - begun < SECONDS + 5
    assert cell.load_bytes(b"The next file.", source="b.txt").articles[0].text == "The next file."


def test_a_zip_that_climbs_out_writes_nothing(cell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, make = BOMBS["a zip that climbs out"]
    with pytest.raises(ArticleFileError, match="leads out of the archive; do not trust this file"):
        cell.load_bytes(make(), source=file)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", mutants.SEEDS)
def test_broken_files_are_read_or_refused(kind):
    """A few of the thousands of `python tests/mutants.py`."""
    found = mutants.run(kind, 30, seed=7)
    assert found["peak_mb"] < 512
