import numpy as np
import pytest
from conftest import WORD, article, whole, window
from hypothesis import given
from hypothesis import strategies as st

from corpus import Passage
from qa.answer import Span
from qa.reader import Window
from qa.spans import best_spans, normalised, overlap, same_answer

TEXT = "Jack Aitken will replace Sims in the Cadillac"
HERE = Passage("a", 100, 100 + len(TEXT), TEXT)


def logits(*best: str, text: str = TEXT, high: float = 5.0) -> list[float]:
    """0 for every word of `text`, but `high` for the best ones."""
    return [high if word in best else 0.0 for word in WORD.findall(text)]


def spans(*windows: Window, passages: tuple[Passage, ...] = (HERE,), **options: int) -> list[Span]:
    return best_spans(windows, passages, **options)


def span(text: str, start: int = 0, name: str = "a") -> Span:
    return Span(Passage(name, 0, 1000, "x" * 1000), start, start + len(text), text, 1.0)


# --- which spans --------------------------------------------------------------------------------------------------


def test_the_best_span_joins_the_best_start_and_end():
    best = spans(window(0, TEXT, logits("Jack"), logits("Aitken")))[0]
    assert best == Span(HERE, 100, 111, "Jack Aitken", 10.0)


def test_the_end_is_never_before_the_start():
    found = spans(window(0, TEXT, logits("Cadillac"), logits("Jack")))
    assert all(one.start < one.end for one in found)
    # the best start and the best end do not fit together, so only one of the two counts
    assert {(one.text, one.score) for one in found[:2]} == {("Jack", 5.0), ("Cadillac", 5.0)}
    assert found[2].score == 0.0


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 30])
def test_spans_have_at_most_as_many_tokens_as_asked(limit):
    found = spans(window(0, TEXT, logits("Jack"), logits("Cadillac")), max_answer_tokens=limit)
    assert max(len(one.text.split()) for one in found) <= limit
    assert (found[0].text == TEXT) == (limit >= 8)


def test_the_score_is_over_the_null_score_of_the_same_window():
    other = Passage("b", 0, len(TEXT), TEXT)
    first = window(0, TEXT, logits("Sims"), logits("Sims"), null=9.0)
    second = window(1, TEXT, logits("Cadillac"), logits("Cadillac"), null=-2.0)
    best, *_, last = spans(first, second, passages=(HERE, other))
    assert (best.passage, best.text, best.score) == (other, "Cadillac", 12.0)
    assert last.score <= 0
    assert next(one for one in spans(first) if one.text == "Sims").score == 1.0


def test_windows_of_a_passage_that_overlap_give_each_place_once():
    one = window(0, TEXT, logits("Sims"), logits("Sims"), null=3.0)
    other = window(0, TEXT, logits("Sims", high=6), logits("Sims", high=6), null=1.0)
    for pair in ((one, other), (other, one)):
        found = spans(*pair)
        assert len({(span.start, span.end) for span in found}) == len(found)
        assert (found[0].text, found[0].score) == ("Sims", 11.0)


def test_spans_are_sorted_and_ties_by_place():
    flat = window(0, TEXT, logits(), logits())
    found = spans(flat, max_answer_tokens=2)
    keys = [(-one.score, one.start, one.end) for one in found]
    assert keys == sorted(keys)
    assert found == spans(flat, max_answer_tokens=2)
    assert len(found) == 15


def test_every_window_gives_spans_of_its_own():
    """Twenty high spans of one window do not crowd out the other's."""
    long = " ".join(f"w{number}" for number in range(50))
    passages = (Passage("a", 0, len(long), long), HERE)
    loud = window(0, long, [9.0] * 50, [9.0] * 50)
    quiet = window(1, TEXT, logits("Sims"), logits("Sims"), null=2.0)
    assert "Sims" in {one.text for one in spans(loud, quiet, passages=passages)}


def test_empty_windows_give_nothing():
    assert spans() == []
    assert spans(window(0, "", [], [])) == []
    full = window(0, TEXT, logits("Sims"), logits("Sims"))
    assert spans(window(0, "", [], []), full) == spans(full)


def test_a_window_of_one_token():
    (only,) = spans(window(0, "Sims", [1.0], [2.0], null=0.5), passages=(Passage("a", 7, 11, "Sims"),))
    assert only == Span(Passage("a", 7, 11, "Sims"), 7, 11, "Sims", 2.5)


def test_tokens_inside_words_become_whole_words():
    text = "It cost sixty-seven, he said."
    places = np.array([[8, 10], [10, 13], [14, 17], [17, 19], [19, 20]])  # si xty seve n ,
    part = Window(0, places[:, 0], places[:, 1], np.array([0, 5, 0, 0, 0.0]), np.array([0, 0, 5, 0, 0.0]), 0.0)
    found = best_spans([part], [Passage("a", 0, len(text), text)])
    assert found[0].text == "sixty-seven"
    assert len({(one.start, one.end) for one in found}) == len(found)


words = st.sampled_from(
    ["Jack", "ﬁne", "1.5", "€20", "(", ").", "…", "🙂", "é", "-", "“so”", "東京", " ", "\n", "U.S.", ","]
)


@given(st.data(), st.lists(words, max_size=30), st.integers(0, 50), st.integers(1, 6))
def test_every_span_is_a_slice_of_its_article(data, parts, offset, limit):
    text = "".join(parts)
    one = Passage("a", offset, offset + len(text), text)
    about = article("a", "#" * offset + text + "#" * 9)
    # tokens anywhere: at any characters, in order
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=20)))
    count = max(0, len(cuts) - 1)
    numbers = st.lists(st.sampled_from([-3.0, 0.0, 1.0, 2.5, 20.0]), min_size=count, max_size=count)
    starts, ends = (np.array(data.draw(numbers), np.float32) for _ in range(2))
    part = Window(0, np.array(cuts[:-1], np.int64), np.array(cuts[1:], np.int64), starts, ends, 0.5)
    found = best_spans([part, part], [one], max_answer_tokens=limit)
    assert len({(span.start, span.end) for span in found}) == len(found)
    for span in found:
        assert about.text[span.start : span.end] == span.text != ""
        assert offset <= span.start < span.end <= offset + len(text)
        assert span.text.strip() == span.text
        assert span.passage == one
    assert [span.score for span in found] == sorted((span.score for span in found), reverse=True)


# --- lists --------------------------------------------------------------------------------------------------------

TRACKS = "He won at Spa, Monza and Imola, then fell ill."


def listed(question: str, *, behind: float) -> str:
    """The best span where a single item scores highest and the whole list `behind` less."""
    starts = [10.0 if word == "Spa" else 0.0 for word in WORD.findall(TRACKS)]
    ends = [{"Spa": 10.0, "Imola": 10.0 - behind}.get(word, 0.0) for word in WORD.findall(TRACKS)]
    here = Passage("a", 0, len(TRACKS), TRACKS)
    (best, *_) = best_spans([window(0, TRACKS, starts, ends)], [here], question=question)
    assert best.score == 20.0
    return best.text


def test_a_question_for_several_things_gets_the_whole_list():
    assert listed("Which three races did he win?", behind=1.5) == "Spa, Monza and Imola"
    assert listed("What are the three tracks?", behind=1.5) == "Spa, Monza and Imola"


def test_a_list_needs_the_right_number_of_items_and_nearly_the_score():
    assert listed("Which two races did he win?", behind=1.5) == "Spa"
    assert listed("Which race did he win?", behind=1.5) == "Spa"
    assert listed("Which three races did he win?", behind=2.5) == "Spa"


# --- the same answer ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Jack Aitken", "Aitken", True),
        ("the Cadillac", "Cadillac.", True),
        ("29", "29 years", True),
        ("Jack Aitken", "Tom Blomqvist", False),
        ("2", "22", False),
        ("in May 2023", "May", True),
        ("May 2023", "2023 May", False),
        ("team manager", "manager of the team", False),
        ("A", "Paris", False),
        ("🙂", "Paris", False),
        ("€", "$", False),
        ("A", "a", True),
        ("🙂", "🙂", True),
    ],
)
def test_same_answer(one, other, same):
    assert same_answer(span(one), span(other, start=500)) is same
    assert same_answer(span(other, start=500), span(one)) is same


def test_spans_that_overlap_say_the_same():
    assert overlap(span("abcdef", 10), span("defxyz", 13))
    assert same_answer(span("abcdef", 10), span("defxyz", 13))
    assert not overlap(span("abc", 10), span("def", 13))
    assert not overlap(span("abc", 10), span("abc", 10, name="b"))


def test_normalised():
    assert normalised("The  Cat's\nan Owl!") == ("cat", "s", "owl")
    assert normalised("another theory") == ("another", "theory")


def test_a_whole_passage_may_be_the_answer():
    about = article("a", "Jack Aitken")
    (best, *_) = best_spans([window(0, about.text, [5, 0], [0, 5])], [whole(about)])
    assert (best.start, best.end, best.text) == (0, 11, "Jack Aitken")
