import codecs
import json
import os
import sys
from datetime import date
from pathlib import Path

import pytest
from conftest import HashEmbedder

from corpus import Anchor, Article, ArticleFileError, find_files, load, samples
from corpus.loading import LOADERS, SAMPLES
from corpus.raw import MAX_BYTES, read_raw
from index import Library

BODY = "The bridge was opened in spring.\nIt carries 40 trains a day.\n"


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def only(path: Path) -> Article:
    (article,) = load(path)
    return article


def refusal(path: Path) -> str:
    """The message with which a file is refused: one line that names the file."""
    with pytest.raises(ArticleFileError) as caught:
        load(path)
    message = str(caught.value)
    assert message.splitlines() == [message]
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


# --- text ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", ["", " ", "\n", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_txt_header_gives_date_and_title_and_stays_in_the_text(tmp_path, space, newline):
    text = f"{space}date 2023-10-19 Blomqvist joins{newline}{BODY}"
    article = only(write(tmp_path / "Some File.txt", text))
    assert article == Article(
        id="some-file",
        title="Blomqvist joins",
        text=text,
        source=str(tmp_path / "Some File.txt"),
        published=date(2023, 10, 19),
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_txt_title_from_the_first_line(tmp_path, newline):
    article = only(write(tmp_path / "2024-01-02-bridge.txt", f"Bridge opened{newline}{BODY}"))
    assert (article.title, article.published) == ("Bridge opened", date(2024, 1, 2))


def test_txt_title_from_the_name_when_the_text_has_none(tmp_path):
    assert only(write(tmp_path / "My bridge.txt", BODY)).title == "My bridge"


def test_txt_header_with_a_date_alone_is_no_title(tmp_path):
    article = only(write(tmp_path / "bridge.txt", f"date 2023-10-19\n{BODY}"))
    assert article.published == date(2023, 10, 19)
    assert article.title == "bridge"


@pytest.mark.parametrize("ending", [".txt", ".TXT", ".text"])
def test_txt_endings(tmp_path, ending):
    assert only(write(tmp_path / f"bridge{ending}", BODY)).text == BODY


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (b"", "cp1252"),
    ],
)
@pytest.mark.parametrize("ending", [".txt", ".md"])
def test_encodings(tmp_path, mark, encoding, ending):
    text = "Smörgås – “quoted”\r\nSecond line\tand more €\n"
    assert only(write(tmp_path / f"a{ending}", mark + text.encode(encoding))).text == text


def test_odd_line_breaks_are_kept(tmp_path):
    text = "one\rtwo\x0bthree\x0cfour\x85five\u2028six\r\n\r\nseven"
    assert only(write(tmp_path / "a.txt", text)).text == text


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00\x00", id="png"),
        pytest.param(b"text\x00text", id="nul"),
        pytest.param(bytes(range(256)), id="all bytes"),
        pytest.param(codecs.BOM_UTF16_LE + b"\x00", id="half a character"),
        pytest.param(codecs.BOM_UTF16_LE + b"\x00\xd8a\x00", id="lone surrogate"),
        pytest.param(codecs.BOM_UTF8 + b"caf\xe9", id="mark of another encoding"),
    ],
)
def test_binary_files_are_refused(tmp_path, data):
    assert "not a text file" in refusal(write(tmp_path / "a.txt", data))


@pytest.mark.parametrize("ending", [".txt", ".md", ".html", ".jsonl"])
@pytest.mark.parametrize("content", [b"", b" \n\t\r\n", codecs.BOM_UTF8], ids=["nothing", "space", "mark"])
def test_empty_files_are_refused(tmp_path, ending, content):
    assert "empty" in refusal(write(tmp_path / f"a{ending}", content))


def test_files_over_the_limit_are_refused(tmp_path):
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "64 MiB" in refusal(path)


# --- Markdown -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_markdown_front_matter(tmp_path, newline):
    lines = [
        "---",
        'title: "The bridge: a story"',
        "date: 2024-02-03",
        "author: Ilse Marrow",
        "source: The Courier",
        "language: en",
        "---",
        "",
        "# Opening",
        "It opened.",
        "",
        "## Later ##",
        "It closed.",
    ]
    article = only(write(tmp_path / "a.md", newline.join(lines)))
    text = newline.join(lines[7:])
    assert article == Article(
        id="a",
        title="The bridge: a story",
        text=text,
        source="The Courier",
        published=date(2024, 2, 3),
        author="Ilse Marrow",
        language="en",
        anchors=(Anchor(text.index("# Opening"), "Opening"), Anchor(text.index("## Later"), "Later")),
    )


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_markdown_title_from_the_first_heading(tmp_path, newline):
    text = newline.join(["Intro.", "", "## The bridge", "Body."])
    article = only(write(tmp_path / "2024-02-03-a.md", text))
    assert (article.title, article.text, article.published) == ("The bridge", text, date(2024, 2, 3))


def test_markdown_heading_keeps_a_sharp_of_its_own(tmp_path):
    assert only(write(tmp_path / "a.md", "# C#\n\nA language.\n")).title == "C#"


def test_markdown_heading_with_much_space_inside(tmp_path):
    # took quadratic time: 64 MiB of it took days
    article = only(write(tmp_path / "a.md", "# a" + " " * 10_000 + "b\nText."))
    assert article.anchors[0].label.split() == ["a", "b"]


@pytest.mark.parametrize("rule", ["----\nText here.\n", "Text.\n---\ntitle: x\n---\n", "---\ntitle: never closed\n"])
def test_markdown_without_front_matter_keeps_all_text(tmp_path, rule):
    assert only(write(tmp_path / "a.md", rule)).text == rule


@pytest.mark.parametrize("author", ["[Ada Lunn, Bo Marsh]", "\n- Ada Lunn\n- Bo Marsh"])
def test_markdown_several_authors_read_as_names(tmp_path, author):
    article = only(write(tmp_path / "a.md", f"---\nauthor: {author}\n---\n{BODY}"))
    assert article.author == "Ada Lunn, Bo Marsh"


@pytest.mark.parametrize(
    "front",
    [
        pytest.param("title: [unclosed", id="flow"),
        pytest.param("a: b: c", id="colons"),
        pytest.param("title: \x7f\x9f", id="control characters"),
        pytest.param("date: 2023-13-45", id="month 13"),
        pytest.param("date: 2023-02-30 10:00:00", id="February 30"),
        pytest.param("title: " + "[" * 5000, id="deep"),
        pytest.param("!!python/object/apply:os.system [true]", id="code"),
        pytest.param("? [a]\n: b\n? {c: d}\n: e", id="list as key"),
    ],
)
def test_markdown_broken_front_matter_is_refused(tmp_path, front):
    assert "front matter is not valid YAML" in refusal(write(tmp_path / "a.md", f"---\n{front}\n---\n{BODY}"))


@pytest.mark.parametrize("front", ["just words", "- a\n- b", "42"])
def test_markdown_front_matter_that_is_no_mapping_is_refused(tmp_path, front):
    assert "key: value" in refusal(write(tmp_path / "a.md", f"---\n{front}\n---\n{BODY}"))


@pytest.mark.parametrize("front", ["", "\n", "title: x\n"])
def test_markdown_with_nothing_after_the_front_matter_is_refused(tmp_path, front):
    assert "nothing after the front matter" in refusal(write(tmp_path / "a.md", f"---\n{front}---\n \n"))


@pytest.mark.parametrize("front", ["", "# only a comment\n", "~\n"])
def test_markdown_empty_front_matter_is_cut_off(tmp_path, front):
    article = only(write(tmp_path / "a.md", f"---\n{front}---\n{BODY}"))
    assert (article.text, article.title) == (BODY, "a")


# --- HTML ---------------------------------------------------------------------------------------------------------


def test_html_sample_without_menus_and_footers():
    article = only(SAMPLES / "2024-02-27-heart-patch-trial.html")
    assert article.title == "Heart patch worn at home cuts hospital returns by 22%, trial finds"
    assert article.published == date(2024, 2, 27)
    assert article.author == "Lydia Marchbank"
    for kept in ("Half of them were given the Pulvane patch", "“What the patch gives us is time,”", "We would like to"):
        assert kept in article.text
    for dropped in ("Contact us", "newsletter", "All rights reserved", "<p>", "&amp;"):
        assert dropped not in article.text


PARAGRAPHS = "".join(f"<p>This is paragraph number {n} of the story about the bridge.</p>" for n in range(12))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(f"<html><title>Bridge</title><body><article>{PARAGRAPHS}</article>", id="plain"),
        pytest.param(f'<?xml version="1.0" encoding="utf-8"?><html><title>Bridge</title>{PARAGRAPHS}', id="xhtml"),
        pytest.param(f"<html><title>Bridge</title><body>{'<div>' * 200}{PARAGRAPHS}", id="deep"),
    ],
)
def test_html_pages(tmp_path, page):
    article = only(write(tmp_path / "a.htm", page))
    assert article.title == "Bridge"
    assert "paragraph number 11 of the story" in article.text
    assert article.source == str(tmp_path / "a.htm")


def test_html_is_decoded_as_it_declares(tmp_path):
    text = "Мост открыли весной, по нему ходит сорок поездов в день. "
    page = f'<html><head><meta charset="windows-1251"><title>Мост</title></head><body><p>{text * 9}</p></body></html>'
    article = only(write(tmp_path / "a.html", page.encode("windows-1251")))
    assert (article.title, text.strip() in article.text) == ("Мост", True)


@pytest.mark.parametrize("charset", ["undefined", "idna", "hex", "nonsense", "utf-7", "x" * 99, "\xff"])
def test_html_that_declares_no_encoding_there_is(tmp_path, charset):
    page = f'<html><head><meta charset="{charset}"><title>Café</title></head><body>{PARAGRAPHS}</body></html>'
    assert only(write(tmp_path / "a.html", page.encode("cp1252"))).title == "Café"


@pytest.mark.parametrize(
    "page",
    ["no markup", "<html><body></body></html>", "<script>alert(1)</script>", "<" * 5000, "<div>" * 50_000],
    ids=["no markup", "no body", "script", "pumped", "deep"],
)
def test_html_without_article_text_is_refused(tmp_path, page):
    assert "no article text" in refusal(write(tmp_path / "a.html", page))


# --- JSON Lines ---------------------------------------------------------------------------------------------------


def rows(path: Path, *values: object) -> Path:
    return write(path, "".join(json.dumps(value) + "\n" for value in values))


def test_jsonl_rows(tmp_path):
    full = {
        "id": "The Bridge",
        "title": "Bridge",
        "text": BODY,
        "source": "https://example.org/1",
        "published": "2024-02-03",
        "author": "Ada Lunn",
        "language": "en",
    }
    path = rows(tmp_path / "news.jsonl", full, {"text": "date 2023-01-02 Stated\nText."}, {"text": "Bare."})
    first, second, third = load(path)
    assert first == Article(
        "the-bridge", "Bridge", BODY, "https://example.org/1", date(2024, 2, 3), author="Ada Lunn", language="en"
    )
    assert (second.id, second.title, second.published) == ("news-2", "Stated", date(2023, 1, 2))
    assert (third.id, third.title, third.source, third.published) == ("news-3", "news 3", str(path), None)


def test_jsonl_mark_crlf_and_blank_lines(tmp_path):
    content = codecs.BOM_UTF8 + b'\r\n{"text": "One."}\r\n\r\n  \n{"text": "Two.\\u2028"}'
    assert [article.text for article in load(write(tmp_path / "a.jsonl", content))] == ["One.", "Two.\u2028"]


def test_jsonl_other_names_of_fields(tmp_path):
    article = only(rows(tmp_path / "a.jsonl", {"text": "One.", "url": "https://example.org", "date": "2 May 2024"}))
    assert (article.source, article.published) == ("https://example.org", date(2024, 5, 2))


def test_jsonl_id_zero_is_an_id(tmp_path):
    assert only(rows(tmp_path / "a.jsonl", {"text": "One.", "id": 0})).id == "0"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        pytest.param('{"text": ', "not valid JSON", id="cut off"),
        pytest.param("{'text': 'x'}", "not valid JSON", id="python"),
        pytest.param("[" * 100_000, "not valid JSON", id="deep"),
        pytest.param('{"text": "x", "id": ' + "1" * 5000 + "}", "not valid JSON", id="long number"),
        pytest.param('["text"]', "no article text", id="list"),
        pytest.param('{"title": "x"}', "no article text", id="no text"),
        pytest.param('{"text": null}', "no article text", id="null"),
        pytest.param('{"text": 5}', "no article text", id="number"),
        pytest.param('{"text": " \\n"}', "no article text", id="space"),
        pytest.param('{"text": "Again.", "id": "FIRST"}', "used twice", id="same id"),
    ],
)
def test_jsonl_bad_rows_are_named_by_line(tmp_path, line, problem):
    path = write(tmp_path / "a.jsonl", '{"text": "First.", "id": "first"}\n\n' + line + "\n")
    message = refusal(path)
    assert message.startswith(":3: ")
    assert problem in message


def test_jsonl_lone_surrogates_are_replaced_in_every_field(tmp_path):
    row = dict.fromkeys(("text", "title", "source", "author", "language", "id"), "a \ud800 b")
    article = only(rows(tmp_path / "a.jsonl", row))
    assert article.text == "a ? b"
    for value in (article.id, article.title, article.source, article.author, article.language):
        assert "\ud800" not in value


# --- files and folders --------------------------------------------------------------------------------------------


def test_folders_are_searched_in_depth_in_a_stable_order(tmp_path):
    for name in ("b.txt", "a.md", "sub/c.html", "sub/deep/d.jsonl", ".hidden.txt", ".git/e.txt", "image.png", "f.txt~"):
        write(tmp_path / name, BODY)
    (tmp_path / "link.txt").symlink_to(tmp_path / "b.txt")
    (tmp_path / "linked").symlink_to(tmp_path / "sub")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    expected = [tmp_path / name for name in ("a.md", "b.txt", "sub/c.html", "sub/deep/d.jsonl")]
    assert find_files([tmp_path]) == expected
    assert find_files([tmp_path / "sub", tmp_path / "b.txt", tmp_path]) == [*expected[2:], expected[1], expected[0]]


def test_a_hidden_or_linked_file_is_read_when_named(tmp_path):
    write(tmp_path / ".hidden.txt", BODY)
    (tmp_path / "link.txt").symlink_to(tmp_path / ".hidden.txt")
    assert [only(tmp_path / name).text for name in (".hidden.txt", "link.txt")] == [BODY, BODY]


def test_relative_paths_become_absolute(tmp_path, monkeypatch):
    write(tmp_path / "sub/a.txt", BODY)
    monkeypatch.chdir(tmp_path)
    assert find_files(["sub/../sub/a.txt", "./sub"]) == [tmp_path / "sub" / "a.txt"]
    assert only(Path("sub/a.txt")).source == str(tmp_path / "sub" / "a.txt")


@pytest.mark.parametrize(
    "name", ["sp ace.txt", "Ünïcödé 東京.txt", "-rf.txt", "100%.txt", "a#b?c.txt", "tab\t.txt", "a" * 250 + ".txt"]
)
def test_odd_names(tmp_path, name):
    article = only(write(tmp_path / name, BODY))
    assert (article.source, article.title) == (str(tmp_path / name), name.removesuffix(".txt"))
    with Library.in_memory(HashEmbedder()) as library:
        assert library.add([article]).added == 1


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes only on Linux")
def test_names_that_are_not_valid_text(tmp_path, embedder):
    write(tmp_path / os.fsdecode(b"caf\xe9.txt"), BODY)
    article = only(tmp_path)
    assert article.text == BODY
    with Library.in_memory(embedder) as library:
        assert library.add([article]).added == 1


@pytest.mark.parametrize("name", ["two\nlines.txt", "two\nlines.xyz"])
def test_a_message_is_one_line_whatever_the_name(tmp_path, name):
    path = write(tmp_path / name, "")
    with pytest.raises(ArticleFileError) as caught:
        load(path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_folder_without_articles_is_refused(tmp_path):
    write(tmp_path / ".hidden/a.txt", BODY)
    write(tmp_path / "image.png", b"\x89PNG")
    assert "no articles in this folder" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.doc", "a", "a.tar.gz", "a.gz", "a.zip.gz", "txt"])
def test_unknown_endings_are_refused(tmp_path, name):
    message = refusal(write(tmp_path / name, BODY))
    assert all(ending in message for ending in LOADERS)


@pytest.mark.parametrize("name", ["missing.txt", "missing/a.txt", "nul\0.txt", "x" * 5000])
def test_missing_files_are_refused(tmp_path, name):
    assert "no such file" in refusal(tmp_path / name)


def test_special_files_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    assert "not a regular file" in refusal(tmp_path / "pipe.txt")
    assert "not a regular file" in refusal(Path("/dev/null"))


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(ArticleFileError, match="cannot be read"):
        read_raw(tmp_path)


def test_samples_are_the_same_on_every_machine():
    articles = samples()
    assert len(articles) == len(find_files([SAMPLES])) == 10
    assert len({article.id for article in articles}) == 10
    for article in articles:
        assert not article.source.startswith("/")
        assert article.published
        assert len(article.text) > 500
