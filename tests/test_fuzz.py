"""Requests made from the OpenAPI description, right and nearly right: none is an error of ours."""

from __future__ import annotations

import pytest
from conftest import HashEmbedder, ScriptedReader
from hypothesis import HealthCheck, given, settings

from app.server import build_app
from corpus import samples
from index import Library
from qa import ArticleQA

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")


@pytest.fixture(scope="module")
def described():
    reader = ScriptedReader(lambda text: ([0.0] * len(text), [0.0] * len(text), 9.0))
    with ArticleQA(Library.in_memory(HashEmbedder()), reader) as bot:
        bot.library.add(samples()[:2])
        yield schemathesis.openapi.from_asgi("/openapi.json", build_app(bot, hosts=["testserver"]))


def test_no_request_is_an_error_of_ours(described):
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) >= 11
    for operation in operations:

        @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case):
            assert case.call(timeout=60).status_code < 500

        ask()
