import pytest
from conftest import article

from index import Library
from qa.namesakes import is_of_a_namesake, without_namesakes

JACK = article("jack", "Jack Aitken replaces Sims. Aitken will share the car.")
MORAG = article("morag", "Morag Aitken, 36, led the expedition. Aitken said the kelp had grown.")


@pytest.mark.parametrize(
    ("text", "namesake"),
    [
        (MORAG.text, True),
        (f"{MORAG.text} Jack watched.", False),  # names the one asked about as well
        ("James Aitken, 36, led the expedition. Aitken said so.", False),  # Jack may be short for it
        ("The mayor is 36. Mayor Aitken opened the hall. Aitken said so.", False),
        ("Dr Aitken, 36, led the expedition. Aitken said so.", False),
        ("Dr Morag Aitken, 36, led the expedition. Aitken said so.", True),
        ("The Aitken Trust gave money. Aitken is a town.", False),
        ("Aitken led the expedition.", False),
        ("Morag Braun, 36, led the expedition.", False),
    ],
)
def test_who_is_a_namesake_of_jack_aitken(text, namesake):
    assert is_of_a_namesake("Jack Aitken", text) is namesake


@pytest.mark.parametrize(
    ("question", "kept"),
    [
        ("How old is Jack Aitken?", ["jack"]),
        ("How old is Morag Aitken?", ["morag"]),
        ("How old is Aitken?", ["jack", "morag"]),
        ("How old is Checo Aitken?", ["jack", "morag"]),  # nobody calls him that: he may be either
    ],
)
def test_articles_about_a_namesake_are_not_read(embedder, question, kept):
    library = Library.in_memory(embedder)
    library.add([JACK, MORAG])
    hits = library.search(question, k=4)
    assert sorted(hit.article.id for hit in hits) == ["jack", "morag"]
    assert sorted(hit.article.id for hit in without_namesakes(question, hits)) == kept
