import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.followup import resolve

BLOMQVIST = ("Who is joining Action Express in 2024?", "Tom Blomqvist")
UNANSWERED = ("How old is Elise Varnholt?", None)


@pytest.mark.parametrize(
    ("question", "history", "understood"),
    [
        ("How old is he?", [BLOMQVIST], "How old is Tom Blomqvist?"),
        ("how old is he", [BLOMQVIST], "How old is Tom Blomqvist"),
        ("And how old is he?", [BLOMQVIST], "How old is Tom Blomqvist?"),
        ("but why did he leave", [BLOMQVIST], "Why did Tom Blomqvist leave"),
        ("What is his nationality?", [BLOMQVIST], "What is Tom Blomqvist's nationality?"),
        ("And his team?", [BLOMQVIST], "Tom Blomqvist's team?"),
        ("Who drove with him?", [BLOMQVIST], "Who drove with Tom Blomqvist?"),
        ("Who is her team-mate?", [UNANSWERED], "Who is Elise Varnholt's team-mate?"),
        ("Who beat her?", [UNANSWERED], "Who beat Elise Varnholt?"),
        ("How old is she?", [("Who won in Grenoble?", "Elise Varnholt, 25,")], "How old is Elise Varnholt?"),
        ("When was it opened?", [("Where is Durham Bus Station?", None)], "When was Durham Bus Station opened?"),
        ("Where do they play?", [("Who are the Saltmere Players?", None)], "Where do the Saltmere Players play?"),
        ("When did he win?", [BLOMQVIST, ("How old is he?", "29")], "When did Tom Blomqvist win?"),
        ("When did he win?", [BLOMQVIST, ("Is he quick?", None)], "When did Tom Blomqvist win?"),
        ("Where is he from?", [("who drove", "St. John Horsfall")], "Where is St. John Horsfall from?"),
        ("Where is he from?", [("who drove", "Max van der Linde’s")], "Where is Max van der Linde from?"),
        ("What about Braun?", [("How old is Blomqvist?", "29")], "How old is Braun?"),
        ("How about Braun", [("How old is Blomqvist?", "29")], "How old is Braun?"),
        ("And what about Linus Braun?", [("How old is Tom Blomqvist?", "29")], "How old is Linus Braun?"),
        # a date is no person
        ("How old is he?", [BLOMQVIST, ("When does he start?", "October 5")], "How old is Tom Blomqvist?"),
        ("How old is he?", [BLOMQVIST, ("When does he start?", "Saturday")], "How old is Tom Blomqvist?"),
        ("Where is she?", [UNANSWERED, ("How many wins has she?", "Three")], "Where is Elise Varnholt?"),
        # nor is an asking word, with whatever is fastened to it
        ("What's his nationality?", [BLOMQVIST], "What's Tom Blomqvist's nationality?"),
        ("Who’s his team-mate?", [BLOMQVIST], "Who’s Tom Blomqvist's team-mate?"),
        ("Didn't he win?", [BLOMQVIST], "Didn't Tom Blomqvist win?"),
        ("By how much did he win?", [BLOMQVIST], "By how much did Tom Blomqvist win?"),
        ("With whom did he drive?", [BLOMQVIST], "With whom did Tom Blomqvist drive?"),
        ("Please say where he lives", [BLOMQVIST], "Please say where Tom Blomqvist lives"),
        ("Where is he from?", [("What's the name of Linus Braun?", None)], "Where is Linus Braun from?"),
        # a year takes the place of a year, and a name that of a pronoun
        ("What about 2014?", [("Who won the Orsa Cup in 2020?", "Varnholt")], "Who won the Orsa Cup in 2014?"),
        ("What about Linus Braun?", [("How old is he?", "29")], "How old is Linus Braun?"),
    ],
)  # fmt: skip
def test_questions_that_lean_on_the_conversation(question, history, understood):
    assert resolve(question, history) == understood


@pytest.mark.parametrize(
    ("question", "history"),
    [
        ("How old is he?", []),
        ("What about Braun?", []),
        ("Who replaces Sims?", [BLOMQVIST]),
        ("Who replaces Sims when he leaves?", [BLOMQVIST]),
        ("How much did the vase cost?", [BLOMQVIST]),
        ("how old is tom blomqvist", [BLOMQVIST]),
        ("Where does the theatre stand?", [BLOMQVIST]),
        ("How old is he?", [("who drove the car", None)]),
        ("How old is he?", [("who drove the car", "the youngest")]),
        ("Did Sims say he would leave?", [BLOMQVIST]),
        ("AND NOW?", [BLOMQVIST]),
        ("", [BLOMQVIST]),
        # "it" that stands for nothing
        ("Is it true that the bridge was opened?", [BLOMQVIST]),
        ("What time is it in the village?", [BLOMQVIST]),
    ],
)
def test_questions_that_stand_alone(question, history):
    assert resolve(question, history) == question


turns = st.lists(st.tuples(st.text(max_size=60), st.one_of(st.none(), st.text(max_size=60))), max_size=4)
leaning = st.one_of(
    st.text(max_size=80),
    st.tuples(
        st.sampled_from(["What about ", "how about ", "And ", "Is it ", "Who is her ", "Where are they "]), st.text()
    ).map("".join),
)


@given(leaning, turns)
def test_resolve_never_fails(question, history):
    understood = resolve(question, history)
    assert isinstance(understood, str)
    if not history:
        assert understood == question


@given(leaning, turns)
def test_resolve_says_the_same_every_time(question, history):
    assert resolve(question, history) == resolve(question, tuple(history))
