import math

from hypothesis import given
from hypothesis import strategies as st

from qa.screening import best_first

SCORES = st.lists(st.integers(-9, 9), min_size=1, max_size=6)


def run(guesses, scores, margins, to_beat=-math.inf):
    done = []

    def advance(place, part):
        done.append((place, part))
        return guesses[part][place] if part < len(margins) else scores[place]

    return best_first(range(len(scores)), margins, advance, to_beat), done


def test_without_screens_all_are_read_in_their_order():
    assert run([], [1, 5, 3], []) == (5, [(0, 0), (1, 0), (2, 0)])


def test_the_most_promising_is_read_first_and_what_cannot_reach_it_is_left():
    best, done = run([[4, 9, -7], [2, 8, 0]], [1, 7, 0], [3, 2])
    assert best == 7
    assert done == [(0, 0), (1, 0), (2, 0), (1, 1), (1, 2), (0, 1)]


def test_what_is_to_beat_comes_from_outside_too():
    assert run([[4, 9]], [1, 7], [1], to_beat=11) == (11, [(0, 0), (1, 0)])
    assert run([], [1], [], to_beat=11) == (11, [(0, 0)])


@given(SCORES, st.integers(0, 3))
def test_bounds_that_hold_never_lose_the_best(scores, slack):
    """Guesses that are at most `slack` too low, with margins as wide."""
    guesses = [[score - slack for score in scores], [score + 1 for score in scores]]
    assert run(guesses, scores, [slack, 0])[0] == max(scores)
