"""What a question is searched for: misspelt words, acronyms, phrases, dates and filters."""

from datetime import date

import pytest
from conftest import HashEmbedder

from corpus import Article, samples
from index import Library
from index.lexical import LexicalIndex
from index.periods import period_in
from index.query import Vocabulary, Within, acronyms_of, holds_phrase, long_forms, misspelt, phrases_in, replaced

TODAY = date(2024, 5, 15)


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    index = LexicalIndex(None)
    text = "Max Verstappen drives a Cadillac. The penalties cost Tom Blomqvist the championship in Brixworth."
    index.change(remove=(), add=[(1, "Alexander Sims", text)])
    return Vocabulary(index.terms(), index.words)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("Verstapen", "verstappen"), ("cadilac", "cadillac"), ("Blomqivst", "blomqvist"), ("Alexandr", "alexand")],
)
def test_a_misspelt_name_means_the_nearest_word_of_the_library(words, typed, meant):
    assert (words.nearest(typed) or "").startswith(meant)


@pytest.mark.parametrize(
    "word", ["Verstappen", "penalty", "boss", "kingdom", "Vers", "Quillfeather", "tom", "x1234567"]
)
def test_words_that_are_there_common_short_or_far_from_any_stay(words, word):
    assert words.nearest(word) is None


def test_only_the_misspelt_word_of_a_question_changes(words):
    assert misspelt("Who is Verstapen in the TEXTX car?", words) == {"Verstapen": "verstappen"}
    assert replaced("Is Verstapen's Verstapens?", [("Verstapen", "Verstappen")]) == "Is Verstappen's Verstapens?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "the Federation Internationale de l'Automobile (FIA) said",
            {"FIA": "Federation Internationale de l'Automobile"},
        ),
        ("By the WHO (World Health Organization).", {"WHO": "World Health Organization"}),
        ("the Bank of England (BOE)", {"BOE": "Bank of England"}),
        ("its boss (CEO) left (see page 3)", {}),
    ],
)
def test_acronyms_are_explained_by_the_articles(text, expected):
    assert long_forms([text]) == expected


def test_a_question_in_capitals_has_no_acronyms():
    assert acronyms_of("WHO IS IT") == []
    assert acronyms_of("What did the FIA say?") == ["FIA"]


def test_quoted_phrases_are_found_as_whole_words():
    assert phrases_in('Who said “we  missed out” or "x y"? Not "this') == ("we missed out", "x y")
    assert holds_phrase("missed out", "We MISSED\nout.")
    assert not holds_phrase("missed out", "we missed outings")


@pytest.mark.parametrize(
    ("question", "since", "until", "is_publication"),
    [
        ("Who won in 2019?", date(2019, 1, 1), date(2019, 12, 31), False),
        ("articles published in February 2024", date(2024, 2, 1), date(2024, 2, 29), True),
        ("news since 5 March 2023", date(2023, 3, 5), None, True),
        ("What has changed since March?", date(2024, 3, 1), None, False),
        ("in June", date(2023, 6, 1), date(2023, 6, 30), False),
        ("before 2020", None, date(2019, 12, 31), False),
        ("between 2019 and 2021", date(2019, 1, 1), date(2021, 12, 31), False),
        ("what happened last week", date(2024, 5, 6), date(2024, 5, 12), False),
        ("last month's race", date(2024, 4, 1), date(2024, 4, 30), False),
        ("reports from yesterday", date(2024, 5, 14), date(2024, 5, 14), True),
    ],
)
def test_periods(question, since, until, is_publication):
    period = period_in(question, TODAY)
    assert period is not None
    assert (period.since, period.until, period.is_publication) == (since, until, is_publication)


@pytest.mark.parametrize(
    "question", ["on 31 February 2020", "the last week of the war", "it sold 2000 cars", "may he?"]
)
def test_what_is_no_period(question):
    assert period_in(question, TODAY) is None


@pytest.fixture(scope="module")
def library():
    with Library.in_memory(HashEmbedder(64)) as library:
        library.add(
            [
                Article(
                    "old",
                    "Race report",
                    "Toyota won the race. The drivers missed out on nothing.",
                    "a.txt",
                    date(2019, 6, 1),
                ),
                Article("new", "Race report", "Porsche won the race. Verstappen was late.", "b.txt", date(2024, 5, 8)),
                Article("undated", "Notes", "The race of the year had rain. The Motor Racing Club (MRC) met.", "c.txt"),
            ]
        )
        yield library


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        (Within(articles={"old", "undated"}), {"old", "undated"}),
        (Within(sources=["b.txt"]), {"new"}),
        (Within(since=date(2020, 1, 1)), {"new"}),
        (Within(until=date(2020, 1, 1)), {"old"}),
        (Within(articles=["old"], since=date(2020, 1, 1)), set()),
        (Within(articles=[]), set()),
        (Within(), {"old", "new", "undated"}),
    ],
)
def test_a_filter_is_exact(library, within, expected):
    assert {hit.article.id for hit in library.search("Who won the race?", within=within)} == expected
    assert {info.id for info in library.articles() if within.holds(library.article(info.id))} == expected


def test_a_quoted_phrase_must_occur_unless_it_occurs_nowhere(library):
    assert {hit.article.id for hit in library.search('race "missed out"')} == {"old"}
    assert len(library.search('race "never said"')) == 3
    assert "never said" in library.understand('race "never said"').notes[0]


def test_the_filter_wins_over_a_phrase_elsewhere(library):
    hits = library.search('race "missed out"', within=Within(articles=["new"]))
    assert {hit.article.id for hit in hits} == {"new"}


def test_a_misspelt_name_is_searched_as_the_library_writes_it(library):
    asked = library.understand("Was Verstapen late?")
    assert asked.corrections == (("Verstapen", "Verstappen"),)
    assert asked.text == "Was Verstappen late?"
    assert library.search("Verstapen")[0].article.id == "new"
    assert library.search("Was Verstapen late?", literal=True)


def test_dates_of_publication_limit_and_other_dates_do_not(library):
    assert {hit.article.id for hit in library.search("articles from 2019 about the race")} == {"old"}
    assert len(library.search("Who won the race in 2019?")) == 3
    assert library.understand("articles from 1999 about the race").notes


def test_an_acronym_is_searched_with_what_it_stands_for(library):
    assert library.understand("When did the MRC meet?").expansions == (("MRC", "Motor Racing Club"),)


def test_clean_questions_about_the_samples_are_left_as_they_are():
    with Library.in_memory(HashEmbedder()) as library:
        library.add(samples())
        for question in ("Who replaces Sims?", "Who is the boss of the Action Express team?", "who was it"):
            assert not library.understand(question).is_changed
