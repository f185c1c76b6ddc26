import json
import shutil

import numpy as np
import pytest

from corpus import ModelError, samples, split
from index.modelfiles import screen_file
from qa.onnx_reader import OnnxReader

pytest.importorskip("onnx", reason="cutting a reader's graph needs onnx")
pytest.importorskip("torch", reason="a screen's head is fitted with torch")

from qa.training import screen
from qa.training.graphs import cut, take_heads
from qa.training.heads import Look
from qa.training.screen import Outcome, choose, outcome

FIRST, SECOND = screen_file(0), screen_file(1)
LAYERS = ["--layers", "1", "2"]
TEXTS = [passage.text for sample in samples()[:3] for passage in split(sample)]
QUESTIONS = ["Who replaces Sims?", "Who won?", "How old is he?", "When is the race?"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("screen") / "questions.jsonl"
    rows = [
        {"context": text, "questions": [{"id": f"{n}{q}", "question": q, "answers": [{"text": text[:9], "start": 0}]}]}
        for n, text in enumerate(TEXTS)
        for q in QUESTIONS
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@pytest.fixture(scope="module")
def screened(exported, data):
    out = exported.parent / "screened"
    assert screen.main([str(exported), "--data", f"{data}:12", *LAYERS, "--name", "s", "--out", str(out)]) == 0
    return out


def test_what_is_read_to_the_end_gets_the_same_logits(exported, screened):
    whole, cut_in_two = OnnxReader(exported), OnnxReader(screened)
    assert (whole.name, cut_in_two.name) == ("tiny", "s")
    for text in ["", *TEXTS]:
        (one,), (other,) = whole.read("Who replaces Sims?", [text]), cut_in_two.read("Who replaces Sims?", [text])
        np.testing.assert_array_equal(one.start_logits, other.start_logits)
        np.testing.assert_array_equal(one.end_logits, other.end_logits)
        assert one.null_score == other.null_score
    assert cut_in_two.read("Who?", TEXTS, to_beat=1000.0) == []


def test_it_says_what_it_was_made_from_and_how_good_it_is(screened):
    told = json.loads((screened / "screen.json").read_text())
    assert (told["layers"], told["like"], told["questions"]) == ([1, 2], None, 12)
    assert (told["kept_apart"]["questions"], told["kept_apart"]["windows"]) == (3, 24)
    assert 0 <= told["kept_apart"]["best_left_out"] <= 1
    assert 1 == told["kept_apart"]["windows_run"][0] >= told["kept_apart"]["windows_run"][1]
    assert json.loads((screened / "model.json").read_text())["margins"] == told["margins"]


def test_a_screen_that_was_altered_or_lost_is_refused(screened, tmp_path):
    folder = tmp_path / "reader"
    shutil.copytree(screened, folder)
    data = (folder / SECOND).read_bytes()
    (folder / SECOND).write_bytes(data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
    with pytest.raises(ModelError, match=r"screen-2\.onnx.*sha256 differs"):
        OnnxReader(folder)
    (folder / SECOND).unlink()
    with pytest.raises(ModelError, match=r"screen-2\.onnx.*cannot be read"):
        OnnxReader(folder)


def test_a_reader_of_the_same_first_layers_takes_the_heads_over(exported, screened, data, tmp_path):
    arguments = [str(exported), "--data", f"{data}:12", *LAYERS, "--like", str(screened), "--out", str(tmp_path)]
    assert screen.main(arguments) == 0
    for name in (FIRST, SECOND):
        assert (tmp_path / name).read_bytes() == (screened / name).read_bytes()
    fitted, taken = (json.loads((folder / "screen.json").read_text()) for folder in (screened, tmp_path))
    assert taken == fitted | {"like": "screened"}
    assert OnnxReader(tmp_path).read("Who?", TEXTS, to_beat=1000.0) == []


def test_too_few_questions_are_one_line(exported, data, tmp_path, capsys):
    arguments = [str(exported), "--data", f"{data}:3", *LAYERS, "--out", str(tmp_path)]
    assert screen.main(arguments) == 2
    assert capsys.readouterr().err == "error: 3 questions are too few for a screen; give --data with more\n"


def test_heads_are_taken_from_a_reader_of_as_many_screens(exported, tmp_path):
    cut(exported, tmp_path, [1, 2])
    with pytest.raises(ModelError, match="the screens of this reader are 0; name one with 2"):
        take_heads(exported, tmp_path, [1, 2])


@pytest.mark.parametrize("layers", [[0], [3], [2, 1], [1, 1]])
def test_a_reader_is_cut_between_its_layers(exported, tmp_path, layers):
    with pytest.raises(ModelError, match=rf"cannot be cut after layer {', '.join(map(str, layers))};"):
        cut(exported, tmp_path, layers)


def test_a_reader_with_screens_is_not_cut_again(screened, tmp_path):
    with pytest.raises(ModelError, match="name a whole BERT reader"):
        cut(screened, tmp_path, [1])


def seen(*scores):
    nothing = np.zeros((1, 1), np.float16), np.zeros(1, np.int64)
    return [Look(question, (nothing[0],), nothing[1], score) for question, score in scores]


def test_what_is_left_out_depends_on_the_margin():
    """Of the first question the best window looks worst; the second question has one that is sure."""
    four = seen((0, 1.0), (0, 4.0), (1, 9.0), (1, -3.0))
    guessed = [np.array([2.0, 0.0, 9.0, -2.0], np.float32)]
    assert outcome(four, guessed, [0.5]) == Outcome(0.5, (1.0, 0.5))
    assert outcome(four, guessed, [1.0]) == Outcome(0.0, (1.0, 0.75))
    assert outcome(four, guessed, [20.0]) == Outcome(0.0, (1.0, 1.0))
    assert choose(four, guessed, 0.0) == (1.0,)
    assert choose(four, guessed, 0.5) == (0.0,)


def test_each_screen_may_leave_out_its_part():
    """The first screen is sure of the wrong window of one question in two, the second one of no wrong one."""
    four = seen((0, 1.0), (0, 4.0), (1, 9.0), (1, -3.0))
    first, second = (np.array(some, np.float32) for some in ([3.0, -1.0, 9.0, -2.0], [0.5, 4.0, 9.0, -3.0]))
    assert choose(four, [first, second], 0.0) == (2.0, 0.0)
    assert outcome(four, [first, second], [2.0, 0.0]) == Outcome(0.0, (1.0, 0.75, 0.5))
    assert choose(four, [first, second], 1.0) == (0.0, 0.0)
