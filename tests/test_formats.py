"""Articles out of every format they come in: the exact text, what is said about them, and what is refused."""

import gzip
import io
import json
import random
import zipfile
import zlib
from datetime import date

import docx
import pytest
from conftest import HashEmbedder
from formats import STORY, column, page, paragraph, pdf, warc, word, zipped

from corpus import (
    Anchor,
    Article,
    ArticleFileError,
    Loaded,
    archive,
    feeds,
    load,
    load_bytes,
    load_file,
    load_stream,
    read_file,
)
from corpus import warc as warc_format
from corpus.archive import MAX_MEMBERS
from corpus.raw import MAX_BYTES, Raw, decode, name_in_address
from index import Library

FIRST = "The swing bridge at Saltmere was opened to trains on Monday, seven years after the first pier was sunk."
SECOND = "It carries 40 trains a day, the harbour board said, and half as many again in summer."
TEXT = f"{FIRST}\n{SECOND}"


def only(data: bytes | str, name: str, *, source: str | None = None, content_type: str = "") -> Article:
    loaded = read(data, name, source=source, content_type=content_type)
    assert not loaded.failures
    (article,) = loaded.articles
    assert all(anchor.label in article.text[anchor.start :].split("\n")[0] for anchor in article.anchors)
    assert list(article.pages) == sorted(article.pages)
    return article


def read(data: bytes | str, name: str, *, source: str | None = None, content_type: str = "") -> Loaded:
    data = data if isinstance(data, bytes) else data.encode()
    return load_bytes(data, source=source or f"/articles/{name}", name=name, content_type=content_type)


def refusal(data: bytes | str, name: str) -> str:
    """The message with which bytes are refused: one line that names them and, after a semicolon, the remedy."""
    with pytest.raises(ArticleFileError) as caught:
        read(data, name)
    message = str(caught.value)
    assert message.startswith(f"/articles/{name}")
    assert len(message.splitlines()) == 1
    assert ";" in message
    return message.removeprefix(f"/articles/{name}")


def read_or_refuse(data: bytes, name: str) -> None:
    """Read bytes that may be broken: what cannot be read is refused in one line, and nothing else happens."""
    try:
        read(data, name)
    except ArticleFileError as error:
        refused = str(error)
    else:
        return
    assert len(refused.splitlines()) == 1


# --- plain text in any encoding -----------------------------------------------------------------------------------

SENTENCES = {
    "ru": "Мост открыли весной, по нему ходит сорок поездов в день. Строительство заняло семь лет.",
    "uk": "Міст відкрили навесні, щодня ним їздить сорок поїздів. Будівництво тривало сім років.",
    "th": "สะพานเปิดในฤดูใบไม้ผลิ มีรถไฟสี่สิบขบวนต่อวัน การก่อสร้างใช้เวลาเจ็ดปี",
    "el": "Η γέφυρα άνοιξε την άνοιξη και σαράντα τρένα περνούν κάθε μέρα. Η κατασκευή διήρκεσε επτά χρόνια.",
    "he": "הגשר נפתח באביב, וארבעים רכבות עוברות בו מדי יום. הבנייה נמשכה שבע שנים.",
    "ar": "افتتح الجسر في الربيع ويمر به أربعون قطارا كل يوم. استغرق البناء سبع سنوات.",
    "ja": "橋は春に開通しました。毎日四十本の列車が通ります。建設には七年かかり、費用は四千万円でした。",
    "zh": "大桥于春天开通，每天有四十列火车通过。建设历时七年，耗资四千万元。",
    "ko": "다리는 봄에 개통되었으며 하루에 사십 편의 열차가 다닙니다. 공사는 칠 년이 걸렸습니다.",
    "tr": "Köprü ilkbaharda açıldı ve üzerinden günde kırk tren geçiyor. İnşaat yedi yıl sürdü.",
    "pl": "Most otwarto wiosną, a codziennie przejeżdża nim czterdzieści pociągów. Budowa trwała siedem lat.",
    "de": "Die Brücke wurde im Frühjahr eröffnet. Täglich fahren vierzig Züge darüber, so die Behörde.",
    "fr": "Le pont a été ouvert au printemps. Quarante trains y passent – « une réussite », a dit le préfet.",
    "en": "The bridge was opened in spring – it carries 40 trains a day. “It’s fine,” said the mayor of the café.",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        *[("ru", encoding) for encoding in ("cp1251", "koi8-r", "iso8859-5", "utf-16-le")],
        *[
            ("uk", "koi8-u"),
            ("th", "cp874"),
            ("el", "cp1253"),
            ("el", "iso8859-7"),
            ("he", "cp1255"),
            ("ar", "cp1256"),
            ("tr", "cp1254"),
        ],
        *[("ja", "shift_jis"), ("ja", "euc_jp"), ("ja", "iso2022_jp"), ("zh", "gb18030"), ("zh", "gbk")],
        *[("ko", "euc_kr"), ("pl", "cp1250"), ("de", "cp1252"), ("de", "latin-1"), ("fr", "cp1252"), ("en", "cp1252")],
        *[("en", "utf-16-le"), ("en", "utf-16-be"), ("de", "utf-16-be"), ("de", "cp850")],
    ],
)
@pytest.mark.parametrize("copies", [1, 3000])
def test_text_without_a_label_is_read_in_its_encoding(language, encoding, copies):
    text = (SENTENCES[language] + "\n") * copies
    assert only(text.encode(encoding), "a.txt").text == text


def test_the_encoding_a_server_states_is_believed_unless_it_is_wrong():
    for stated, encoding in [
        ("koi8-r", "koi8-r"),
        ("iso-8859-1", "utf-8"),
        ("nonsense", "cp1251"),
        ("utf-8", "cp1251"),
    ]:
        raw = Raw(SENTENCES["ru"].encode(encoding), "a.txt", "a.txt", f"text/plain; charset={stated}")
        assert decode(raw) == SENTENCES["ru"]


# --- HTML ---------------------------------------------------------------------------------------------------------


def test_html_keeps_the_article_and_drops_what_is_around_it():
    article = only(page(), "a.html")
    assert (article.text, article.title, article.anchors) == (TEXT, "Bridge opens", ())


def test_html_headings_are_anchors():
    article = only(page(f"<h1>Bridge opens</h1>{STORY}<h2>The <i>cost</i> &amp; the towns</h2>{STORY}"), "a.html")
    text = f"Bridge opens\n{TEXT}\nThe cost & the towns\n{TEXT}"
    second = text.index("The cost")
    assert article.text == text
    assert article.anchors == (Anchor(0, "Bridge opens"), Anchor(second, "The cost & the towns"))


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        pytest.param(
            "<thead><tr><th>Driver<th>Car<th>Points</thead><tr><td>Sims<td>Cadillac<td>22<tr><td>Aitken<td><td>20.5",
            ["Driver: Sims; Car: Cadillac; Points: 22.", "Driver: Aitken; Points: 20.5."],
            id="head",
        ),
        pytest.param(
            "<tr><td>Driver<td>Car<td>Points<tr><td>Sims<td>Cadillac<td>22",
            ["Driver: Sims; Car: Cadillac; Points: 22."],
            id="first row without figures",
        ),
        pytest.param("<tr><td>Driver<td>Points<tr><td>Sims<td>22", ["Driver: Sims; Points: 22."], id="two columns"),
        pytest.param(
            "<tr><th>Opened:<td>1 May 1887<tr><th>Cost<td>£86,000.",
            ["Opened: 1 May 1887.", "Cost: £86,000."],
            id="heads of rows",
        ),
        pytest.param(
            "<tr><td>Architect<td>Ada Lunn<tr><td>Length<td>86 metres",
            ["Architect: Ada Lunn.", "Length: 86 metres."],
            id="names and values",
        ),
        pytest.param("<tr><td>1887<td>1,200<tr><td>1888<td>1,300", ["1887; 1,200.", "1888; 1,300."], id="no names"),
        pytest.param(
            "<tr><th rowspan=2>Town<th colspan=2>Trains<tr><th>1887<th>1888<tr><td>Leeds<td>4<td>6",
            ["Town: Leeds; Trains 1887: 4; Trains 1888: 6."],
            id="head of two rows",
        ),
        pytest.param(
            "<tr><th>Team<th>Driver<th>Points<tr><td rowspan=2>Action<td>Sims<td>22<tr><td>Aitken<td>20",
            ["Team: Action; Driver: Sims; Points: 22.", "Team: Action; Driver: Aitken; Points: 20."],
            id="cell over two rows",
        ),
        pytest.param(
            "<tr><th>Driver<th>Points<tr><td colspan=2>Did they finish?<tr><td>Sims<td>22",
            ["Did they finish?", "Driver: Sims; Points: 22."],
            id="row of one cell",
        ),
        pytest.param(
            "<caption>Final <b>standings</b></caption><tr><th>Driver<th>Points<tr><td>Sims<br>(US)<td>22",
            ["Final standings.", "Driver: Sims (US); Points: 22."],
            id="caption",
        ),
        pytest.param(
            "<tr><th>Town<th>Trains<tr><td>Leeds<td><ul><li>at 8<li>at 9</ul>",
            ["Town: Leeds; Trains: at 8, at 9."],
            id="list",
        ),
        pytest.param("<tr><th>Driver<th>Points", ["Driver; Points."], id="only a head"),
        pytest.param(
            "<tr><th>Driver<th>Points<tr><td>Sims<td colspan=x rowspan=-3>22",
            ["Driver: Sims; Points: 22."],
            id="odd spans",
        ),
        pytest.param(
            "<tr><th>Driver<th>Points<tr><td>Sims<td rowspan=9999>22", ["Driver: Sims; Points: 22."], id="long span"
        ),
    ],
)
def test_html_rows_of_tables_become_sentences(table, expected):
    article = only(page(f"{STORY}<table class=wide>{table}</table>{STORY}"), "a.html")
    assert article.text.split("\n") == [
        FIRST,
        SECOND,
        *[row.replace("standings.", "standings") for row in expected],
        FIRST,
        SECOND,
    ]


def test_html_tables_that_only_lay_out_text_are_read_as_text():
    long = "The mayor of the town was late because his coach had lost a wheel, and so the crowd had to wait. " * 5
    article = only(page(f"<table><tr><td>{STORY}</td><td><p>{long}</p></td></tr></table>"), "a.html")
    assert article.text.split("\n") == [FIRST, SECOND, long.strip()]


def test_html_table_of_absurd_size_takes_no_time():
    spans = "".join("<tr>" + "<td rowspan=100 colspan=100>x" * 50 for _ in range(50))
    assert FIRST in only(page(f"{STORY}<table>{spans}</table>"), "a.html").text


def test_html_invisible_characters_are_left_out():
    body = "<p>The har\u00adbour&nbsp;board\u200b said &shy;that the bridge, open since May, is safe for everybody.</p>"
    assert "The harbour board said that the bridge" in only(page(body * 2), "a.html").text


LD = '<script type="application/ld+json">{"@type": "NewsArticle", "datePublished": "2023-10-15T10:00:00Z"}</script>'


@pytest.mark.parametrize(
    ("head", "body", "source", "expected"),
    [
        pytest.param(LD, "", None, date(2023, 10, 15), id="JSON-LD"),
        pytest.param(
            '<meta property="article:published_time" content="2023-10-15">', "", None, date(2023, 10, 15), id="meta"
        ),
        pytest.param("", '<time datetime="2023-10-15">a week ago</time>', None, date(2023, 10, 15), id="time"),
        pytest.param("", "", "https://example.org/2023/10/15/bridge", date(2023, 10, 15), id="address"),
        pytest.param("", "", "https://example.org/2023/oct/15/bridge", date(2023, 10, 15), id="address with a name"),
        pytest.param("", "<p>By Ada Lunn, 15 October 2023</p>", None, date(2023, 10, 15), id="byline"),
        pytest.param(
            "",
            "<p>The first bridge was lost on 28 December 1879 in a storm, with a train on it.</p>",
            None,
            None,
            id="no date",
        ),
    ],
)
def test_html_date(head, body, source, expected):
    article = only(
        page(body + STORY, head=f"<title>Bridge opens</title>{head}"), "bridge", source=source, content_type="text/html"
    )
    assert article.published == expected


@pytest.mark.parametrize(
    ("html", "expected"), [('lang="en-GB"', "en-GB"), ('xml:lang="de_AT"', "de-AT"), ('lang="?"', None)]
)
def test_html_language(html, expected):
    assert only(page(html=html), "a.html").language == expected


def test_html_source_is_where_it_came_from_or_else_what_it_says():
    head = '<title>Bridge</title><link rel="canonical" href="https://example.org/bridge">'
    assert only(page(head=head), "a.html").source == "https://example.org/bridge"
    address = "https://example.com/copy"
    assert only(page(head=head), "a.html", source=address).source == address
    assert only(page(head=head.replace("https:", "javascript:")), "a.html").source == "/articles/a.html"


# --- Markdown -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_markdown_tables_become_sentences_and_the_rest_stays(newline):
    lines = [
        "# Race",
        "",
        "| Driver | Car \\| team |",
        "|:---|---:|",
        "| Sims | Cadillac |",
        "| Aitken |  |",
        "",
        "After `a | b`.",
    ]
    article = only(newline.join(lines), "a.md")
    rows = ["Driver: Sims; Car | team: Cadillac.", "Driver: Aitken."]
    assert article.text == newline.join([*lines[:2], *rows, *lines[6:]])


def test_markdown_tables_without_outer_bars_end_where_the_bars_end():
    article = only("Driver | Points\n--- | ---\nSims | 22 | dropped\nThe end.", "a.md")
    assert article.text == "Driver: Sims; Points: 22.\nThe end."


@pytest.mark.parametrize(
    "text",
    [
        "| no | rule |\n| a | b |",
        "a | b\n--- | --- | ---\n",
        "```\n| a | b |\n|---|---|\n| c | d |\n```",
        "~~~ text\n| a | b |\n|---|---|\n```\n| c | d |",
        "Text\n---\nmore",
    ],
)
def test_markdown_that_is_no_table_stays(text):
    assert only(text, "a.md").text == text


def test_markdown_headings_after_a_table_stand_where_they_stand():
    article = load_bytes(b"Intro.\n\n| A | B |\n|---|---|\n| c | d |\n\n## Later ##\nText.", source="a.md").articles[0]
    assert article.text == "Intro.\n\nA: c; B: d.\n\n## Later ##\nText."
    assert article.anchors == (Anchor(article.text.index("## Later"), "Later"),)


def test_markdown_headings_by_underline_and_not_in_code():
    text = (
        "The bridge\n==========\n\nText.\n\nCost\n----\n\n```sh\n# no heading\n```\n\n- item\n---\n\n   ### Third #\n"
    )
    article = load_bytes(text.encode(), source="a.md").articles[0]
    assert article.text == text
    assert [anchor.label for anchor in article.anchors] == ["The bridge", "Cost", "Third"]
    assert [text[anchor.start :].partition("\n")[0] for anchor in article.anchors] == [
        "The bridge",
        "Cost",
        "   ### Third #",
    ]
    assert article.title == "The bridge"


# --- PDF ----------------------------------------------------------------------------------------------------------

LEFT = [
    "The bridge was opened in spring after a long exam-",
    "ination of its piers. It carries 40 trains a day and is",
    "painted green.",
    "It is well-known in the county and very popular with",
    "visitors from the towns on both sides of the river, as",
]
RIGHT = [
    "the harbour board said. The cost of it, which was £86",
    "million in all, was shared: half came from the state, the",
    "rest from the towns nearby.",
    "A tunnel would have been cheaper, said a well-",
    "known engineer, but nobody wanted it.",
]
COLUMNS = (
    "The bridge was opened in spring after a long examination of its piers. It carries 40 trains a day and is painted "
    "green.\n"
    "It is well-known in the county and very popular with visitors from the towns on both sides of the river, as the "
    "harbour board said. The cost of it, which was £86 million in all, was shared: half came from the state, the rest "
    "from the towns nearby.\n"
    "A tunnel would have been cheaper, said a well-known engineer, but nobody wanted it."
)


def test_pdf_columns_drawn_one_after_the_other():
    data = pdf([*column(72, 700, LEFT), *column(310, 700, RIGHT)])
    assert only(data, "a.pdf").text == COLUMNS


def test_pdf_columns_drawn_line_by_line():
    drawn = [piece for pair in zip(column(72, 700, LEFT), column(310, 700, RIGHT), strict=True) for piece in pair]
    assert only(pdf(drawn), "a.pdf").text == COLUMNS


def test_pdf_three_columns_under_a_title_and_over_a_note():
    narrow = [
        [
            "The bridge was opened in the",
            "spring of the year 1887 by the",
            "mayor of Saltmere himself, who",
            "had promised it for years.",
        ],
        [
            "It carries 40 trains each day",
            "and many more in summer when",
            "the regatta brings people from",
            "all over the county to it.",
        ],
        [
            "The cost was more than double",
            "of what was planned, which the",
            "board has never explained to",
            "the people of the towns.",
        ],
    ]
    drawn = [(72, 760, "A title that runs over all of the three columns of this page, from edge to edge of the text")]
    for row in range(4):
        drawn += [(72 + 160 * number, 730 - 12 * row, lines[row]) for number, lines in enumerate(narrow)]
    drawn += [(72, 650, "A note at the foot that runs over all of the three columns of this page, from edge to edge")]
    article = only(pdf(drawn), "a.pdf")
    assert article.text.split("\n") == [drawn[0][2], *[" ".join(lines) for lines in narrow], drawn[-1][2]]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_pdf_pages_lying_on_their_side(turn):
    drawn = [piece for pair in zip(column(72, 500, LEFT), column(310, 500, RIGHT), strict=True) for piece in pair]
    assert only(pdf(drawn, turn=turn), "a.pdf").text == COLUMNS


def test_pdf_rows_of_a_table_are_lines_of_their_own():
    rows = [
        ("Driver", "Car", "Points"),
        ("Sims", "Cadillac", "22"),
        ("Aitken", "Porsche", "20"),
        ("Bamber", "Porsche", "18"),
    ]
    drawn = [(72 + 120 * x, 700 - 12 * y, cell) for y, row in enumerate(rows) for x, cell in enumerate(row)]
    assert only(pdf(drawn), "a.pdf").text.split("\n") == [" ".join(row) for row in rows]


def test_pdf_paragraphs_by_space_and_by_indent():
    first = ["The bridge was opened in the spring of the year after a long", "examination."]
    second = [
        "It carries 40 trains each day and many more in the summer when",
        "the regatta brings people from all over the county to Saltmere.",
    ]
    spaced = pdf([*column(72, 700, first), *column(72, 660, second)])
    indented = pdf([(84, 700, first[0]), (72, 688, first[1]), (84, 676, second[0]), (72, 664, second[1])])
    for data in (spaced, indented):
        assert only(data, "a.pdf").text == "\n".join([" ".join(first), " ".join(second)])


def test_pdf_facts():
    data = pdf(column(72, 700, LEFT), title="The bridge", author="Ada Lunn")
    article = only(data, "2023-10-19 bridge.pdf")
    assert (article.id, article.title, article.author) == ("2023-10-19-bridge", "The bridge", "Ada Lunn")
    assert (article.published, article.pages, article.source) == (
        date(2023, 10, 19),
        (0,),
        "/articles/2023-10-19 bridge.pdf",
    )


@pytest.mark.parametrize("title", ["untitled", "bridge_final.docx", "Microsoft Word - bridge.doc", ""])
def test_pdf_titles_that_programs_made_up_are_not_believed(title):
    data = pdf([(72, 740, "A bridge for Saltmere"), *column(72, 700, LEFT)], title=title)
    assert only(data, "a.pdf").title == "A bridge for Saltmere"


def test_pdf_pages_and_headings():
    first = [(72, 760, "Opening"), *column(72, 730, LEFT[:2]), (72, 706, "painted green by the")]
    second = [
        *column(72, 760, ["people of the town.", "Nobody knows why."]),
        (72, 700, "2. Cost"),
        *column(72, 680, RIGHT[1:3]),
    ]
    article = only(pdf(first, [], second, outline=[("Opening", 1), ("Cost", 3), ("Nowhere", 3)]), "a.pdf")
    whole = (
        "The bridge was opened in spring after a long examination of its piers. It carries 40 trains a day and is "
        "painted green by the people of the town."
    )
    assert article.text.split("\n") == [
        "Opening",
        whole,
        "Nobody knows why.",
        "2. Cost",
        "million in all, was shared: half came from the state, the rest from the towns nearby.",
    ]
    third = article.text.index("people")
    assert article.pages == (0, third, third)
    assert [article.page_at(article.text.index(words)) for words in ("Opening", "green", "people", "2. Cost")] == [
        1,
        1,
        3,
        3,
    ]
    assert [(article.text[a.start :][:7], a.label) for a in article.anchors] == [
        ("Opening", "Opening"),
        ("2. Cost", "Cost"),
    ]


def test_pdf_headers_footers_and_page_numbers_are_left_out():
    pages = [
        [
            (72, 800, "The Saltmere Courier"),
            *column(72, 700, [f"{word} was opened in the spring of 1887 by the mayor."]),
            (290, 40, f"Page {n} of 3"),
        ]
        for n, word in enumerate(("Leeds", "Otley", "Ilkley"), start=1)
    ]
    article = only(pdf(*pages), "a.pdf")
    assert article.text.split("\n") == [
        f"{word} was opened in the spring of 1887 by the mayor." for word in ("Leeds", "Otley", "Ilkley")
    ]
    assert [article.page_at(article.text.index(word)) for word in ("Leeds", "Otley", "Ilkley")] == [1, 2, 3]
    assert "The Saltmere Courier" in only(pdf(*pages[:2]), "a.pdf").text


def test_pdf_items_of_a_list_hang_together():
    items = [
        "the bridge, which was opened in the spring of 1887 by the",
        "mayor",
        "the tunnel, which has not been opened by anybody at all so",
    ]
    drawn = [(72, 700, "•"), (96, 700, items[0]), (96, 688, items[1]), (72, 676, "(b)"), (96, 676, items[2])]
    assert only(pdf(drawn), "a.pdf").text == f"• {items[0]} mayor\n(b) {items[2]}"


def test_pdf_headers_that_change_with_the_chapter_are_left_out():
    names = ["Bridges"] * 3 + ["Tunnels"] * 3
    pages = [
        [(72, 800, f"{name} {number + 4}"), (72, 700, f"Page text {'abcdef'[number]}."), (72, 688, "The end.")]
        for number, name in enumerate(names)
    ]
    assert only(pdf(*pages), "a.pdf").text == "\n".join(f"Page text {letter}. The end." for letter in "abcdef")


def broken_pdfs():
    whole = pdf(column(72, 700, LEFT))
    from reportlab.lib import pdfencrypt
    from reportlab.pdfgen import canvas

    locked = io.BytesIO()
    drawing = canvas.Canvas(locked, encrypt=pdfencrypt.StandardEncryption("secret", canPrint=0))
    drawing.drawString(72, 700, "Text")
    drawing.save()
    yield pytest.param(b"%PDF-1.7\n", "broken", id="only a head")
    yield pytest.param(b"hello", "broken", id="text")
    yield pytest.param(b"", "broken", id="nothing")
    yield pytest.param(whole[:200], "broken", id="cut off")
    yield pytest.param(locked.getvalue(), "password", id="locked")
    yield pytest.param(pdf([]), "OCR", id="no text")


@pytest.mark.parametrize(("data", "problem"), [*broken_pdfs()])
def test_pdf_that_cannot_be_read_is_refused(data, problem):
    assert problem in refusal(data, "a.pdf")


def test_pdf_limits(monkeypatch):
    data = pdf([(72, 700, "One.")], [(72, 700, "Two.")])
    for name, limit, problem in [
        ("MAX_PAGES", 1, "2 pages"),
        ("MAX_PAGE_CHARACTERS", 3, "too much text up to page 1"),
        ("MAX_CHARACTERS", 7, "up to page 2"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(f"corpus.pdf.{name}", limit)
            assert problem in refusal(data, "a.pdf")


# --- Word ---------------------------------------------------------------------------------------------------------


def report():
    document = docx.Document()
    document.core_properties.title = "Bridge report"
    document.core_properties.author = "Ada Lunn"
    document.add_heading("The bridge", 0)
    document.add_heading("Opening", 1)
    made = document.add_paragraph("It was opened in ")
    made.add_run("spring").bold = True
    made.add_run("\tof 1887.\nThe mayor spoke.")
    document.add_paragraph("Trains first", style="List Bullet")
    document.add_heading("Results", 2)
    table = document.add_table(rows=0, cols=3)
    for row in (("Driver", "Car", "Points"), ("Sims", "Cadillac", "22"), ("Aitken", "", "20")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.add_paragraph("The end.")
    return document


def test_docx():
    article = only(word(report()), "2023-10-19 report.docx")
    assert article.text.split("\n") == [
        "The bridge",
        "Opening",
        "It was opened in spring of 1887.",
        "The mayor spoke.",
        "Trains first",
        "Results",
        "Driver: Sims; Car: Cadillac; Points: 22.",
        "Driver: Aitken; Points: 20.",
        "The end.",
    ]
    assert [anchor.label for anchor in article.anchors] == ["The bridge", "Opening", "Results"]
    assert (article.title, article.author, article.published) == ("Bridge report", "Ada Lunn", date(2023, 10, 19))


def test_docx_date_of_the_file_when_nothing_else_is_dated():
    assert only(word(report()), "report.docx").published == date(2013, 12, 23)


def test_docx_tracked_changes_fields_and_boxes():
    body = (
        "<w:p><w:r><w:t>It </w:t></w:r><w:del><w:r><w:delText>was </w:delText><w:t>gone</w:t></w:r></w:del>"
        "<w:ins><w:r><w:t>is</w:t></w:r></w:ins><w:r><w:instrText>PAGEREF x</w:instrText></w:r>"
        "<w:hyperlink><w:r><w:t> green</w:t></w:r></w:hyperlink>"
        "<w:r><w:t>, non</w:t><w:noBreakHyphen/><w:t>stop.</w:t></w:r>"
        f"<w:r><w:txbxContent>{paragraph('In a box.')}</w:txbxContent></w:r></w:p>"
        f"<w:sdt><w:sdtContent>{paragraph('In a control.')}</w:sdtContent></w:sdt>"
    )
    assert only(word(body=body), "a.docx").text == "It is green, non-stop.\nIn a box.\nIn a control."


def test_docx_merged_cells_and_header_rows():
    def cell(text: str, facts: str = "") -> str:
        return f"<w:tc><w:tcPr>{facts}</w:tcPr>{paragraph(text)}</w:tc>"

    rows = [
        "<w:tr><w:trPr><w:tblHeader/></w:trPr>" + cell("Team") + cell("Driver 1") + cell("Points") + "</w:tr>",
        "<w:tr>" + cell("Action", '<w:vMerge w:val="restart"/>') + cell("Sims") + cell("22") + "</w:tr>",
        "<w:tr>" + cell("", "<w:vMerge/>") + cell("Aitken", '<w:gridSpan w:val="2"/>') + "</w:tr>",
    ]
    article = only(word(body=f"<w:tbl>{''.join(rows)}</w:tbl>"), "a.docx")
    assert article.text.split("\n") == ["Team: Action; Driver 1: Sims; Points: 22.", "Team: Action; Driver 1: Aitken."]


def test_docx_tables_for_layout_are_read_as_text():
    body = f"<w:tbl><w:tr><w:tc>{paragraph('Only one.')}{paragraph('Column.')}</w:tc></w:tr></w:tbl>"
    assert only(word(body=body), "a.docx").text == "Only one.\nColumn."


def test_docx_headings_by_a_style_of_ones_own():
    document = docx.Document()
    own = document.styles.add_style("Shout", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    own.base_style = document.styles["Heading 2"]
    document.add_paragraph("Loud", style="Shout")
    document.add_paragraph("Text.")
    assert only(word(document), "a.docx").anchors == (Anchor(0, "Loud"),)


def test_docx_footnotes_come_last():
    line, note = paragraph("---"), paragraph("So he said.")
    notes = f'<w:footnote w:type="separator">{line}</w:footnote><w:footnote>{note}</w:footnote>'
    assert only(word(body=paragraph("Text."), footnotes=notes), "a.docx").text == "Text.\nSo he said."


ENTITIES = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"hello", "no zip file", id="text"),
        pytest.param(word()[:9000], "no zip file", id="cut off"),
        pytest.param(b"\xd0\xcf\x11\xe0 old or locked", "password", id="old"),
        pytest.param(zipped(("a.txt", "hello")), "no Word document", id="other zip"),
        pytest.param(zipped(("word/document.xml", "<w:document")), "no XML", id="broken XML"),
        pytest.param(zipped(("word/document.xml", "")), "no XML", id="empty XML"),
        pytest.param(word(), "no text", id="no text"),
        pytest.param(zipped(("word/document.xml", b"<a>" * 100_000)), "no XML", id="deep"),
        pytest.param(zipped(("word/document.xml", bytes(80 * 2**20))), "unpacks to more", id="bomb"),
    ],
)
def test_docx_that_cannot_be_read_is_refused(data, problem):
    assert problem in refusal(data, "a.docx")


def test_docx_entities_are_not_replaced():
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    text = f"{ENTITIES}<w:document {space}><w:body><w:p><w:r><w:t>Text. &b;&c;</w:t></w:r></w:p></w:body></w:document>"
    article = only(zipped(("word/document.xml", text)), "a.docx")
    assert article.text == "Text."


# --- feeds and sitemaps -------------------------------------------------------------------------------------------

RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>Courier</title><link>https://example.org/</link><language>en-gb</language>
<atom:link rel="self" href="https://example.org/feed"/>
<item><title>Bridge &amp;amp; trains</title><link>https://example.org/2023/bridge-opens/</link>
<pubDate>Thu, 19 Oct 2023 08:30:00 GMT</pubDate><dc:creator>Ada Lunn</dc:creator><media:content url="x.jpg"/>
<description>Short.</description>
<content:encoded><![CDATA[<p>It&nbsp;opened on <b>Monday</b>.</p><h2>Cost</h2>
<table><tr><th>Town<th>Share<tr><td>Leeds<td>22</table>]]></content:encoded></item>
<item><title>Only linked</title><link>https://example.org/linked</link><description>A teaser …</description></item>
<item><title>No page</title><description>It stands &lt;i&gt;here&lt;/i&gt;.</description></item>
<item><title>By its id</title><guid>https://example.org/by-id</guid></item>
<item><title>No address</title><guid isPermaLink="false">https://example.org/never</guid></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en" xml:base="https://example.org/news/"><title>Courier</title>
<entry><title type="html">The &lt;b&gt;bridge&lt;/b&gt;</title><link rel="self" href="self"/><link href="bridge"/>
<updated>2023-10-20T00:00:00Z</updated><published>2023-10-19T00:00:00Z</published>
<author><name>Ada Lunn</name></author><author><name>Bo Marsh</name></author>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>It opened.</p><p>Trains came.</p></div></content>
</entry>
<entry><title>Plain</title><link href="/plain"/><content type="text">1 &lt; 2 is true.</content></entry>
<entry><title>Elsewhere</title><link href="elsewhere"/><content src="https://example.org/big.mp4"/>
<summary>Short.</summary></entry>
</feed>"""


def test_rss():
    loaded = read(RSS, "feed.rss")
    first, second = loaded.articles
    assert first == Article(
        id="bridge-opens",
        title="Bridge & trains",
        text="It opened on Monday.\nCost\nTown: Leeds; Share: 22.",
        source="https://example.org/2023/bridge-opens/",
        published=date(2023, 10, 19),
        author="Ada Lunn",
        language="en-gb",
        anchors=(Anchor(21, "Cost"),),
    )
    assert (second.id, second.text, second.source) == ("no-page", "It stands here.", "/articles/feed.rss#3")
    assert loaded.links == ("https://example.org/linked", "https://example.org/by-id")


def test_atom():
    loaded = read(ATOM, "feed.xml")
    first, second = loaded.articles
    assert (first.text, first.title, first.author) == ("It opened.\nTrains came.", "The bridge", "Ada Lunn, Bo Marsh")
    assert (first.source, first.published, first.language) == (
        "https://example.org/news/bridge",
        date(2023, 10, 19),
        "en",
    )
    assert (second.text, second.source) == ("1 < 2 is true.", "https://example.org/plain")
    assert loaded.links == ("https://example.org/news/elsewhere",)


def test_rdf_feed_with_long_descriptions():
    text = "The bridge was opened in spring. " * 40
    feed = f"""<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>C</title></channel>
    <item><title>Whole</title><link>https://example.org/a</link><description>{text}</description>
    <dc:date>2023-10-19</dc:date></item>
    <item><title>Cut</title><link>https://example.org/b</link><description>{text} Read more…</description></item>
    </rdf:RDF>"""
    loaded = read(feed, "a.xml")
    assert [(article.title, article.published, article.text) for article in loaded.articles] == [
        ("Whole", date(2023, 10, 19), text.strip())
    ]
    assert loaded.links == ("https://example.org/b",)


def test_feed_links_are_relative_to_where_it_came_from():
    items = "<item><title>A</title><link>/a</link></item><item><link>javascript:alert(1)</link></item>"
    feed = f"<rss><channel>{items}</channel></rss>"
    assert read(feed, "a.rss", source="https://example.org/news/feed").links == ("https://example.org/a",)


ADDRESSES = (
    "https://example.org/a",
    "https://example.org/b?x=1&amp;y=2",
    "ftp://example.org/c",
    "https://example.org/a",
)
URLSET = "".join(f"<url><loc> {address} </loc><lastmod>2023-10-19</lastmod></url>" for address in ADDRESSES)
INDEX = "".join(f"<sitemap><loc>{address}</loc></sitemap>" for address in ADDRESSES)


@pytest.mark.parametrize(
    "sitemap",
    [
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{URLSET}</urlset>',
        f"<sitemapindex>{INDEX}</sitemapindex>",
    ],
)
def test_sitemaps_list_addresses(sitemap):
    assert read(sitemap, "sitemap.xml") == Loaded(links=("https://example.org/a", "https://example.org/b?x=1&y=2"))
    assert read(gzip.compress(sitemap.encode()), "sitemap.xml.gz").links[0] == "https://example.org/a"


def test_a_file_of_links_alone_holds_no_article(tmp_path):
    path = tmp_path / "sitemap.xml"
    path.write_text("<urlset><url><loc>https://example.org/a</loc></url></urlset>")
    assert read_file(path).links == ("https://example.org/a",)
    with pytest.raises(ArticleFileError, match="links to 1 page"):
        load_file(path)


def test_feeds_that_are_not_quite_xml_are_mended():
    loaded = read(RSS.replace("Short.", "Fish & chips &copy; 2023").replace("</channel></rss>", ""), "a.rss")
    assert len(loaded.articles) == 2


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("hello", "no XML"),
        ("", "no XML"),
        ("<html><body>Hello</body></html>", "neither a feed nor a sitemap"),
        ("<rss><channel></channel></rss>", "no entries"),
    ],
)
def test_feeds_that_cannot_be_read_are_refused(data, problem):
    assert problem in refusal(data, "a.xml")


# --- WARC ---------------------------------------------------------------------------------------------------------

HTML_TYPE = ("Content-Type", "text/html; charset=utf-8")


def answers():
    body = page().encode()
    chunked = b"%x\r\n%s\r\n5;ext=1\r\n<!--a\r\n3\r\n-->\r\n0\r\n\r\n" % (len(body), body)
    return [
        ("https://example.org/2023/10/15/plain.html", "200 OK", [HTML_TYPE], body),
        ("https://example.org/chunked", "200 OK", [HTML_TYPE, ("Transfer-Encoding", "chunked")], chunked),
        ("https://example.org/joined", "200 OK", [HTML_TYPE, ("Transfer-Encoding", "chunked")], body),
        ("https://example.org/packed", "200 OK", [HTML_TYPE, ("Content-Encoding", "gzip")], gzip.compress(body)),
        ("https://example.org/unpacked", "200 OK", [HTML_TYPE, ("Content-Encoding", "gzip")], body),
        ("https://example.org/missing", "404 Not Found", [HTML_TYPE], body),
        ("https://example.org/picture.png", "200 OK", [("Content-Type", "image/png")], b"\x89PNG"),
        ("dns:example.org", "200 OK", [HTML_TYPE], body),
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_warc(packed):
    loaded = read(warc(*answers(), packed=packed), "crawl.warc.gz" if packed else "crawl.warc")
    assert not loaded.failures
    assert [article.id for article in loaded.articles] == ["plain", "chunked", "joined", "packed", "unpacked"]
    assert {article.text for article in loaded.articles} == {TEXT}
    assert loaded.articles[0].source == "https://example.org/2023/10/15/plain.html"
    assert loaded.articles[0].published == date(2023, 10, 15)


def test_warc_pages_that_cannot_be_read_are_named():
    bad = [
        ("https://example.org/empty", "200 OK", [HTML_TYPE], b"<html></html>"),
        ("https://example.org/br", "200 OK", [HTML_TYPE, ("Content-Encoding", "br")], b"..."),
        ("https://example.org/bomb", "200 OK", [HTML_TYPE, ("Content-Encoding", "gzip")], gzip.compress(bytes(2**24))),
        ("https://example.org/cut", "200 OK", [HTML_TYPE, ("Content-Encoding", "gzip")], gzip.compress(b"x" * 99)[:20]),
    ]
    loaded = read(warc(*bad, answers()[0]), "a.warc")
    assert [article.id for article in loaded.articles] == ["plain"]
    assert [failure.partition(": ")[0] for failure in loaded.failures] == [address for address, *_ in bad]
    for failure, problem in zip(
        loaded.failures, ("no article text", "compressed with br", "unpacks to more", "gzip"), strict=True
    ):
        assert problem in failure


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"hello", "no WARC file"),
        (b"", "no articles"),
        (warc(*answers())[:-200], "no articles"),
        (warc(answers()[0])[:-200], "cut off at byte"),
        (warc().replace(b"Content-Length: ", b"Content-Length: -"), "no WARC file"),
        (warc(), "no articles"),
    ],
)
def test_warc_that_cannot_be_read_is_refused(data, problem):
    if data.startswith(b"WARC") and problem == "no articles" and len(data) > 2000:
        problem = "cut off at byte"
    assert problem in refusal(data, "a.warc")


def test_warc_limit(monkeypatch):
    monkeypatch.setattr(warc_format, "MAX_RECORDS", 2)
    assert "more than 2 records" in refusal(warc(*answers()), "a.warc")


# --- archives -----------------------------------------------------------------------------------------------------


def test_zip_of_every_format():
    data = zipped(
        ("news/", ""),
        ("news/a.txt", "A text."),
        ("news/b.md", "# B\n\nText."),
        ("c.html", page()),
        ("d.pdf", pdf([(72, 700, "A page.")])),
        ("e.docx", word(report())),
        ("f.jsonl", '{"text": "One."}\n{"text": "Two."}'),
        ("g.rss", RSS),
        ("picture.png", b"\x89PNG"),
        (".hidden.txt", "no"),
        ("__MACOSX/._a.txt", "no"),
    )
    loaded = read(data, "news.zip")
    assert not loaded.failures
    assert [article.id for article in loaded.articles] == [
        "a",
        "b",
        "c",
        "d",
        "e",
        "f-1",
        "f-2",
        "bridge-opens",
        "no-page",
    ]
    assert loaded.articles[0].source == "/articles/news.zip/news/a.txt"
    assert loaded.links


def test_zip_members_that_cannot_be_read_are_named():
    data = zipped(
        ("a.txt", "A text."),
        ("b.txt", b"\x00\x01"),
        ("c.zip", zipped(("d.txt", "D."))),
        ("e.txt.gz", gzip.compress(b"E.")),
    )
    loaded = read(data, "a.zip")
    assert [article.text for article in loaded.articles] == ["A text."]
    assert [failure.split(": ")[0] for failure in loaded.failures] == [
        f"/articles/a.zip/{name}" for name in ("b.txt", "c.zip", "e.txt.gz")
    ]
    assert "not a text file" in loaded.failures[0]
    assert "archive inside an archive" in loaded.failures[1]


def test_load_file_wants_all_of_an_archive(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(("a.txt", "A text."), ("b.txt", "")))
    assert len(read_file(path).articles) == 1
    with pytest.raises(ArticleFileError, match=r"b\.txt: the file is empty"):
        load(path)


@pytest.mark.parametrize(
    "name",
    [
        "../a.txt",
        "news/../../a.txt",
        "/etc/a.txt",
        "..\\a.txt",
        "C:\\a.txt",
        "c:a.txt",
        "\\\\host\\a.txt",
        "a/..",
        "../../x.png",
    ],
)
def test_zip_names_that_lead_out_are_refused(name):
    data = zipped(("good.txt", "A text."), ("xx", "B."))
    data = zipped(("good.txt", "A text."), (name, "B."))
    assert "leads out of the archive" in refusal(data, "a.zip")


def test_zip_links_are_passed_over():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "/etc/passwd")
        packed.writestr("a.txt", "A text.")
    assert [article.text for article in read(out.getvalue(), "a.zip").articles] == ["A text."]


def overlapping() -> bytes:
    """A zip bomb of overlapping members: every entry of the directory names the same compressed bytes."""
    name, data = b"a.txt", zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = data.compress(b"a" * 2**20) + data.flush()
    crc, sizes = zlib.crc32(b"a" * 2**20), (len(packed), 2**20)
    local = b"PK\x03\x04" + (20).to_bytes(2, "little") + bytes(2) + (8).to_bytes(2, "little") + bytes(4)
    local += crc.to_bytes(4, "little") + sizes[0].to_bytes(4, "little") + sizes[1].to_bytes(4, "little")
    local += len(name).to_bytes(2, "little") + bytes(2) + name
    central = b"PK\x01\x02" + (20).to_bytes(2, "little") * 2 + bytes(2) + (8).to_bytes(2, "little") + bytes(4)
    central += crc.to_bytes(4, "little") + sizes[0].to_bytes(4, "little") + sizes[1].to_bytes(4, "little")
    central += len(name).to_bytes(2, "little") + bytes(16) + name
    count = 900
    body = local + packed
    end = b"PK\x05\x06" + bytes(4) + count.to_bytes(2, "little") * 2
    end += (len(central) * count).to_bytes(4, "little") + len(body).to_bytes(4, "little") + bytes(2)
    return body + central * count + end


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(lambda: zipped(("a.txt", bytes(300 * 2**20))), "unpacks to more", id="one large member"),
        pytest.param(
            lambda: zipped(*[(f"{n}.txt", b"a" * 2**23) for n in range(40)]), "unpacks to more", id="many members"
        ),
        pytest.param(overlapping, "unpacks to more", id="overlapping"),
        pytest.param(lambda: zipped(*[(f"{n}.txt", "") for n in range(MAX_MEMBERS + 1)]), "10,001 files", id="number"),
        pytest.param(lambda: zipped(("a.txt", bytes(2**22)), method=zipfile.ZIP_BZIP2), "another method", id="bzip2"),
        pytest.param(lambda: zipped(("a.txt", bytes(2**22)), method=zipfile.ZIP_LZMA), "another method", id="lzma"),
        pytest.param(
            lambda: zipped(("b.zip", zipped(("c.zip", zipped(("d.txt", "x")))))), "inside an archive", id="nested"
        ),
        pytest.param(lambda: b"PK\x03\x04 broken", "no zip file", id="broken"),
        pytest.param(lambda: b"", "no zip file", id="empty"),
        pytest.param(zipped, "no articles in this archive", id="no members"),
        pytest.param(lambda: zipped(("a.png", b"x")), "no articles in this archive", id="no articles"),
    ],
)
def test_zips_that_cannot_be_read_are_refused(data, problem):
    message = refusal(data(), "a.zip")
    assert problem in message


def test_zip_members_of_wrong_bytes_or_behind_a_password():
    data = bytearray(zipped(("a.txt", "A text that is long enough."), ("b.txt", "B."), method=zipfile.ZIP_STORED))
    data[data.index(b"long")] ^= 1
    loaded = read(bytes(data), "a.zip")
    assert [article.text for article in loaded.articles] == ["B."]
    assert "cannot be unpacked (Bad CRC-32" in loaded.failures[0]
    locked = bytearray(zipped(("a.txt", "A text.")))
    locked[6] |= 1
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(bytes(locked), "a.zip")


def test_gzip():
    assert only(gzip.compress(b"A text."), "a.txt.gz").text == "A text."
    assert only(gzip.compress(b"A ") + gzip.compress(b"text."), "a.txt.gz").text == "A text."
    assert only(gzip.compress(b"# A"), "a.MD.GZ").title == "A"
    assert "no gzip file" in refusal(b"hello", "a.txt.gz")
    assert "no gzip file" in refusal(gzip.compress(b"hello" * 99)[:-12], "a.txt.gz")
    assert "unpacks to more" in refusal(gzip.compress(bytes(2**24)), "a.txt.gz")
    assert "archive inside an archive" in refusal(gzip.compress(gzip.compress(b"A text.")), "a")


# --- bytes from anywhere ------------------------------------------------------------------------------------------

BODY = "The bridge was opened in spring. It carries 40 trains a day.\n"
KINDS = [
    pytest.param(BODY.encode(), BODY, id="text"),
    pytest.param(f"\ufeff{BODY}".encode(), BODY, id="text with a mark"),
    pytest.param(f"# Bridge\n\n{BODY}".encode(), f"# Bridge\n\n{BODY}", id="Markdown"),
    pytest.param(f"---\ntitle: Bridge\n---\n{BODY}".encode(), BODY, id="front matter"),
    pytest.param(page().encode(), TEXT, id="HTML"),
    pytest.param(f"\n<html><title>x</title>{STORY}".encode(), TEXT, id="HTML without a doctype"),
    pytest.param(b'<?xml version="1.0"?>' + page().encode(), TEXT, id="XHTML"),
    pytest.param(pdf([(72, 700, BODY.strip())]), BODY.strip(), id="PDF"),
    pytest.param(word(body=paragraph("Text.")), "Text.", id="Word"),
    pytest.param(json.dumps({"text": BODY}).encode(), BODY, id="JSON Lines"),
    pytest.param(
        b"<rss><channel><item><description>It stands here.</description></item></channel></rss>",
        "It stands here.",
        id="RSS",
    ),
    pytest.param(zipped(("a.txt", BODY)), BODY, id="zip"),
    pytest.param(warc(answers()[0]), TEXT, id="WARC"),
    pytest.param(warc(answers()[0], packed=True), TEXT, id="packed WARC"),
    pytest.param(gzip.compress(BODY.encode()), BODY, id="gzip"),
]


@pytest.mark.parametrize(("data", "expected"), KINDS)
def test_standard_input_is_read_by_how_it_begins(data, expected):
    loaded = load_stream(io.BytesIO(data))
    assert [article.text for article in loaded.articles] == [expected]
    assert load_stream(io.BytesIO(data)) == loaded
    with Library.in_memory(HashEmbedder()) as library:
        assert library.add(loaded.articles).added == 1


def test_standard_input_that_is_nothing_or_too_much():
    with pytest.raises(ArticleFileError, match=r"^stdin:[0-9a-f]{8}: the file is empty"):
        load_stream(io.BytesIO())
    with pytest.raises(ArticleFileError, match="larger than 64 MiB"):
        load_stream(io.BytesIO(bytes(MAX_BYTES + 1)))


@pytest.mark.parametrize(
    ("content_type", "address", "data", "expected"),
    [
        ("text/html; charset=UTF-8", "https://example.org/story.php", page(), TEXT),
        ("TEXT/HTML", "https://example.org/story.pdf", page(), TEXT),
        ("text/plain", "https://example.org/story.md", "# A\n\nText.", "# A\n\nText."),
        ("text/plain", "https://example.org/story", BODY, BODY),
        ("application/octet-stream", "https://example.org/story.txt", BODY, BODY),
        ("", "https://example.org/", page(), TEXT),
        ("application/xml", "https://example.org/feed", RSS, None),
        ("application/rss+xml", "https://example.org/", RSS, None),
        ("application/pdf", "https://example.org/download?id=7", pdf([(72, 700, BODY.strip())]), BODY.strip()),
    ],
)
def test_bytes_from_the_web_are_read_by_their_type_then_their_name(content_type, address, data, expected):
    loaded = load_bytes(data if isinstance(data, bytes) else data.encode(), source=address, content_type=content_type)
    if expected is None:
        assert loaded == read(RSS, "feed.rss", source=address)
    else:
        assert [(article.text, article.source) for article in loaded.articles] == [(expected, address)]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://example.org/2023/10/15/bridge-opens.html?x=1#top", "bridge-opens.html"),
        ("https://example.org/bridge-opens/index.html", "bridge-opens"),
        ("https://example.org/bridge-opens/", "bridge-opens"),
        ("https://example.org/br%C3%BCcke/123", "brücke"),
        ("https://www.example.org/", "www-example-org"),
        ("https://example.org/2023/10/", "example-org"),
    ],
)
def test_the_name_in_an_address(address, name):
    assert name_in_address(address) == name


@pytest.mark.parametrize("ending", ["txt", "md", "html", "jsonl", "pdf", "docx", "xml", "warc", "zip", "txt.gz"])
def test_half_a_file_gives_one_line_or_an_article(ending):
    whole = {
        "txt": BODY.encode("utf-16"),
        "md": f"---\ntitle: x\n---\n{BODY}".encode(),
        "html": page().encode(),
        "jsonl": json.dumps({"text": BODY}).encode(),
        "pdf": pdf(column(72, 700, LEFT)),
        "docx": word(report()),
        "xml": RSS.encode(),
        "warc": warc(*answers()),
        "zip": zipped(("a.txt", BODY)),
        "txt.gz": gzip.compress(BODY.encode()),
    }[ending]
    for share in range(1, 12):
        half = whole[: len(whole) * share // 12]
        for data in (half, half + bytes(50), half[: len(half) // 2] + b"\xff<&{%" + half[len(half) // 2 :]):
            read_or_refuse(data, f"a.{ending}")


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.html", "a.rss", "a.md", "a.zip", "a.warc", "a.warc.gz"])
def test_files_altered_at_random_give_one_line_or_an_article(name):
    whole = {
        "a.pdf": pdf(column(72, 700, LEFT), column(310, 700, RIGHT), outline=[("Opening", 1)]),
        "a.docx": word(report()),
        "a.html": page(f"{STORY}<table><tr><th>A<th rowspan=2 colspan=3>B<tr><td>c<td>d</table>", head=LD).encode(),
        "a.rss": RSS.encode(),
        "a.md": f"---\ntitle: x\n---\n# A\n\n|a|b|\n|-|-|\n|c|d|\n\n```\n{BODY}```\n".encode(),
        "a.zip": zipped(("a.txt", BODY), ("b.html", page())),
        "a.warc": warc(*answers()),
        "a.warc.gz": warc(*answers(), packed=True),
    }[name]
    chance = random.Random(7)
    odd = [
        b"<",
        b"&",
        b"\0",
        b"\xff",
        b"-1",
        b"99999999",
        b"<table>",
        b"]]>",
        b"\r\n\r\n",
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"",
    ]
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 2, 8])):
            at = chance.randrange(len(data) + 1)
            data[at : at + chance.choice([0, 1, 1, 40, len(whole)])] = chance.choice(
                [*odd, bytes([chance.randrange(256)])]
            )
        read_or_refuse(bytes(data), name)


def test_limits_are_stated_where_they_are():
    assert (archive.MAX_UNPACKED, archive.MAX_RATIO, feeds.FULL_CHARACTERS) == (256 * 2**20, 200, 1000)


def test_entities_of_a_feed_are_not_replaced():
    feed = f"{ENTITIES}<rss><channel><item><description>Text &b;&c;</description></item></channel></rss>"
    assert only(feed, "a.rss").text == "Text &b;&c;"
