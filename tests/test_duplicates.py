"""Copies of a wire report are found and counted once; reports of one template are not copies."""

from datetime import date

import pytest
from conftest import HashEmbedder

from corpus import Article
from index import Library
from index.duplicates import are_copies

REPORT = (
    "Tom Blomqvist will join Action Express Racing for the long-distance races of next season, the team "
    "said on Thursday. The Briton, who won the Daytona 24 Hours twice, replaces Alexander Sims in the "
    "Cadillac. “We are glad to have somebody of his quality,” said Gary Nelson, the team manager. The "
    "season begins in Florida in January with a race over 24 hours, and Blomqvist will share the car with"
    " Pipo Derani and Jack Aitken. The team finished second in the championship behind its rival after a "
    "late penalty, which cost it 60 points and the title. Nobody at the team wanted to speak about that "
    "on Thursday, but the mood in the workshop near Denver was good, and work on the new car has gone on "
    "for weeks without a problem that anybody could name."
)
RESULTS = (
    "Results of the {year} race at Spa, after six hours of racing on a dry circuit in front of a full "
    "house. The winner was {first}, ahead of {second} in second place. The fastest lap was driven in "
    "{lap} minutes. The next race of the season takes place in Le Mans in June, and tickets can be bought"
    " at the gate or from the club's office in the town. The organisers thank the marshals, the doctors "
    "and all volunteers for their work during the whole weekend."
)


def copy(text: str, name: str = "b") -> Article:
    return Article(name, f"Title of {name}", text, f"{name}.txt", date(2023, 10, 19))


@pytest.mark.parametrize(
    "text",
    [
        REPORT,
        "DAYTONA BEACH, Fla. (AP) — " + REPORT,
        "LONDON, Oct 19 (Reuters) - " + REPORT.replace("glad", "happy").replace("somebody", "someone"),
        "By Jane Smith\n" + REPORT,
        REPORT.rsplit(". ", 1)[0] + ".",
        REPORT.replace("the team said on Thursday", "the team said"),
        REPORT + " Additional reporting by the staff of Reuters.",
        REPORT.replace("“", '"').replace("”", '"').upper().lower().capitalize(),
    ],
)
def test_edited_copies_are_copies(text):
    assert are_copies(copy(REPORT, "a"), copy(text))
    assert are_copies(copy(text), copy(REPORT, "a"))


@pytest.mark.parametrize(
    "text",
    [
        RESULTS.format(year=2023, first="Toyota", second="Porsche", lap="2:02.1"),
        RESULTS.format(year=2022, first="Ferrari", second="Porsche", lap="2:02.1"),
        RESULTS.format(year=2022, first="Toyota", second="Porsche", lap="2:03.4"),
        RESULTS.format(year=2022, first="Porsche", second="Toyota", lap="2:02.1"),
    ],
)
def test_other_facts_in_one_template_are_no_copies(text):
    usual = RESULTS.format(year=2022, first="Toyota", second="Porsche", lap="2:02.1")
    assert not are_copies(copy(usual, "a"), copy(text))


def test_other_articles_are_no_copies():
    assert not are_copies(copy(REPORT, "a"), copy(RESULTS))
    assert not are_copies(copy("", "a"), copy(REPORT))
    assert not are_copies(copy(REPORT[:150], "a"), copy(REPORT + RESULTS * 3))


def test_a_copy_counts_once_and_is_named():
    with Library.in_memory(HashEmbedder(64)) as library:
        others = [
            copy(RESULTS.format(year=y, first="Toyota", second="Porsche", lap="2:02.1"), f"r{y}") for y in (2021, 2022)
        ]
        library.add(
            [
                copy(REPORT, "a"),
                copy("LONDON (Reuters) - " + REPORT, "b"),
                copy(REPORT + " More follows.", "c"),
                *others,
            ]
        )
        hits = library.search("Who replaces Alexander Sims in the Cadillac?", k=10)
        named = {hit.article.id: set(hit.copies) for hit in hits}
        assert len(named.keys() & {"a", "b", "c"}) == 1
        assert {"a", "b", "c"} <= set().union(named, *named.values())
        assert {"r2021", "r2022"} <= named.keys()
