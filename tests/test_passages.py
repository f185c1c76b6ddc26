from itertools import pairwise

import pytest
from conftest import article
from hypothesis import example, given
from hypothesis import strategies as st

from corpus import Article, samples, split
from corpus.passages import PASSAGE_OVERLAP, PASSAGE_SIZE
from corpus.sentences import sentence_around, sentence_spans, strip

characters = st.characters(exclude_categories=["Cs"])
tokens = st.one_of(
    st.text(characters, min_size=1, max_size=12),
    st.sampled_from(
        ["\n", "\r\n", "\n\n", "\r", "\t", " ", "   ", "\u3000" * 30, " " * 60, "\n" * 60, "\u2028", "\x85", "\x0b"]
    ),
    st.sampled_from([". ", "! ", "? ", "; ", ", ", "Dr. Smith ", "U.S. ", "No. 4 ", "“Quote.” ", '"Yes," ', "Mr. "]),
    st.sampled_from(["🙂", "👨‍👩‍👧", "é", "東京都", "x" * 50, "word " * 12, "1.5", "…"]),
)
texts = st.one_of(st.text(characters, max_size=300), st.lists(tokens, max_size=60).map("".join))
sizes = st.integers(1, 120).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


def cut(text: str, numbers: tuple[int, int]):
    return split(Article("a", "t", text, "s"), size=numbers[0], overlap=numbers[1])


@given(texts, sizes)
def test_passages_are_slices_within_the_size(text, numbers):
    for passage in cut(text, numbers):
        assert passage.article_id == "a"
        assert passage.text == text[passage.start : passage.end]
        assert passage.text.strip() == passage.text
        assert 0 < len(passage.text) <= numbers[0]


@given(texts, sizes)
def test_passages_cover_every_character_but_white_space(text, numbers):
    covered = {place for passage in cut(text, numbers) for place in range(passage.start, passage.end)}
    assert all(character.isspace() or place in covered for place, character in enumerate(text))


@given(texts, sizes)
@example('\n0000."0', (7, 5))  # both passages began at the 0, after the white space
def test_passages_start_one_after_the_other(text, numbers):
    passages = cut(text, numbers)
    for one, following in pairwise(passages):
        assert one.start < following.start
        assert one.end <= following.end


@given(texts, sizes)
def test_passages_share_at_most_the_overlap(text, numbers):
    passages = cut(text, numbers)
    for one, following in pairwise(passages):
        assert one.end - following.start <= numbers[1]


@pytest.mark.parametrize("text", ["", " ", "\n\n\n", "\t \r\n \u3000", " " * 5000])
def test_white_space_alone_gives_no_passage(text):
    assert split(article("a", text)) == []


def test_a_short_article_is_one_passage_without_outer_space():
    (passage,) = split(article("a", "\n One sentence. \n"))
    assert (passage.start, passage.text) == (2, "One sentence.")


def test_passages_of_the_samples_hold_whole_sentences():
    for sample in samples():
        passages = split(sample)
        ends = {strip(sample.text, a, b)[1] for a, b in sentence_spans(sample.text)}
        starts = {strip(sample.text, a, b)[0] for a, b in sentence_spans(sample.text)}
        assert {passage.start for passage in passages} <= starts
        assert {passage.end for passage in passages} <= ends
        assert all(len(passage.text) <= PASSAGE_SIZE for passage in passages)
        shared = [one.end - other.start for one, other in pairwise(passages)]
        assert all(count <= PASSAGE_OVERLAP for count in shared)
        # sentences of these articles are short enough for neighbours to share some
        assert any(count > 0 for count in shared)


def test_long_sentences_are_cut_between_words():
    text = " ".join(f"word{number}" for number in range(400))
    passages = split(article("a", text), size=100, overlap=20)
    assert len(passages) > 20
    assert set(" ".join(passage.text for passage in passages).split()) == set(text.split())


def test_a_word_longer_than_the_size_is_cut_anywhere():
    passages = split(article("a", "x" * 250), size=100, overlap=20)
    assert [(passage.start, passage.end) for passage in passages] == [(0, 100), (100, 200), (200, 250)]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (-1, 0), (10, 10), (10, 11), (10, -1)])
def test_impossible_sizes_are_refused(size, overlap):
    with pytest.raises(ValueError, match=f"size {size} and overlap {overlap}"):
        split(article("a"), size=size, overlap=overlap)


@given(texts)
def test_sentence_spans_lose_nothing(text):
    spans = sentence_spans(text)
    assert "".join(text[a:b] for a, b in spans) == text
    assert all(a < b for a, b in spans)
    assert [b for _, b in spans[:-1]] == [a for a, _ in spans[1:]]


def test_sentences_of_news_text():
    text = (
        "Dr. Amara Holt of the U.S. team won No. 4 on Oct. 5. “It’s 2.5 p.m.,” she said.\n"
        "A heading without a stop\nMr. Sims paid $1.5 million! Did he?"
    )
    assert [text[a:b].strip() for a, b in sentence_spans(text)] == [
        "Dr. Amara Holt of the U.S. team won No. 4 on Oct. 5.",
        "“It’s 2.5 p.m.,” she said.",
        "A heading without a stop",
        "Mr. Sims paid $1.5 million!",
        "Did he?",
    ]


@given(texts, st.data())
def test_the_sentence_around_a_span_holds_it(text, data):
    places = [place for place, character in enumerate(text) if not character.isspace()]
    if not places:
        return
    start, last = sorted(data.draw(st.tuples(st.sampled_from(places), st.sampled_from(places))))
    a, b = sentence_around(text, start, last + 1)
    assert 0 <= a <= start
    assert last < b <= len(text)
    assert text[a:b].strip() == text[a:b]


def test_the_sentence_around_a_span():
    text = "One came first. Two came next.\nThree came last. "

    def around(quote: str) -> str:
        start = text.index(quote)
        a, b = sentence_around(text, start, start + len(quote))
        return text[a:b]

    assert around("One") == "One came first."
    assert around("next") == "Two came next."
    assert around("next.") == "Two came next."
    assert around("first. Two") == "One came first. Two came next."
    assert around("next.\nThree") == "Two came next.\nThree came last."
    assert around("last") == "Three came last."


@pytest.mark.parametrize(
    ("text", "expected"), [("  ab  ", (2, 4)), ("ab", (0, 2)), ("", (0, 0)), ("\n\t", (2, 0)), (" \u3000a\x85", (2, 3))]
)
def test_strip(text, expected):
    start, end = strip(text, 0, len(text))
    if text.strip():
        assert (start, end) == expected
    else:
        assert text[start:end] == ""
