"""Files of every format, made as the programs that write them make them."""

import gzip
import io
import zipfile
from collections.abc import Sequence

import docx
from docx.document import Document
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

STORY = (
    "<p>The swing bridge at Saltmere was opened to trains on Monday, seven years after the first pier was sunk.</p>"
    "<p>It carries 40 trains a day, the harbour board said, and half as many again in summer.</p>"
)


def page(body: str = STORY, *, head: str = "<title>Bridge opens</title>", html: str = "") -> str:
    """A web page with a menu and a footer around its article."""
    return (
        f"<!DOCTYPE html><html {html}><head>{head}</head><body><nav><ul><li><a href='/'>Home</a></li></ul></nav>"
        f"<article>{body}</article><footer>All rights reserved. Contact us.</footer></body></html>"
    )


Drawn = tuple[float, float, str]


def pdf(*pages: Sequence[Drawn], size: int = 10, turn: int = 0, outline: Sequence[tuple[str, int]] = (), **facts: str):
    """A PDF whose pages hold these texts, each drawn at (x, y); `outline` has headings with pages from 1."""
    out = io.BytesIO()
    drawing = canvas.Canvas(out, pagesize=A4, invariant=1)
    for name, value in facts.items():
        getattr(drawing, f"set{name.title()}")(value)
    for number, drawn in enumerate(pages, start=1):
        if turn:
            drawing.setPageRotation(360 - turn)
            drawing.translate(*{90: (A4[0], 0), 180: A4, 270: (0, A4[1])}[turn])
            drawing.rotate(turn)
        drawing.setFont("Times-Roman", size)
        for label, at in outline:
            if at == number:
                drawing.bookmarkPage(label)
                drawing.addOutlineEntry(label, label)
        for x, y, text in drawn:
            drawing.drawString(x, y, text)
        drawing.showPage()
    drawing.save()
    return out.getvalue()


def column(x: float, top: float, lines: Sequence[str], *, leading: float = 12) -> list[Drawn]:
    """Lines of text under each other."""
    return [(x, top - leading * number, line) for number, line in enumerate(lines)]


def word(document: Document | None = None, *, body: str | None = None, **parts: str) -> bytes:
    """A Word document; `body` is put in place of its body as XML, and `parts` are further parts such as footnotes."""
    out = io.BytesIO()
    (document or docx.Document()).save(out)
    if body is None and not parts:
        return out.getvalue()
    packed = io.BytesIO()
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(packed, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename == "word/document.xml" and body is not None:
                begin, end = data.index(b"<w:body>") + 8, data.index(b"</w:body>")
                data = data[:begin] + body.encode() + data[end:]
            new.writestr(info.filename, data)
        for name, xml in parts.items():
            space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
            new.writestr(f"word/{name}.xml", f"<w:{name} {space}>{xml}</w:{name}>")
    return packed.getvalue()


def paragraph(text: str, style: str = "") -> str:
    """A paragraph as Word writes it."""
    kind = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{kind}<w:r><w:t>{text}</w:t></w:r></w:p>"


def zipped(*members: tuple[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def warc(*answers: tuple[str, str, Sequence[tuple[str, str]], bytes], packed: bool = False) -> bytes:
    """A WARC file of answers: address, status line, headers and body each."""
    pack = gzip.compress if packed else bytes
    out = pack(record("warcinfo", "", b"software: test\r\n"))
    for address, status, headers, body in answers:
        head = "\r\n".join([f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "", ""])
        out += pack(record("response", address, head.encode() + body))
    return out


def record(kind: str, address: str, block: bytes) -> bytes:
    """A record of a WARC file."""
    head = {
        "WARC-Type": kind,
        "WARC-Record-ID": "<urn:uuid:12345678-feed-b000-0000-68656c6c6f21>",
        "WARC-Target-URI": address,
        "WARC-Date": "2023-10-19T08:30:00Z",
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block)),
    }
    lines = "\r\n".join(["WARC/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""])
    return lines.encode() + block + b"\r\n\r\n"
