import hashlib
import re
from dataclasses import FrozenInstanceError
from datetime import date, datetime

import pytest
from conftest import article
from hypothesis import given
from hypothesis import strategies as st

from corpus import Article
from corpus.articles import slug
from corpus.dates import date_in_name, first_line_title, header, parse_date


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("2023-10-19 Blomqvist joins Action Express!", "2023-10-19-blomqvist-joins-action-express"),
        ("Crème brûlée", "creme-brulee"),
        ("snake_case_name", "snake-case-name"),
        ("İstanbul", "istanbul"),
        ("Straße ① ﬁn", "straße-1-fin"),
        ("東京 news", "東京-news"),
        ("", "article"),
        ("!!! ???", "article"),
        ("🙂", "article"),
        ("../../etc/passwd", "etc-passwd"),
        ("a" * 79 + " bcd", "a" * 79),
    ],
)
def test_slug(name, expected):
    assert slug(name) == expected


@given(st.text())
def test_a_slug_is_short_and_safe_in_a_path_or_a_shell(name):
    made = slug(name)
    assert 1 <= len(made) <= 80
    assert re.fullmatch(r"[^\W_]+(-[^\W_]+)*", made)
    assert made == made.lower()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (date(2023, 10, 19), date(2023, 10, 19)),
        (datetime(2023, 10, 19, 8, 30), date(2023, 10, 19)),  # noqa: DTZ001
        ("2023-10-19", date(2023, 10, 19)),
        ("  2023-10-19T08:30:00+02:00", date(2023, 10, 19)),
        ("19 October 2023", date(2023, 10, 19)),
        ("October 19, 2023", date(2023, 10, 19)),
        ("19 Oct 2023", date(2023, 10, 19)),
        ("Oct 19, 2023", date(2023, 10, 19)),
        ("2023/10/19", date(2023, 10, 19)),
        ("20231019", date(2023, 10, 19)),
        (20231019, date(2023, 10, 19)),
        ("2023-13-45", None),
        ("2023-02-29", None),
        ("0000-01-01", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        ([], None),
        ("2023-10-191", None),
    ],
)
def test_parse_date(value, expected):
    assert parse_date(value) == expected


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.lists(st.text())))
def test_parse_date_never_fails(value):
    assert parse_date(value) is None or isinstance(parse_date(value), date)


def test_date_in_name():
    assert date_in_name("2023-10-19-race.txt") == date(2023, 10, 19)
    assert date_in_name("race 2023-10-19 and 2024-01-01.txt") == date(2023, 10, 19)
    assert date_in_name("number-12023-10-199.txt") is None
    assert date_in_name("race-2023-19-10.txt") is None
    assert date_in_name("race.txt") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("date 2023-10-19 The title\nBody", (date(2023, 10, 19), "The title")),
        (" date 2023-10-19 The title\nBody", (date(2023, 10, 19), "The title")),
        ("Date: 2023-10-19 The title\r\nBody", (date(2023, 10, 19), "The title")),
        ("date 2023-10-19\nBody", (date(2023, 10, 19), None)),
        ("date 2023-10-19 Only this", (date(2023, 10, 19), "Only this")),
        ("date 2023-13-45 The title\nBody", (None, None)),
        ("update 2023-10-19 The title", (None, None)),
        ("date 2023-10-19x The title", (None, None)),
        ("Nothing of that", (None, None)),
        ("", (None, None)),
    ],
)
def test_header(text, expected):
    assert header(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A title\nThe body.", "A title"),
        ("\n\n A title \r\nThe body.", "A title"),
        ("Who won?\nThe body.", "Who won?"),
        ("This is a sentence.\nAnd another.", None),
        ("Only one line", None),
        ("Only one line\n\n ", None),
        ("x" * 201 + "\nThe body.", None),
        ("", None),
    ],
)
def test_first_line_title(text, expected):
    assert first_line_title(text) == expected


def test_an_article_knows_its_hash_and_is_frozen():
    about = article("kelp", "Größe 🙂")
    assert about.sha256 == hashlib.sha256("Größe 🙂".encode()).hexdigest()
    with pytest.raises(FrozenInstanceError):
        about.text = "other"  # type: ignore[misc]
    assert not hasattr(about, "__dict__")


def test_page_at():
    paged = Article("a", "t", "x" * 30, "s", pages=(0, 10, 20))
    assert [paged.page_at(offset) for offset in (0, 9, 10, 19, 20, 29)] == [1, 1, 2, 2, 3, 3]
    # text before the first page counts as its part
    assert Article("a", "t", "x" * 30, "s", pages=(5, 10)).page_at(0) == 1
    assert article("unpaged").page_at(3) is None
