import copy
import json

import numpy as np
import pytest

pytest.importorskip("torch", reason="weights are rounded with torch")
pytest.importorskip("onnx", reason="exporting needs onnx")

import torch

from corpus import ModelError, samples, split
from qa.onnx_reader import OnnxReader
from qa.pretrained import load_model, load_tokenizer
from qa.restore import restore_reader, restored_weights
from qa.torch_reader import TorchReader
from qa.training.examples import Source
from qa.training.export import export_reader
from qa.training.gptq import round_model
from qa.training.rounding import round_layers
from qa.training.smoothing import blocks, scale_of, smooth, smoothing


@pytest.fixture(scope="module")
def texts(trained):
    tokenizer = load_tokenizer(str(trained))
    return [
        dict(tokenizer(article.title, passage.text, return_tensors="pt"))
        for article in samples()[:3]
        for passage in split(article)
    ]


@pytest.fixture
def model(trained):
    return load_model(str(trained), dtype=torch.float32).eval()


@pytest.fixture
def given(model, texts):
    return smoothing(model, lambda: [model(**text) for text in texts])


@pytest.fixture
def source(tiny, model, tmp_path):
    """The folder of a model no two of whose weights are equal: of equal ones, such as new layer norms, exports one."""
    generator = torch.Generator().manual_seed(0)
    for part in model.parameters():
        part.data.add_(torch.randn(part.shape, generator=generator), alpha=0.05)
    model.save_pretrained(tmp_path / "source")
    tiny.tokenizer(model_max_length=512).save_pretrained(tmp_path / "source")
    return str(tmp_path / "source")


@pytest.fixture
def data(tmp_path):
    row = {"context": samples()[0].text, "questions": [{"id": "1", "question": "Who?", "answers": []}]}
    (tmp_path / "data.jsonl").write_text(json.dumps(row))
    return [Source(tmp_path / "data.jsonl")]


def embedded(text):
    return {name: text[name] for name in ("input_ids", "token_type_ids")}


def logits(model, texts):
    with torch.no_grad():
        return torch.cat([model(**text).start_logits[0] for text in texts])


def test_smoothing_changes_nothing_but_how_large_the_inputs_are(model, given, texts):
    before = logits(model, texts)
    attention = smooth(model, given)
    torch.testing.assert_close(logits(model, texts), before, rtol=1e-4, atol=1e-5)
    assert len(attention) == len(blocks(model)) == 3
    largest = {}
    for number, block in enumerate(blocks(model)):
        block.output.dense.layer.register_forward_pre_hook(
            lambda _, x, n=number: largest.update({n: x[0].abs().flatten(0, -2).amax(0)})
        )
    logits(model, texts[:1])
    assert all(int((found == 0.0).sum()) == 4 for found in largest.values())


def test_rounded_for_texts_a_model_says_more_nearly_what_it_said(model, given, texts):
    before = logits(model, texts)
    nearest, fitted = copy.deepcopy(model), copy.deepcopy(model)
    round_model(fitted, given, [embedded(text) for text in texts])
    for one in (nearest, fitted):
        round_layers(one, given)
    errors = [float((logits(one, texts) - before).pow(2).mean()) for one in (nearest, fitted)]
    assert errors[1] < errors[0] / 2


def test_rounded_weights_are_multiples_of_a_64th_of_their_largest(model, given, texts):
    round_model(model, given, [embedded(text) for text in texts[:2]])
    for name, factors in given.items():
        weight = (model.get_submodule(name).weight.detach() * scale_of(factors))[:, factors > 0.0]
        levels = weight / weight.abs().amax(dim=1, keepdim=True) * 64
        torch.testing.assert_close(levels, levels.round(), rtol=0, atol=1e-3)


def test_what_was_rounded_for_data_comes_through_the_export_unchanged(model, source, data, tmp_path):
    """The weights of the exported graph are those that were rounded, so float ones of them compute the same."""
    export_reader(source, tmp_path / "int8", name="tiny", data=data)
    restore_reader(tmp_path / "int8", tmp_path / "float")
    passages = [passage.text for passage in split(samples()[0])]
    exported, restored = OnnxReader(tmp_path / "int8"), TorchReader(str(tmp_path / "float"))
    for passage in passages:
        (one,), (other,) = (reader.read("Who won?", [passage]) for reader in (exported, restored))
        assert np.corrcoef(one.start_logits, other.start_logits)[0, 1] > 0.99
    words = load_model(str(tmp_path / "float"), dtype=torch.float32).bert.embeddings.word_embeddings.weight.detach()
    ours = model.bert.embeddings.word_embeddings.weight.detach()
    assert bool(((words - ours).abs() <= ours.abs().amax(dim=1, keepdim=True) / 250).all())


def test_layers_that_were_rounded_before_stay_as_they_were(source, data, tmp_path):
    first, second, floats = tmp_path / "first", tmp_path / "second", tmp_path / "float"
    export_reader(source, first, name="tiny", data=data)
    restore_reader(first, floats)
    changed = load_model(str(floats), dtype=torch.float32)
    changed.bert.encoder.layer[2].output.dense.weight.data.mul_(1.1)
    changed.save_pretrained(floats)
    export_reader(str(floats), second, name="tiny", data=data, like=first)
    before, after = restored_weights(first), restored_weights(second)
    for name, factors in before.smoothing.items():
        same = ".layer.2." not in name
        assert np.allclose(after.smoothing[name], factors) or not same
        assert np.allclose(after.tensors[f"{name}.weight"], before.tensors[f"{name}.weight"]) == same
    with pytest.raises(ModelError, match="no layers of this reader"):
        export_reader(source, tmp_path / "third", name="tiny", like=first)


def test_only_a_bert_is_rounded_for_data(tiny, tmp_path):
    config = tiny.transformers.DistilBertConfig(vocab_size=30522, dim=32, n_layers=1, n_heads=2, hidden_dim=64)
    tiny.transformers.DistilBertForQuestionAnswering(config).save_pretrained(tmp_path / "other")
    tiny.tokenizer().save_pretrained(tmp_path / "other")
    with pytest.raises(ModelError, match="only weights of a BERT can be rounded for data"):
        export_reader(str(tmp_path / "other"), tmp_path / "out", name="x", data=[Source(tmp_path / "none")])
