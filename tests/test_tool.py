"""`ask` for other programs, through Gradio's client and over MCP: the JSON of the command line."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing

import httpx
import pytest
from conftest import served
from gradio_client import Client
from gradio_client.exceptions import AppError

from app.tool import has_mcp

ACTION = "2023-10-19-blomqvist-joins-action-express"
QUESTION = "How old is Tom Blomqvist?"


@pytest.fixture(scope="module")
def url(bot):
    with served(bot) as url:
        yield url


@pytest.fixture(scope="module")
def client(url):
    with closing(Client(url, verbose=False, analytics_enabled=False)) as client:
        yield client


def without_times(answer):
    return {key: value for key, value in json.loads(json.dumps(answer)).items() if key != "timings_ms"}


def test_gradios_client_gets_the_json_of_the_command_line(client, bot):
    told = client.predict(QUESTION, api_name="/ask")
    assert without_times(told) == without_times(bot.answer(QUESTION).to_dict())
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/ask"]


def test_articles_days_and_history_are_taken_into_account(client):
    said = [["Who joins Action Express for 2024?", "Tom Blomqvist"]]
    assert client.predict("How old is he?", articles=[ACTION], history=said, api_name="/ask")["answer"] == "29"
    assert client.predict(QUESTION, since="2023-10-20", api_name="/ask")["answer"] is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"question": ""}, "question"),
        ({"question": "Who?", "since": "yesterday"}, "since: 'yesterday' is no day"),
        ({"question": "Who?", "articles": ["nowhere"]}, "no article of this id"),
        ({"question": "Who?", "history": [["a"]]}, "history"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(client, given, says):
    with pytest.raises(AppError) as caught:
        client.predict(**given, api_name="/ask")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_client_has_its_share_only(bot):
    with served(bot, per_minute=1) as url:
        body = {"data": ["", None, None, None, None]}
        told = [httpx.post(f"{url}/gradio_api/run/ask", json=body, timeout=60).json()["error"] for _ in range(22)]
    assert ["too many" in one for one in told] == [False] * 20 + [True] * 2


@pytest.mark.skipif(not has_mcp(), reason="mcp is not installed: pip install 'articleqa[mcp]'")
def test_an_agent_finds_the_tool_and_calls_it_over_mcp(url, bot):
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def run():
        async with (
            streamable_http_client(f"{url}/gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            [tool] = (await session.list_tools()).tools
            right = await session.call_tool("ask", {"question": QUESTION})
            return tool, right, await session.call_tool("ask", {"question": ""})

    tool, right, wrong = asyncio.run(run())
    assert tool.name == "ask"
    assert "exact quote" in tool.description
    assert {"question", "articles", "since", "until", "history"} == set(tool.inputSchema["properties"])
    assert without_times(json.loads(right.content[0].text)) == without_times(bot.answer(QUESTION).to_dict())
    assert wrong.isError
    assert "question" in wrong.content[0].text


def test_tools_keep_no_stream_open(url):
    assert httpx.get(f"{url}/gradio_api/mcp/", timeout=60).status_code == 405
