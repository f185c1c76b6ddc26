import json
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from corpus import Article, ArticleQAError, Passage, QuestionError
from eval import bench, commands, extraction, report
from eval.dataset import Question
from eval.facts import Facts, collect
from eval.figures import markdown
from eval.judge import first_relevant, judge
from eval.output import check_output, check_page, write_output
from eval.run import evaluate
from eval.summary import Latency
from index import Hit
from qa.answer import Answer, Quote, Span, Timings

TEXT = "Sims leaves at the end of 2023. Jack Aitken replaces Sims. He is 28 years old."
RACE = Article("race", "The race", TEXT, "race.txt")
OTHER = Article("other", "Another", "Jack Aitken cooks on Sundays.", "other.txt")
FACTS = Facts(
    "articleqa eval q.jsonl", "2024-01-01T00:00:00+00:00", "0.1.0", "Linux", "3.11", 2, "reader", "embedder", 2
)


def hit(article, text):
    start = article.text.index(text)
    return Hit(Passage(article.id, start, start + len(text), text), article, 1.0, 1.0, 1.0)


AITKEN, AGE, LEAVES = (
    hit(RACE, "Jack Aitken replaces Sims."),
    hit(RACE, "He is 28 years old."),
    hit(RACE, "Sims leaves"),
)
COOK = hit(OTHER, "Jack Aitken cooks on Sundays.")


def answered(text, found, hits, *, confidence=0.8, retrieve=10.0, read=30.0):
    """The answer that quotes `text` from the hit `found`; None refuses."""
    best = None
    if found is not None:
        start = found.passage.start + found.passage.text.index(text)
        span = Span(found.passage, start, start + len(text), text, 1.0)
        best = Quote(span, confidence, found.passage.text, found.passage.start)
    return Answer(
        question="?",
        understood_as="?",
        best=best,
        confidence=confidence,
        alternatives=(),
        hits=tuple(hits),
        articles={one.article.id: one.article for one in hits},
        timings=Timings(retrieve, read, retrieve + read),
        reason=None if best else "not sure",
    )


class Scripted:
    """A bot that gives prepared answers, by question."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def answer(self, question, history=()):
        self.asked.append((question, history))
        return self.answers[question]


WHO = Question("who", "Who replaces Sims?", ("Aitken", "Jack Aitken"), "race", category="who")
WHEN = Question("when", "When is lunch?", (), category="when")


@pytest.mark.parametrize(
    ("question", "answer", "failure", "em", "f1", "rank"),
    [
        (WHO, answered("Jack Aitken", AITKEN, [AGE, AITKEN]), None, 1, 1, 2),
        (WHO, answered("Jack Aitken replaces", AITKEN, [AITKEN]), None, 0, 0.8, 1),  # F1 of at least 0.5
        (WHO, answered("28", AGE, [AGE, LEAVES]), "retrieval", 0, 0, None),
        (WHO, answered("", None, [AGE, COOK]), "retrieval", 0, 0, None),  # the right name, in another article
        (WHO, answered("", None, []), "retrieval", 0, 0, None),
        (WHO, answered("Sims", AITKEN, [AITKEN]), "reader", 0, 0, 1),
        (WHO, answered("Jack Aitken", COOK, [COOK, AITKEN]), "reader", 1, 1, 2),  # the wrong article
        (WHO, answered("Jack Aitken", COOK, [COOK]), "retrieval", 1, 1, None),
        (WHO, answered("", None, [AITKEN], confidence=0.2), "threshold", 0, 0, 1),
        (replace(WHO, article_id=None), answered("Jack Aitken", COOK, [COOK]), None, 1, 1, 1),
        (WHEN, answered("28", AGE, [AGE]), "false answer", 0, 0, None),
        (WHEN, answered("", None, [AGE]), None, 1, 1, None),
    ],
)
def test_judge(question, answer, failure, em, f1, rank):
    result = judge(question, answer)
    assert result.failure == failure
    assert result.correct == (failure is None)
    assert (result.exact_match, result.f1, result.rank) == (em, pytest.approx(f1), rank)
    assert result.refused == (answer.best is None)
    assert result.citation_exact == (None if result.refused else True)


@pytest.mark.parametrize(
    ("accepted", "text", "found"),
    [
        ("jack AITKEN", "Then Jack Aitken came.", True),
        ("Jack Aitken", "Then Jack\n  Aitken came.", True),
        ("22", "In 2022 it rained.", False),
        ("22", "The 22-year-old", True),
        ("55", "They paid £55m.", True),
        ("£55", "They paid £55m.", True),
        ("£55", "They paid £555m.", False),
        ("GM", "a segment", False),
        ("(a+b)", "of (a+b).", True),
        ("東京", "彼は東京都に", True),
    ],
)
def test_a_passage_is_relevant_when_it_holds_the_answer_whole(accepted, text, found):
    question = Question("1", "?", (accepted,))
    assert first_relevant(question, [Passage("x", 0, len(text), text)]) == (1 if found else None)


@pytest.mark.parametrize(
    "change",
    [
        lambda quote: replace(quote, span=replace(quote.span, start=quote.span.start + 1)),
        lambda quote: replace(quote, span=replace(quote.span, text="Jack Aitkin")),
        lambda quote: replace(quote, sentence_start=quote.sentence_start + 1),
        lambda quote: replace(quote, sentence=TEXT[:31], sentence_start=0),
        lambda quote: replace(quote, span=replace(quote.span, passage=COOK.passage)),
    ],
)
def test_a_quote_that_is_not_exact_is_noticed(change):
    good = answered("Jack Aitken", AITKEN, [AITKEN])
    assert judge(WHO, good).citation_exact
    assert judge(WHO, replace(good, best=change(good.best))).citation_exact is False
    assert judge(WHO, replace(good, alternatives=(change(good.best),))).citation_exact is False


@pytest.fixture
def run():
    """Ten questions of every outcome: who 0-5 answerable, when 0-3 not."""
    script = {
        "who0": answered("Jack Aitken", AITKEN, [AITKEN], confidence=0.95, retrieve=1, read=2),
        "who1": answered("Jack Aitken", AITKEN, [AGE, LEAVES, AITKEN], confidence=0.9, retrieve=3, read=4),
        "who2": answered("Sims", AITKEN, [AITKEN], confidence=0.6, retrieve=5, read=6),
        "who3": answered("", None, [AITKEN], confidence=0.1, retrieve=7, read=8),
        "who4": answered("", None, [AGE], confidence=0.1, retrieve=9, read=10),
        "who5": answered("28", AGE, [AGE], confidence=0.5, retrieve=11, read=12),
        "when0": answered("28", AGE, [AGE], confidence=0.7, retrieve=13, read=14),
        "when1": answered("", None, [AGE], confidence=0.1, retrieve=15, read=16),
        "when2": answered("", None, [AGE], confidence=0.1, retrieve=17, read=18),
        "when3": answered("", None, [AGE], confidence=0.1, retrieve=19, read=20),
    }
    kinds = {"who": WHO, "when": WHEN}
    questions = [replace(kinds[name[:-1]], id=name, question=name) for name in script]
    return evaluate(Scripted(script), questions)


def test_numbers_of_a_run(run):
    assert (run.overall.questions, run.answerable.questions, run.unanswerable.questions) == (10, 6, 4)
    assert run.overall.correct == pytest.approx(5 / 10)
    assert run.overall.exact_match == pytest.approx(5 / 10)
    assert run.answerable.f1 == pytest.approx(2 / 6)
    assert run.unanswerable.f1 == pytest.approx(3 / 4)
    assert (run.answered.questions, run.answered.exact_match) == (4, 0.5)
    assert run.answered_rate == pytest.approx(5 / 10)
    assert run.false_answer_rate == pytest.approx(1 / 4)
    assert run.wrongly_refused_rate == pytest.approx(2 / 6)
    assert run.failures == {
        "retrieval": 2,
        "fusion": 0,
        "reader": 1,
        "span": 0,
        "threshold": 1,
        "false answer": 1,
    }
    assert run.recall == {1: pytest.approx(3 / 6), 5: pytest.approx(4 / 6), 10: pytest.approx(4 / 6)}
    assert run.mrr == pytest.approx((3 + 1 / 3) / 6)
    assert run.citation_exactness == 1
    assert run.coverage == pytest.approx(2 / 10)
    # 0.9 and 0.95 share a bin with both right; 0.7, 0.6 and 0.5 are wrong
    assert run.calibration_error == pytest.approx((0.15 + 0.7 + 0.6 + 0.5) / 5)
    assert run.latency["retrieve"].p50 == 10
    assert run.latency["total"].p95 == pytest.approx(3 + 36 * 0.95)
    assert run.latency["total"].p99 == pytest.approx(3 + 36 * 0.99)
    assert run.by_category["when"] == run.unanswerable
    assert set(run.by_article) == {"race"}
    assert run.exact_match_interval[0] < 0.5 < run.exact_match_interval[1]
    assert run.intervals["correct"] == run.exact_match_interval
    assert run.intervals["answered"][0] < run.answered_rate < run.intervals["answered"][1]
    # the parts were not asked
    assert (run.best_span, run.alone, run.threshold) == (None, None, None)


def test_a_run_without_unanswerable_questions_has_no_rates_of_them():
    found = evaluate(Scripted({WHO.question: answered("", None, [])}), [WHO])
    assert found.false_answer_rate is None
    assert found.citation_exactness is None
    assert found.calibration_error is None
    assert found.answered.questions == 0
    figures = report.to_dict(found, FACTS)
    assert figures["unanswerable"] == {"questions": 0, "exact_match": None, "f1": None, "correct": None}
    json.dumps(figures, allow_nan=False)
    markdown("Evaluation", FACTS, report.tables(found))


def test_history_is_passed_on_and_progress_reported():
    question = replace(WHO, history=(("Who leaves?", "Sims"),))
    bot, steps = Scripted({WHO.question: answered("", None, [])}), []
    evaluate(bot, [question, question], on_progress=steps.append)
    assert bot.asked == [(WHO.question, question.history)] * 2
    assert steps == [1, 1]


def test_no_questions():
    with pytest.raises(ValueError, match="at least 1 question"):
        evaluate(Scripted({}), [])


def test_a_question_that_cannot_be_asked_is_named():
    class Refusing:
        def answer(self, question, history=()):
            raise QuestionError("the question is empty; type a question")

    with pytest.raises(QuestionError, match="question who: the question is empty"):
        evaluate(Refusing(), [WHO])


def test_json_of_a_run(run):
    figures = json.loads(json.dumps(report.to_dict(run, FACTS), allow_nan=False))
    assert (figures["kind"], figures["questions"], figures["exact_match"], figures["f1"]) == (
        "end_to_end",
        10,
        50.0,
        50.0,
    )
    assert figures["answerable"]["exact_match"] == 33.33
    assert figures["rates"] == {"answered": 0.5, "false_answer": 0.25, "wrongly_refused": 0.3333}
    assert figures["retrieval"] == {
        "recall_at_1": 0.5,
        "recall_at_5": 0.6667,
        "recall_at_10": 0.6667,
        "mrr_at_10": 0.5556,
    }
    assert figures["failures"] == {
        "retrieval": 2,
        "fusion": 0,
        "reader": 1,
        "span": 0,
        "threshold": 1,
        "false_answer": 1,
    }
    assert figures["latency_ms"]["total"] == {"p50": 21.0, "p95": 37.2, "p99": 38.6}
    assert figures["interval_95"].keys() == {
        "exact_match",
        "f1",
        "correct",
        "answered",
        "false_answer",
        "wrongly_refused",
    }
    assert figures["run"]["command"] == "articleqa eval q.jsonl"
    wrong = figures["results"][2]
    start = TEXT.index("Sims.")
    assert wrong == {
        "id": "who2",
        "question": "who2",
        "category": "who",
        "expected": ["Aitken", "Jack Aitken"],
        "answer": "Sims",
        "confidence": 0.6,
        "article_id": "race",
        "start": start,
        "end": start + 4,
        "exact_match": 0.0,
        "f1": 0.0,
        "rank": 1,
        "correct": False,
        "failure": "reader",
        "would_be_right": "an accepted answer, which stands word for word in no passage",
        "best_span": {"answer": "Sims", "article_id": "race", "start": start, "end": start + 4, "correct": False},
        "expected_at": None,
        "gold_ranks": None,
        "reader_alone": None,
        "timings_ms": {"retrieve": 5, "read": 6, "total": 11},
    }
    assert figures["results"][6]["failure"] == "false_answer"


def test_markdown_lists_every_wrong_question(run):
    text = markdown("Evaluation", FACTS, [*report.tables(run), report.wrong_answers(run)])
    assert text.startswith("# Evaluation\n\n`articleqa eval q.jsonl`\n")
    assert "- passages: 2" in text
    assert "| all | 10 | 50.00 | 50.00 | 0.500 |" in text
    wrong = text.split("## Wrong answers")[1]
    assert "| who2 | who2 | Aitken / Jack Aitken | Sims | reader |" in wrong
    assert "| who3 | who3 | Aitken / Jack Aitken | (refused) | threshold |" in wrong
    assert "| when0 | when0 | (not in the articles) | 28 | false answer |" in wrong
    assert wrong.count("\n| wh") == 5


def test_markdown_cells_stay_in_their_row():
    question = replace(WHO, id="a|b", question="Who\nreplaces Sims?")
    found = evaluate(Scripted({question.question: answered("", None, [])}), [question])
    assert "| a\\|b | Who replaces Sims? |" in markdown("", FACTS, [report.wrong_answers(found)])


def test_facts_of_this_run(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/bin/articleqa", "eval", "my questions.jsonl"])
    facts = collect("reader", embedder="embedder", passages=3)
    assert facts.command == "articleqa eval 'my questions.jsonl'"
    assert facts.cpus >= 1
    assert facts.date.endswith("+00:00")


def test_figures_are_written_with_the_report_beside(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("old")
    write_output(path, {"exact_match": 50.0, "answer": "é"}, "# Report\n")
    assert json.loads(path.read_text("utf-8")) == {"exact_match": 50.0, "answer": "é"}
    assert (tmp_path / "run.md").read_text() == "# Report\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["run.json", "run.md"]


def test_places_that_cannot_be_written(tmp_path):
    check_output(None)
    for path, problem in [
        (tmp_path / "missing" / "run.json", "make the folder first"),
        (tmp_path, "it is a folder"),
        (tmp_path / "run.md", "ending in .json"),
        (tmp_path / "run.html", "ending in .json"),
    ]:
        with pytest.raises(ArticleQAError, match=problem) as raised:
            check_output(path)
        assert str(raised.value).startswith(str(path))
    with pytest.raises(ArticleQAError, match=r"run.json: .+ending in .html"):
        check_page(tmp_path / "run.json")


def test_a_disk_that_refuses_leaves_the_old_file(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(28, "No space left on device")

    path = tmp_path / "run.json"
    path.write_text("old")
    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(ArticleQAError, match=r"run.json: cannot be written \(No space left on device\); choose"):
        write_output(path, {}, "")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["run.json"]


def test_the_command_prints_tables_and_writes_both_files(tmp_path, capsys):
    library, questions, out = tmp_path / "library", tmp_path / "q.jsonl", tmp_path / "out.json"
    rows = [
        {
            "id": "[bold]1",
            "question": "Who replaces Sims?",
            "answers": ["Aitken", "Jack Aitken"],
            "category": "[red]who",
        },
        {"id": "2", "question": "What is the capital of Peru?", "answers": []},
    ]
    questions.write_text("\n".join(map(json.dumps, rows)))
    with commands.Library.open(library) as opened:
        opened.add([RACE, OTHER])
    stdout = StringIO()
    found = commands.run_eval(questions, library, out, None, None, Console(file=stdout, width=100))
    assert found.overall.questions == 2
    assert "exact citations, must be 1" in stdout.getvalue()
    assert "[red]who" in stdout.getvalue()
    figures = json.loads(out.read_text("utf-8"))
    assert figures["citation_exactness"] in {1.0, None}
    assert figures["run"]["passages"] == 2
    assert figures["run"]["seconds"] > 0
    assert figures["results"][0]["id"] == "[bold]1"
    assert (tmp_path / "out.md").read_text("utf-8").startswith("# Evaluation, end to end")
    assert "<title>Evaluation of reader-" in (tmp_path / "out.html").read_text("utf-8")
    assert capsys.readouterr().out == ""


def test_the_command_looks_at_the_files_first(tmp_path):
    console = Console(file=StringIO())
    with pytest.raises(QuestionError, match="cannot be read"):
        commands.run_eval(tmp_path / "missing.jsonl", None, None, None, None, console)
    with pytest.raises(ArticleQAError, match="make the folder first"):
        commands.run_eval(None, None, tmp_path / "missing" / "out.json", None, None, console)


def test_figures_of_a_benchmark():
    times = {"retrieve": Latency(10, 20, 30), "read": Latency(100, 200, 300), "total": Latency(110, 220, 330)}
    sizes = (bench.Size(35, 0.4, 150.04), bench.Size(1003, 12.0, 181.0))
    rates = (extraction.Rate("PDF", 20, 20, 8_000_000, 4.0),)
    figures = bench.to_dict(bench.Bench(0.123456, 1.2, times, 80.04, None, sizes, rates), FACTS)
    pdf = {"bytes_a_file": 400_000, "articles_a_file": 1, "articles_per_second": 5.0, "mb_per_second": 2.0}
    assert figures["extraction"] == {"PDF": pdf}
    assert figures["sizes"][0] == {"passages": 35, "add_s": 0.4, "warm_ms": 150.0}
    assert (figures["kind"], figures["help_s"], figures["peak_mb"]) == ("bench", 0.123, None)
    assert figures["warm_ms"]["total"] == {"p50": 110, "p95": 220, "p99": 330}
    rows = dict(bench.table(bench.Bench(0.1, 1.2, times, 80.04, 262.2)).rows)
    assert rows["warm read, ms, p50 / p95 / p99"] == "100 / 200 / 300"
    assert rows["peak memory of one question, MB"] == "262"


def test_a_benchmark_of_a_command_that_fails_says_so():
    with pytest.raises(ArticleQAError, match=r"articleqa no-such-command: failed \(.+\); `articleqa doctor`"):
        bench.run_command(["no-such-command"])
