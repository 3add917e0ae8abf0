"""Extractor and generator ``llm`` over real HTTP: recordings, repairs, faults and the cache."""

from __future__ import annotations

import asyncio
import json

import pytest

from scaler_core.endpoint import (
    Endpoint,
    EndpointChat,
    EndpointOptions,
    RequestRefused,
    ResponseCache,
    Sampling,
)
from scaler_core.testing.endpoint import (
    RecordedEndpoint,
    RecordedReplies,
    cut_off,
    hostile_code,
    junk,
    rate_limited,
    record_reply,
    refused,
    reset,
)
from scaler_core.testing.synthesis_contracts import HOSTILE_STATEMENTS, a_problem
from scaler_plugins.extractors.llm import LlmExtractor
from scaler_plugins.generators.llm import LlmGenerator

METADATA = {
    "scale_params": {"n": {"min": 2, "max": 50}},
    "output_type": "number",
    "is_output_unique": True,
}
EXTRACTOR_LINE = "What scales in this problem, and what is its answer?"
GENERATOR_LINE = "Write the program that makes random inputs for this problem."
GOOD_METADATA = f"```json\n{json.dumps(METADATA, indent=2)}\n```\n"
GOOD_PROGRAM = "```python\ndef generate_testcase(scale):\n    return '1', {'n': 1}\n```\n"


def recorded(folder, extractor=(GOOD_METADATA,), generator=(GOOD_PROGRAM,)):
    record_reply(folder, "sum-extractor", extractor, ["Title: Sum", EXTRACTOR_LINE])
    record_reply(folder, "sum-generator", generator, ["Title: Sum", GENERATOR_LINE])
    return RecordedReplies(folder)


def synthesise(server, cache_folder, problem=None):
    """Metadata and generator of *problem*, as the pipeline asks for them."""

    async def both():
        options = EndpointOptions(url=server.url, model="recorded", backoff_s=0.001)
        with ResponseCache(cache_folder) as cache:
            async with Endpoint(options, cache=cache) as endpoint:
                chat = EndpointChat(endpoint, Sampling())
                given = problem or a_problem()
                metadata = await LlmExtractor().extract(given, chat)
                source = await LlmGenerator().write(given, metadata, chat)
                return metadata, source, chat.completions

    return asyncio.run(both())


def test_both_stages_from_a_folder_of_recordings(tmp_path):
    with RecordedEndpoint(recorded(tmp_path / "replies")) as server:
        metadata, source, completions = synthesise(server, tmp_path / "cache")
    assert metadata.parameters == {"n": (2, 50)}
    assert source.startswith("def generate_testcase(scale):")
    assert len(completions) == len(server.requests) == 2


def test_a_repair_is_a_further_turn_and_a_second_run_asks_nothing(tmp_path):
    replies = recorded(tmp_path / "replies", extractor=["It is n.", GOOD_METADATA])
    with RecordedEndpoint(replies) as server:
        first = synthesise(server, tmp_path / "cache")
        assert [request.turn for request in server.requests] == [1, 2, 1]
        assert synthesise(server, tmp_path / "cache")[:2] == first[:2]
    assert len(server.requests) == 3
    assert server.asked_twice() == []


def test_a_fresh_attempt_is_a_fresh_reply_although_the_question_is_the_same(tmp_path):
    plan = [cut_off("```json\n{"), None]
    with RecordedEndpoint(recorded(tmp_path / "replies"), plan) as server:
        metadata, _, completions = synthesise(server, tmp_path / "cache")
        synthesise(server, tmp_path / "cache")
    assert metadata.parameters == {"n": (2, 50)}
    assert completions[0].cut_off
    first, second, _ = server.requests
    assert first.key == second.key


def test_faults_of_the_network_are_not_the_problems_fault(tmp_path):
    plan = [reset(), None, rate_limited(), junk(), None]
    with RecordedEndpoint(recorded(tmp_path / "replies"), plan) as server:
        metadata, _, completions = synthesise(server, tmp_path / "cache")
    assert metadata.parameters == {"n": (2, 50)}
    assert len(completions) == 2


def test_a_request_that_is_refused_is_left_to_the_pipeline(tmp_path):
    with (
        RecordedEndpoint(lambda request: refused(400, "the context is too long")) as server,
        pytest.raises(RequestRefused, match="the context is too long"),
    ):
        synthesise(server, tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize("statement", HOSTILE_STATEMENTS)
def test_a_hostile_statement_reaches_the_model_whole_and_changes_nothing_else(tmp_path, statement):
    with RecordedEndpoint(recorded(tmp_path / "replies")) as server:
        plain = synthesise(server, tmp_path / "cache")
        hostile = synthesise(server, tmp_path / "cache", a_problem(statement))
    assert hostile[:2] == plain[:2]
    for request in server.requests[2:]:
        assert [message["role"] for message in request.messages] == ["system", "user"]
        assert a_problem(statement).statement.strip() in request.messages[1]["content"]


def test_a_hostile_program_is_text(tmp_path):
    replies = recorded(tmp_path / "replies", generator=[hostile_code("deletes").text])
    with RecordedEndpoint(replies) as server:
        _, source, _ = synthesise(server, tmp_path / "cache")
    assert "rmtree" in source
