import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.boundaries import quotable, whole_words


@pytest.mark.parametrize(
    ("text", "chosen", "expected"),
    [
        ("Jack Aitken won", "itke", "Aitken"),
        ("Jack Aitken won", "Aitken ", "Aitken"),
        ("Jack Aitken won", " Aitken", "Aitken"),
        ("He won, and left", "won,", "won"),
        ("He won: and left", ": and", "and"),
        ("He left (for Rome) then", "(for Rome)", "(for Rome)"),
        ("He left (for Rome) then", ") then", "then"),
        ("He left (for Rome) then", "left (", "left"),
        ("in the U.S. team", "the U.S.", "the U.S."),
        ("cost $1.5 million", "1", "1"),
        ("cost €1.5m now", "1.5", "1.5m"),
        ("naïveté", "ïve", "naïveté"),
        ("東京都 is", "京", "東京都"),
        ("a 🙂 b", "🙂", "🙂"),
        ("one, two", ", ", ""),
        ("one", "one", "one"),
        ("a - b", "-", "-"),
    ],
)
def test_whole_words(text, chosen, expected):
    at = text.index(chosen)
    start, end = whole_words(text, at, at + len(chosen))
    assert text[start:end] == expected


@given(st.text(max_size=40), st.data())
def test_whole_words_stay_inside_and_end_on_words(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    a, b = whole_words(text, start, end)
    assert 0 <= a <= len(text)
    assert a <= b <= len(text) or a >= end
    if a < b:
        assert text[a:b].strip() == text[a:b]
        assert whole_words(text, a, b) == (a, b)


@pytest.mark.parametrize(
    ("text", "chosen", "question", "expected"),
    [
        ("cost $1.5 million now", "5", "What did it cost?", "$1.5 million"),
        ("some 12,500 of them", "500", "How many came?", "12,500"),
        ("in 0:59.3 today", "59", "How fast was it?", "0:59.3"),
        ("a 200-point lead", "200", "How large was the lead?", "200-point"),
        ("the 19-year-old Swede", "19", "How old is he?", "19"),
        ("the 19-year-old Swede", "19", "Who won?", "19-year-old"),
        ("it took nine years", "nine", "How long did it take?", "nine years"),
        ("it took nine years", "nine", "How many years did it take?", "nine"),
        ("up 14 percent", "14", "By how much?", "14 percent"),
        ("up 14% again", "14", "By how much?", "14%"),
        ("at 31 °C", "31", "How warm was it?", "31 °C"),
        ("five wins", "five", "How many wins has he?", "five"),
        ("Senna won five races", "Senna", "Who won?", "Senna"),
        ("the Bureau (BIA) says", "Bureau (BIA", "Who?", "Bureau (BIA)"),
        ("as (nodes) and (edges) go", "nodes) and (edges", "What?", "(nodes) and (edges)"),
        ('he said "we are back" twice', '"we are', "What did he say?", '"we are back"'),
        ('he said "we are back" twice', 'are back"', "What did he say?", '"we are back"'),
        ("he said “we are back” twice", "said “we are", "What did he say?", "said “we are back”"),
        ("he said “we are back” twice", "back” twice", "What?", "“we are back” twice"),
        ("we won’t go (there", "won’t", "What?", "won’t"),
        ("left (open for\never)", "(open", "What?", "(open"),
        ("(111)\n1", "\n1", "What?", "1"),
        ('the 5" disk', '5" disk', "What?", '5" disk'),
    ],
)
def test_quotable(text, chosen, question, expected):
    at = text.index(chosen)
    start, end = quotable(text, at, at + len(chosen), question)
    assert text[start:end] == expected


pieces = st.sampled_from(
    ["Jack", "1", ".", ",", "5", "-", " ", "years", "(", ")", '"', "“", "”", "‘", "’", "$", "%", "\n"]
)


@given(st.lists(pieces, max_size=25), st.data())
def test_quotable_widens_within_the_text(parts, data):
    text = "".join(parts)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    a, b = quotable(text, start, end, "how many?")
    word_start, word_end = whole_words(text, start, end)
    if word_start < word_end:
        assert 0 <= a <= word_start < word_end <= b <= len(text)
        assert text[a:b].strip() == text[a:b]
