"""WARC files: the web pages that a crawler has kept."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from email.message import Message
from http.client import HTTPException, parse_headers

from corpus.archive import gunzip
from corpus.errors import ArticleFileError
from corpus.raw import Raw, is_address, name_in_address

MAX_RECORDS = 100_000
_MAX_HEAD = 2**16
_HTML = ("text/html", "application/xhtml+xml")
_END = b"\r\n\r\n"


def web_pages(raw: Raw) -> Iterator[Raw | ArticleFileError]:
    """The HTML pages among a WARC file's records, under their addresses, or why one cannot be read.

    Answers other than 200 and what is not HTML are passed over. Raises `ArticleFileError` where the file is broken.
    """
    for record, body in _records(raw):
        address = str(record.get("WARC-Target-URI", "")).strip("<> ")
        kind = record.get("WARC-Type", "")
        if kind not in {"response", "resource"} or not is_address(address):
            continue
        page = Raw(body, name_in_address(address), address, str(record.get("Content-Type", "")))
        try:
            answered = _answer(page) if kind == "response" else page
        except (HTTPException, ValueError, zlib.error) as error:
            yield page.refused(f"the answer kept in {raw.source} is broken ({error}); fetch the page again")
            continue
        except ArticleFileError as error:
            yield error
            continue
        if answered and answered.content_type.lower().startswith(_HTML):
            yield answered


def _records(raw: Raw) -> Iterator[tuple[Message, bytes]]:
    """The header and the block of each record."""
    data, position = raw.data, 0
    for _ in range(MAX_RECORDS):
        while data.startswith(b"\r\n", position):
            position += 2
        if position == len(data):
            return
        head_end = data.find(_END, position, position + _MAX_HEAD)
        length = ""
        if data.startswith(b"WARC/", position) and head_end > 0:
            head = io.BytesIO(data[data.index(b"\r\n", position) + 2 : head_end + len(_END)])
            header = parse_headers(head)
            length = str(header.get("Content-Length", "")).strip()
        start = head_end + len(_END)
        if not (length.isascii() and length.isdigit() and len(length) < 12) or start + int(length) > len(data):
            raise raw.refused(f"no WARC file, or broken or cut off at byte {position:,}; fetch it again")
        position = start + int(length)
        yield header, data[start:position]
    raise raw.refused(f"more than {MAX_RECORDS:,} records; split it into several")


def _answer(page: Raw) -> Raw | None:
    """The body of a server's answer as it was before it was sent; None when the answer is not 200."""
    stream = io.BytesIO(page.data)
    status = stream.readline(_MAX_HEAD).split()
    if len(status) < 2 or not status[0].startswith(b"HTTP/") or status[1] != b"200":
        return None
    header = parse_headers(stream)
    body = stream.read()
    if "chunked" in str(header.get("Transfer-Encoding", "")).lower():
        body = _dechunked(body)
    encoding = str(header.get("Content-Encoding", "identity")).lower().strip()
    answer = Raw(body, page.name, page.source, str(header.get("Content-Type", "")))
    if encoding in {"gzip", "x-gzip"} and body.startswith(
        b"\x1f\x8b"
    ):  # some crawlers keep the header of what they unpacked
        return Raw(gunzip(answer).data, page.name, page.source, answer.content_type)
    if encoding in {"br", "zstd", "deflate", "compress"}:
        raise ValueError(f"compressed with {encoding}")
    return answer


def _dechunked(body: bytes) -> bytes:
    """The body without the sizes of its chunks; as it is when it has none, since some crawlers join the chunks."""
    parts: list[bytes] = []
    position = 0
    while True:
        end = body.find(b"\r\n", position, position + 1000)
        try:
            size = int(body[position:end].split(b";")[0], 16) if end > 0 else -1
        except ValueError:
            size = -1
        if size < 0:
            return b"".join(parts) or body
        if size == 0:
            return b"".join(parts)
        parts.append(body[end + 2 : end + 2 + size])
        position = end + 2 + size + 2
