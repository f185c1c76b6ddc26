import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from transformers import AutoModelForQuestionAnswering

import qa.training
from corpus import ModelError, samples
from eval.dataset import BUNDLED_QUESTIONS, ReadingExample, load_passages
from qa.reader import BUNDLED_READER
from qa.torch_reader import TorchReader
from qa.training import average
from qa.training.examples import Example, Questions, Source, agreed, rephrased, shingles
from qa.training.features import Batch, batched, features

NAME = re.compile(r"\b[A-Z][a-z]+ [A-Z][a-z]+\b")
SHARES = {"wrong passage": 1.0, "sentence cut": 1.0, "name swapped": 1.0}


def rows() -> list[dict]:
    """Questions about the paragraphs of the sample articles, answered by the first name in each."""
    found = []
    for number, article in enumerate(samples()):
        for line in article.text.split("\n"):
            if len(line) > 120 and (name := NAME.search(line)):
                asked = f"Whom does {article.title} name after {' '.join(line.split()[:4])}?"
                answers = [{"text": name[0], "start": name.start()}]
                question = {"id": f"{number}-{len(found)}", "question": asked, "answers": answers}
                found.append({"context": line, "questions": [question]})
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "train.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows()[4:])
    return path


@pytest.fixture(scope="module")
def dev(data) -> Path:
    path = data.with_name("dev.jsonl")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()[:8]))
    return path


@pytest.fixture(scope="module")
def questions(data) -> Questions:
    return Questions(Source(data))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    loaded = Tokenizer.from_file(str(BUNDLED_READER / "tokenizer.json"))
    loaded.no_truncation()
    loaded.no_padding()
    return loaded


# --- examples -----------------------------------------------------------------------------------------------------


def test_the_answer_is_the_one_most_annotators_gave():
    passage = "Jack Aitken won. Aitken drove."
    answers, starts = ("Jack Aitken", "Aitken", "Aitken", "Jack Aitken"), (0, 5, 5, 0)
    assert agreed(ReadingExample("1", "Who?", passage, answers[:3], starts[:3])) == Example(
        "answerable", "Who?", passage, 5, 11
    )
    # of two as frequent the shorter
    assert agreed(ReadingExample("1", "Who?", passage, answers, starts)).start == 5


def test_the_place_of_an_answer_is_the_files_or_found():
    assert agreed(ReadingExample("1", "Who?", "Sims, Sims", ("Sims",), (6,))).start == 6
    assert agreed(ReadingExample("1", "Who?", "Sims, Sims", ("Sims",), (None,))).start == 0
    assert agreed(ReadingExample("1", "Who?", "Sims, Sims", ("Senna",), (None,))) is None
    assert agreed(ReadingExample("1", "Who?", "Sims, Sims")) is None


def test_a_pass_takes_each_question_before_any_twice(questions, data):
    size = len(questions.answered)
    assert size > 20
    once = [one.passage for one in questions.sample(random.Random(0), {})]
    assert sorted(once) == sorted(one.passage for one in questions.answered)
    more = list(Questions(Source(data, size + 3)).sample(random.Random(0), {}))
    assert len(more) == size + 3
    assert {one.passage for one in more[:size]} == set(once)
    assert [one.passage for one in questions.sample(random.Random(1), {})] != once


def test_negatives_do_not_hold_the_answer(questions):
    made = list(questions.sample(random.Random(0), SHARES))
    kinds = [one.kind for one in made]
    asked = {one.question: one for one in questions.answered}
    for one in made:
        if one.kind == "answerable":
            assert NAME.fullmatch(one.passage[one.start : one.end])
            continue
        assert one.start == -1
        if one.kind == "name swapped":
            assert one.question not in asked
            assert any(one.passage == example.passage for example in questions.answered)
        else:
            about = asked[one.question]
            assert one.passage != about.passage
            assert about.passage[about.start : about.end] not in one.passage
            assert (one.passage in questions.passages) == (one.kind == "wrong passage")
    assert min(kinds.count(kind) for kind in SHARES) > 5


def test_unanswerable_rows_are_taken_as_they_are(tmp_path):
    path = tmp_path / "squad2.json"
    qas = [
        {"id": "1", "question": "Who won?", "answers": [{"text": "Sims", "answer_start": 0}]},
        {"id": "2", "question": "Who lost?", "answers": [], "is_impossible": True},
    ]
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": "Sims won.", "qas": qas}]}]}))
    made = list(Questions(Source(path)).sample(random.Random(0), {}))
    assert sorted((one.kind, one.start) for one in made) == [("answerable", 0), ("unanswerable", -1)]


def test_passages_like_the_held_out_ones_are_left_out(data, questions):
    passage = questions.passages[0]
    copy = " ".join(re.findall(r"\w+", passage.upper())[2:18])
    left = Questions(Source(data), held_out=frozenset(shingles(copy)))
    assert left.held_out == 1
    assert passage not in left.passages
    assert len(left.passages) == len(questions.passages) - 1


def test_questions_are_rephrased_without_losing_their_words():
    ways = {rephrased("What is the Rolex?", random.Random(seed)) for seed in range(80)}
    assert {"What is the Rolex?", "What is the Rolex", "What's the Rolex?"} < ways
    assert "Do you know what is the Rolex?" in ways


def test_made_up_news_answers_are_those_of_the_right_person():
    from qa.training.register import item

    rng = random.Random(0)
    asked = [(made, *question) for made in (item(rng) for _ in range(200)) for question in made.questions]
    for made, question, answer, start in asked:
        assert not set("{}") & set(question + made.text)
        assert answer is None or made.text[start : start + len(answer)] == answer
    ages = [(made, question, answer) for made, question, answer, _ in asked if question.startswith("How old is")]
    for made, question, answer in ages:
        name = question.removeprefix("How old is ").rstrip("?").split()[-1]
        who = rf"(?:{name}|\b(?:She|He))"
        pattern = rf"{who}, (\d\d)[,.;]|{who} \((\d\d)\)|(\d\d)-year-old (?:\w+ )?{name}|{who}[^.]* turned (\d\d)"
        ages_said = {age for found in re.findall(pattern, made.text) for age in found if age}
        assert answer in ages_said if answer else not re.search(rf"{name}, \d\d[,.;]", made.text)
    assert len({answer for _, _, answer in ages}) > 10
    assert None in {answer for _, _, answer in ages}


# --- windows and batches ------------------------------------------------------------------------------------------


def test_windows_mark_the_answer(questions, tokenizer):
    examples = list(questions.sample(random.Random(0), SHARES))
    found = features(tokenizer, examples, max_tokens=64, stride=16, rng=random.Random(0))
    assert max(len(one.ids) for one in found) <= 64
    texts = [tokenizer.decode(one.ids[one.start : one.end + 1].tolist()) for one in found if one.start]
    names = {one.passage[one.start : one.end].lower() for one in questions.answered}
    assert len(texts) >= len(questions.answered)
    assert set(texts) <= names
    assert {one.end for one in found if not one.start} == {0}


def test_batches_hold_every_window_once_and_no_more_tokens_than_asked(questions, tokenizer):
    examples = list(questions.sample(random.Random(0), {}))
    found = features(tokenizer, examples, max_tokens=96, stride=16, rng=random.Random(0))
    groups = list(batched(found, tokens=400, pad=0, rng=random.Random(0)))
    assert max(batch.ids.size for batch in groups) <= 400
    rows = [tuple(row[mask == 1]) for batch in groups for row, mask in zip(batch.ids, batch.mask, strict=True)]
    assert sorted(rows) == sorted(tuple(one.ids) for one in found)
    again = list(batched(found, tokens=400, pad=0, rng=random.Random(0)))
    assert all(np.array_equal(one.ids, other.ids) for one, other in zip(groups, again, strict=True))


# --- the run ------------------------------------------------------------------------------------------------------


def test_the_schedule_rises_and_falls():
    from qa.training.settings import factor

    shares = [factor(share / 100, 0.1) for share in range(101)]
    assert max(shares) == shares[10] == 1.0
    assert shares[:11] == sorted(shares[:11])
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert shares[-1] == pytest.approx(0, abs=1e-9)
    assert factor(0.0, 0.0) == 1.0


def command(model: Path, data: Path, dev: Path, out: Path, *options: str) -> list[str]:
    return [
        *(sys.executable, "-m", "qa.training", "--init", str(model), "--data", str(data), "--dev", str(dev)),
        *("--out", str(out), "--passes", "2", "--precision", "fp32", "--batch-tokens", "600", "--evaluations", "2"),
        *("--checkpoint-steps", "3", "--learning-rate", "1e-3", "--exit-layer", "1", "--rounded-share", "0.8"),
        *("--teacher", str(model), "--teacher-weight", "0.2", *options),
    ]


def log(out: Path) -> list[dict]:
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def whole_run(trained, data, dev, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("run") / "whole"
    done = subprocess.run(command(trained, data, dev, out), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_a_run_learns_and_reports(whole_run, dev):
    losses = [row["loss"] for row in log(whole_run) if "loss" in row]
    assert len(losses) >= 15
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    report = json.loads((whole_run / "report.json").read_text())
    assert [round(row["share"], 1) for row in report["evaluations"]] == [0.5, 1.0]
    assert report["development"]["passages_in_training"] == 0
    assert report["development"]["training_passages_with_13_words_in_common"] == 0
    assert report["development"]["passages_held_out_of_training"] == 4
    assert report["progress"]["passes"] == 2.0
    assert report["data"][0]["examples_in_a_pass"]["answerable"] == report["data"][0]["questions"]
    assert "held out" in (whole_run / "report.md").read_text()
    assert (whole_run / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_what_was_trained_is_a_reader(whole_run):
    from qa.reader import load_reader

    (found,) = load_reader(str(whole_run / "model")).read("Who won?", ["Jack Aitken won."])
    assert found.ends[-1] == len("Jack Aitken won.")


def test_a_killed_run_resumes_to_the_same_losses(whole_run, trained, data, dev, tmp_path):
    out = tmp_path / "killed"
    with subprocess.Popen(command(trained, data, dev, out), stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (out / "checkpoint.pt").exists():
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    reached = len(log(out))
    assert 3 <= reached < len(log(whole_run))
    subprocess.run(command(trained, data, dev, out), capture_output=True, check=True)
    assert log(out) == log(whole_run)


def test_passes_prepared_beforehand_are_those_of_the_run(whole_run, trained, data, dev, tmp_path, capsys):
    from qa.training.__main__ import main

    assert main(command(trained, data, dev, tmp_path, "--prepare", "2")[3:]) == 0
    assert sorted(path.name for path in (tmp_path / "passes").iterdir()) == ["000.npz", "001.npz"]
    assert not (tmp_path / "log.jsonl").exists()
    elsewhere = command(trained, data, dev, tmp_path)
    place = elsewhere.index("--data")
    del elsewhere[place : place + 2]
    assert main(elsewhere[3:]) == 0
    assert log(tmp_path) == log(whole_run)
    assert main(command(trained, data, dev, tmp_path)[3:]) == 0
    assert "the 2 passes prepared in" in capsys.readouterr().err
    assert log(tmp_path) == log(whole_run)
    assert json.loads((tmp_path / "report.json").read_text())["data"][0]["file"] == data.name


@pytest.mark.parametrize("option", ["--init", "--teacher"])
def test_a_model_that_is_not_there_is_one_line(trained, data, tmp_path, capsys, option):
    from qa.training.__main__ import main

    given = {"--init": str(trained), "--data": str(data), "--out": str(tmp_path / "out"), "--precision": "fp32"}
    given[option] = str(tmp_path / "nothing")
    assert main([word for pair in given.items() for word in pair]) == 2
    said = capsys.readouterr().err
    assert "nothing: cannot be loaded" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_an_export_of_a_model_that_is_not_there_is_one_line(tmp_path, capsys):
    from qa.training.export import main

    assert main([str(tmp_path / "nothing"), str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "nothing: cannot be loaded" in said.splitlines()[-1]
    assert "Traceback" not in said


def test_without_data_or_prepared_passes_there_is_nothing_to_train_on(trained, tmp_path, capsys):
    from qa.training.__main__ import main

    assert main(["--init", str(trained), "--out", str(tmp_path)]) == 2
    assert "no passes lie prepared here; give --data" in capsys.readouterr().err


def test_a_teacher_of_another_numbering_reads_the_same_words(tokenizer, trained, tmp_path):
    """MPNet's pieces are BERT's with other numbers, and it puts two marks between question and passage."""
    import torch
    from transformers import AutoTokenizer, MPNetConfig, MPNetForQuestionAnswering, MPNetTokenizer

    from qa.training.teacher import Teacher

    student = AutoTokenizer.from_pretrained(trained)
    pieces = [
        *("<s>", "<pad>", "</s>", "[UNK]"),
        *(set(student.get_vocab()) - set(student.all_special_tokens)),
        "<mask>",
    ]
    own = MPNetTokenizer({piece: number for number, piece in enumerate(pieces)})
    torch.manual_seed(0)
    config = MPNetConfig(
        vocab_size=len(pieces), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    model = MPNetForQuestionAnswering(config).eval()
    model.save_pretrained(tmp_path)
    own.save_pretrained(tmp_path)
    question, texts = "Who won the Rolex?", ["Jack Aitken won the Rolex at Daytona.", "Sims."]
    examples = [Example("answerable", question, text, 0, 4) for text in texts]
    made = features(tokenizer, examples, max_tokens=40, stride=8, rng=random.Random(0))
    (batch,) = batched(made, tokens=200, pad=0, rng=random.Random(0))
    starts, ends = Teacher(str(tmp_path), student, "cpu", "fp32").logits(batch)
    assert starts.shape == ends.shape == batch.ids.shape
    for row, asked in enumerate(batch.ids):
        (text,) = (one for one in texts if student.tokenize(one)[-2] in student.convert_ids_to_tokens(asked))
        whole = own(question, text, return_tensors="pt")
        alone = model(**whole).end_logits[0].detach().numpy()
        mark = len(student.tokenize(question)) + 2
        want = np.delete(alone, mark)
        np.testing.assert_allclose(ends[row, : len(want)].numpy(), want, atol=1e-5)


def test_a_teacher_of_other_words_is_refused(trained, tmp_path):
    from tokenizers import Tokenizer as Words
    from tokenizers.models import WordLevel
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    from qa.training.teacher import Teacher

    AutoModelForQuestionAnswering.from_pretrained(trained).save_pretrained(tmp_path)
    marks = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    words = Words(WordLevel({mark: number for number, mark in enumerate(marks.values())}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=words, **marks).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="word pieces it has not"):
        Teacher(str(tmp_path), AutoTokenizer.from_pretrained(trained), "cpu", "fp32")


def test_a_teacher_that_says_the_same_corrects_nothing():
    import torch

    from qa.training.losses import teacher_loss

    types = np.array([[0, 0, 1, 1, 0]])
    batch = Batch(types, np.array([[1, 1, 1, 1, 0]]), types, np.array([2]), np.array([3]))
    logits, others = (torch.randn(2, 1, 5, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert float(teacher_loss(tuple(logits), tuple(logits), batch, 2.0)) == pytest.approx(0, abs=1e-6)
    loss = float(teacher_loss(tuple(logits), tuple(others), batch, 2.0))
    assert loss > 0.1
    # what stands in the question or is padding is nobody's choice
    logits[..., 1] += 5.0
    others[..., 4] -= 5.0
    assert float(teacher_loss(tuple(logits), tuple(others), batch, 2.0)) == pytest.approx(loss)


def test_rounded_layers_compute_as_int8_does():
    """Weights to multiples of a 64th of their row's largest, inputs to 256 levels, the largest inputs apart."""
    import torch

    from qa.training.rounding import round_layers
    from qa.training.smoothing import smoothing

    generator = torch.Generator().manual_seed(0)
    layer = torch.nn.Linear(32, 8)
    model = torch.nn.Sequential(layer)
    x = torch.randn(5, 32, generator=generator)
    x[:, [3, 7, 20, 31]] *= 100.0
    given = smoothing(model, lambda: model(x))
    apart = (given["0"] == 0.0).nonzero()[:, 0]
    assert apart.tolist() == [3, 7, 20, 31]
    plain = model(x).detach()
    round_layers(model, given)
    rounded = model(x)
    weight, bias, factors = (part.detach().numpy().astype(float) for part in (layer.weight, layer.bias, given["0"]))
    few, many = x.numpy().astype(float) * factors, weight / np.where(factors, factors, 1.0) * (factors > 0)
    scale, scales = (few.max() - few.min()) / 255, np.abs(many).max(axis=1, keepdims=True) / 64
    whole = np.round(few / scale) @ np.round(many / scales).T * scale * scales.T
    exact = x.numpy()[:, apart].astype(float) @ weight[:, apart].T
    np.testing.assert_allclose(rounded.detach().numpy(), whole + exact + bias, rtol=1e-4, atol=1e-3)
    assert not torch.equal(rounded, plain)
    assert (rounded - plain).abs().max() < 0.1


def test_the_average_of_two_models_lies_between_them(whole_run, trained, tmp_path):
    model = whole_run / "model"
    assert average.main([f"{model}:3", f"{trained}:1", "--out", str(tmp_path)]) == 0
    one, other, mean = (
        AutoModelForQuestionAnswering.from_pretrained(path).qa_outputs.weight.detach()
        for path in (model, trained, tmp_path)
    )
    assert (mean - (0.75 * one + 0.25 * other)).abs().max() < 1e-6
    assert TorchReader(str(tmp_path)).read("Who won?", ["Senna won."])


def test_a_checkpoint_of_another_run_is_refused(whole_run, trained, data, dev):
    from qa.training.__main__ import main

    before = (whole_run / "log.jsonl").read_bytes()
    assert main(command(trained, data, dev, whole_run, "--seed", "7")[3:]) == 2
    assert (whole_run / "log.jsonl").read_bytes() == before


def test_an_exit_after_the_last_layer_is_refused(trained, data, dev, tmp_path, capsys):
    from qa.training.__main__ import main

    assert main(command(trained, data, dev, tmp_path, "--exit-layer", "99")[3:]) == 2
    assert "no layer to exit after at 99" in capsys.readouterr().err


def test_bad_data_is_one_line(trained, dev, tmp_path, capsys):
    from qa.training.__main__ import main

    (tmp_path / "bad.jsonl").write_text('{"context": 1}\n')
    assert main(command(trained, tmp_path / "bad.jsonl", dev, tmp_path / "out")[3:]) == 2
    error = capsys.readouterr().err.splitlines()
    assert len(error) == 1
    assert "bad.jsonl:1" in error[0]


@pytest.mark.parametrize(("file", "articles"), [("news", 150), ("written", 418), ("written2", 750)])
def test_written_articles_are_no_part_of_what_is_measured(file, articles):
    written = Questions(Source(Path(qa.training.__file__).parent / f"{file}.jsonl.gz"))
    development = [one for path in BUNDLED_QUESTIONS.parent.glob("*-dev.jsonl.gz") for one in load_passages(path)]
    measured = {run for one in (*samples(), *development) for run in shingles(one.text)}
    assert len(written.passages) == articles
    assert all(one.passage[one.start : one.end].strip() for one in written.answered)
    assert all(measured.isdisjoint(shingles(text)) for text in written.passages)
