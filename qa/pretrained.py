"""Question-answering models of transformers and their tokenizers, by hub name or folder."""

from __future__ import annotations

from typing import Any

from corpus import ModelError


def load_model(name: str, **options: Any) -> Any:  # noqa: ANN401 - of transformers
    """A question-answering model, with a new head where it has none. Raises `ModelError` when it cannot be had."""
    from transformers import AutoModelForQuestionAnswering

    return _load(AutoModelForQuestionAnswering, name, **options)


def load_tokenizer(name: str) -> Any:  # noqa: ANN401 - of transformers
    """The fast tokenizer of a model. Raises `ModelError` when it cannot be had."""
    from transformers import AutoTokenizer

    return _load(AutoTokenizer, name, use_fast=True)


def _load(kind: Any, name: str, **options: Any) -> Any:  # noqa: ANN401 - of transformers
    try:
        return kind.from_pretrained(name, **options)
    except Exception as error:  # no such folder, a hub that cannot be reached, no model in it, damaged weights
        problem = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"reader {name}: cannot be loaded ({problem}); give a model's folder or hub name") from error
