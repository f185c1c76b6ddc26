"""Where a quote stands: its page, heading, link and day."""

from datetime import date
from urllib.parse import unquote

import pytest
from conftest import HashEmbedder, article, whole
from formats import column, page, pdf
from hypothesis import example, given
from hypothesis import strategies as st

from app.terminal import print_answer, print_article
from corpus import Anchor, Article, Place, load_bytes
from corpus.dates import byline_date, date_in_name, parse_date
from corpus.places import text_link
from corpus.relative import resolve_relative
from corpus.sentences import sentence_around, sentence_spans
from corpus.tables import sentences
from index import Library
from qa import Answer, Quote
from qa.answer import Span, Timings

TEXT = "The bridge\nIt was opened last Saturday by the mayor.\nCost\nIt cost £86 million. It was £86 million in all."
BRIDGE = Article(
    id="bridge",
    title="The bridge",
    text=TEXT,
    source="https://example.org/2023/bridge?x=1#top",
    published=date(2023, 10, 19),
    pages=(0, 58),
    anchors=(Anchor(0, "The bridge"), Anchor(TEXT.index("Cost"), "Cost")),
)


def answer(about: Article, quoted: str, *, start: int | None = None) -> Answer:
    """An answer with this quote, made by hand."""
    start = about.text.index(quoted) if start is None else start
    first, last = sentence_around(about.text, start, start + len(quoted))
    span = Span(whole(about), start, start + len(quoted), quoted, 5.0)
    quote = Quote(span, 0.9, about.text[first:last], first)
    articles = {about.id: about}
    return Answer("What?", "What?", quote, 0.9, (), (), articles, Timings(1.0, 1.0, 2.0))


def citation(about: Article, quoted: str, *, start: int | None = None) -> dict:
    return answer(about, quoted, start=start).to_dict()["citation"]


# --- places -------------------------------------------------------------------------------------------------------


def test_a_place_has_a_page_and_a_heading():
    assert BRIDGE.place(3) == Place(1, None)  # the title is no heading
    assert BRIDGE.place(TEXT.index("Cost")) == Place(1, "Cost")
    assert BRIDGE.place(TEXT.index("£86")) == Place(2, "Cost")
    assert BRIDGE.place(len(TEXT) - 1) == Place(2, "Cost")
    assert article("plain").place(0) == Place(None, None)
    late = Article("a", "t", "x" * 30, "s", anchors=(Anchor(10, "One"), Anchor(20, "Two")))
    assert [late.place(offset).heading for offset in (0, 9, 10, 19, 20, 29)] == [None, None, "One", "One", "Two", "Two"]


def test_places_outlive_the_library(tmp_path):
    with Library.open(tmp_path, embedder=HashEmbedder()) as library:
        library.add([BRIDGE])
    with Library.open(tmp_path, embedder=HashEmbedder()) as library:
        assert library.article("bridge") == BRIDGE
        (hit,) = library.search("bridge", k=1)
        assert hit.article.place(TEXT.index("£86")) == Place(2, "Cost")


def test_every_sentence_of_a_pdf_is_cited_with_its_page():
    towns = "Leeds Otley Ilkley Skipton Settle Malham Hawes Bedale".split()
    pages, expected = [], {}
    for number, town in enumerate(towns, start=1):
        lines = [
            f"{town} {word} of page {number}."
            for word in ("station is the pride", "bridge is the shame", "market is the heart")
        ]
        expected |= dict.fromkeys(lines, number)
        pages.append([*column(72, 700, lines[:2]), *column(72, 660, lines[2:])])
    pages.insert(3, [])
    expected = {line: number + (number > 3) for line, number in expected.items()}
    about = load_bytes(pdf(*pages), source="/articles/towns.pdf").articles[0]
    with Library.in_memory(HashEmbedder()) as library:
        library.add([about])
        kept = library.article("towns")
    assert kept == about
    found = {}
    for first, last in sentence_spans(kept.text):
        cited = citation(kept, kept.text[first:last].strip(), start=first)
        assert kept.text[cited["start"] : cited["end"]] == cited["quote"]
        found[cited["quote"]] = cited["page"]
    assert found == expected


def test_a_citation_says_where_the_quote_stands():
    cited = citation(BRIDGE, "£86 million")
    assert (cited["page"], cited["heading"], cited["date"]) == (2, "Cost", None)
    assert cited["link"] == "https://example.org/2023/bridge?x=1#top:~:text=It%20cost-,%C2%A386%20million,-.%20It%20was"
    assert citation(article("plain"), "spring")["link"] is None


def test_a_quote_that_names_a_day_is_cited_with_its_date():
    assert citation(BRIDGE, "last Saturday")["date"] == "2023-10-14"
    assert citation(BRIDGE, "last Saturday")["quote"] == "last Saturday"
    assert citation(BRIDGE, "opened last Saturday")["date"] is None


def test_the_command_line_says_where_the_quote_stands(capsys):
    print_answer(answer(BRIDGE, "£86 million"))
    assert "The bridge · 2023-10-19 · page 2 · Cost · very sure (90%)" in capsys.readouterr().out


def test_show_prints_what_was_understood(capsys):
    print_article(BRIDGE)
    shown = capsys.readouterr().out
    assert "pages: 2\n" in shown
    assert "headings: The bridge; Cost\n" in shown
    assert shown.endswith(TEXT + "\n")


# --- links --------------------------------------------------------------------------------------------------------


def link(text: str, quoted: str, *, nth: int = 0, source: str = "https://example.org/a") -> str | None:
    start = -1
    for _ in range(nth + 1):
        start = text.index(quoted, start + 1)
    about = Article("a", "t", text, source)
    found = text_link(about, start, start + len(quoted))
    return found.partition("#:~:text=")[2] if found and source.endswith("/a") else found


@pytest.mark.parametrize(
    ("text", "quoted", "expected"),
    [
        ("He led the St. Kilda kelp expedition.", "the St. Kilda kelp expedition", "the St. Kilda kelp expedition"),
        ("Sims said on Monday that Aitken won.", "Aitken", "on Monday that-,Aitken,-won."),
        ("Aitken won.", "Aitken", "Aitken,-won."),
        ("He was Aitken", "Aitken", "He was-,Aitken"),
        ("One line\nAitken\nanother", "Aitken", "Aitken"),
        ("By 22%, he said.", "22", "By-,22,-%, he said."),
        (
            "The half-way house, said Ann & Bo, was shut for good.",
            "half-way house, said Ann & Bo",
            "half-way house, said Ann & Bo",
        ),
        ("Driver: Sims; Car: Cadillac; Points: 22.", "22", "22"),
    ],
)
def test_links(text, quoted, expected):
    assert unquote(link(text, quoted).replace("%2C", "‚")).replace("‚", ",") == expected


def test_links_of_long_quotes_name_both_ends():
    words = " ".join(f"word{n}" for n in range(20))
    assert link(words, words) == "word0%20word1%20word2%20word3,word16%20word17%20word18%20word19"
    assert (
        link("a few words here\nand there", "a few words here\nand there")
        == "a%20few%20words%20here,words%20here%20and%20there"
    )


def test_links_to_a_quote_that_stands_twice_have_its_surroundings():
    text = "It was the long way round to Saltmere. He took the long way round to Saltmere too."
    assert link(text, "the long way round to Saltmere", nth=0).startswith("It%20was-,the%20long")
    assert link(text, "the long way round to Saltmere", nth=1).startswith("Saltmere.%20He%20took-,the%20long")


def test_what_has_a_meaning_in_a_link_is_encoded():
    made = link("It is a-b, c & d: 100% of it, he said.", "a-b, c & d: 100% of it, he")
    assert made == "a%2Db%2C%20c%20%26%20d%3A%20100%25%20of%20it%2C%20he"


@pytest.mark.parametrize(
    "source",
    ["/articles/a.txt", "sample:a.txt", "javascript:alert(1)", "http://", "ftp://example.org/a", "https://[bad"],
)
def test_only_web_pages_have_links(source):
    assert link("He was Aitken.", "Aitken", source=source) is None


@pytest.mark.parametrize(
    "source", ["https://example.org/b", "https://example.org/b#", "https://example.org/b#:~:text=old"]
)
def test_a_link_replaces_another(source):
    assert link("He was Aitken.", "Aitken", source=source) == "https://example.org/b#:~:text=He%20was-,Aitken,-."


@given(st.text(min_size=1), st.data())
def test_links_are_always_plain(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    made = text_link(Article("a", "t", text.encode("utf-8", "replace").decode(), "https://example.org/a"), start, end)
    assert made.isascii()
    assert not set(made) & set(" \"'<>\n")


# --- days ---------------------------------------------------------------------------------------------------------

THURSDAY = date(2023, 10, 19)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yesterday", "2023-10-18"),
        ("Yesterday morning", "2023-10-18"),
        ("last night", "2023-10-18"),
        ("earlier today", "2023-10-19"),
        ("this  evening", "2023-10-19"),
        ("tonight", "2023-10-19"),
        ("tomorrow", "2023-10-20"),
        ("the day before yesterday", "2023-10-17"),
        ("the day after tomorrow", "2023-10-21"),
        ("last Saturday", "2023-10-14"),
        ("last Saturday night,", "2023-10-14"),
        ("late last Friday", "2023-10-13"),
        ("last Thursday", "2023-10-12"),
        ("next Thursday", "2023-10-26"),
        ("next Friday", "2023-10-20"),
        ("by next Monday", "2023-10-23"),
        ("this Monday", "2023-10-16"),
        ("this Sunday", "2023-10-22"),
        ("on Monday last week", "2023-10-09"),
        ("Tuesday of next week", "2023-10-24"),
        ("Wednesday this week", "2023-10-18"),
        ("three days ago", "2023-10-16"),
        ("10 days earlier", "2023-10-09"),
        ("a week ago", "2023-10-12"),
        ("a fortnight ago", "2023-10-05"),
        ("in two weeks’ time", "2023-11-02"),
        ("in 3 days", "2023-10-22"),
        ("“last Saturday.”", "2023-10-14"),
        *[
            (text, None)
            for text in ("Saturday", "on Monday", "last month", "last year", "two months ago", "next week", "recently")
        ],
        *[
            (text, None)
            for text in ("Blomqvist", "14 October", "", "last", "in days", "0 days", "on last Saturday he won")
        ],
        *[(text, None) for text in ("999 weeks ago " * 20, "today " * 9, "in 999999 days")],
    ],
)
def test_relative_days(text, expected):
    found = resolve_relative(text, THURSDAY)
    assert found == (date.fromisoformat(expected) if expected else None)
    assert resolve_relative(text, None) is None


def test_relative_days_outside_of_the_calendar():
    assert resolve_relative("999 weeks ago", date(1, 1, 2)) is None
    assert resolve_relative("tomorrow", date.max) is None


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 6))
def test_last_and_next_weekdays_lie_within_a_week(published, weekday):
    name = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()[weekday]
    last, following = resolve_relative(f"last {name}", published), resolve_relative(f"next {name}", published)
    assert 1 <= (published - last).days <= 7
    assert 1 <= (following - published).days <= 7
    assert last.weekday() == following.weekday() == weekday


@given(st.text(max_size=80), st.dates())
def test_relative_days_never_fail(text, published):
    assert resolve_relative(text, published) is None or isinstance(resolve_relative(text, published), date)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Bridge opens\nBy Ada Lunn, 19 October 2023\nText.", THURSDAY),
        ("Bridge opens\nBy Ada Lunn | Thursday, October 19, 2023 08:30 GMT\nText.", THURSDAY),
        ("Bridge opens\nThe Courier – 19th Oct 2023\nText.", THURSDAY),
        ("Updated 20 October 2023\nPublished: Thu, 19 Oct 2023\nText.", THURSDAY),
        ("Last updated on 19 October 2023\nText.", THURSDAY),
        ("2023-10-19\nText.", THURSDAY),
        ("LEEDS, October 19, 2023 (Courier) — The bridge was opened.", THURSDAY),
        ("LEEDS (19 October 2023) - The bridge was opened.", THURSDAY),
        ("What happened on 19 October 2023\nText.", None),
        ("The bridge was opened on 19 October 2023.", None),
        ("By the end of 2023, the bridge of 19 October 2023 was gone.", None),
        ("Published 31 February 2023", None),
        ("Text.\n" * 12 + "19 October 2023", None),
        ("", None),
    ],
)
def test_bylines(text, expected):
    assert byline_date(text) == expected


@given(st.text(alphabet="By 19October2023,|—.:(PublishedLEEDS\n", max_size=2000))
def test_bylines_never_fail(text):
    assert byline_date(text) is None or isinstance(byline_date(text), date)


def test_dates_of_mail_and_of_addresses():
    assert parse_date("Thu, 19 Oct 2023 08:30:00 GMT") == parse_date("Thursday, October 19th, 2023") == THURSDAY
    assert parse_date("19 Okt 2023") is parse_date("on 19 October 2023") is None
    assert date_in_name("https://example.org/news/2023/oct/19/bridge") == THURSDAY
    assert date_in_name("https://example.org/2023/10/19") == THURSDAY
    assert date_in_name("https://example.org/2023/19/10/x") is None


# --- rows ---------------------------------------------------------------------------------------------------------


@given(
    rows=st.lists(st.lists(st.text(max_size=8), max_size=4), max_size=5),
    header=st.none() | st.lists(st.text(max_size=8), max_size=4),
    labelled=st.booleans(),
)
@example(rows=[[], [":", ";", "<", "="], ["", "", "", "0"]], header=None, labelled=False)
def test_rows_of_any_shape_become_sentences(rows, header, labelled):
    made = sentences(rows, header=header, labelled=labelled)
    assert all(row == " ".join(row.split()) and row[-1] in ".!?" for row in made)
    kept = " ".join(made)
    rows = [row for row in rows if any(cell.split() for cell in row)]
    body = rows if header is not None or labelled else rows[1:]  # the first that holds text may be a header
    for cell in (" ".join(cell.split()).removesuffix(":").rstrip() for row in body for cell in row):
        assert cell in kept


def test_a_row_can_be_answered_from():
    table = "<table><tr><th>Driver<th>Car<th>Points<tr><td>Sims<td>Cadillac<td>22</table>"
    html = page(f"<p>The results of the race at the old circuit, which was run in the rain, are these.</p>{table}")
    about = load_bytes(html.encode(), source="https://example.org/race", content_type="text/html").articles[0]
    cited = citation(about, "22")
    assert cited["sentence"] == "Driver: Sims; Car: Cadillac; Points: 22."
    assert cited["link"] == "https://example.org/race#:~:text=22"
