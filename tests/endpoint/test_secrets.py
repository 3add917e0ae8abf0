"""The key: sent to the server, and found nowhere else."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest

from scaler_core.endpoint import Endpoint, EndpointOptions, ResponseCache, Sampling
from scaler_core.testing.endpoint import RecordedEndpoint, Reply, refused, wrong_json
from tests.endpoint.calling import KEY, ask, options_for, question

ECHOES = {
    "text": Reply(f"Your key is {KEY}."),
    "finish reason": Reply("x", finish_reason=KEY),
    "model": wrong_json({"choices": [{"message": {"content": "x"}}], "model": KEY}),
    "refusal": wrong_json({"choices": [{"message": {"refusal": f"not with {KEY}"}}]}),
    "401": refused(401, f"Incorrect API key provided: {KEY}"),
    "400": refused(400, f"{{'headers': {{'Authorization': 'Bearer {KEY}'}}}}"),
    "500": Reply(body=f"<pre>{KEY}</pre>".encode(), status=500),
    "junk": Reply(body=f"debug: {KEY}".encode()),
    "an error with status 200": wrong_json({"error": {"message": KEY}}),
    "a redirection": Reply(body=b"", status=302, headers={"Location": f"/login?key={KEY}"}),
}


@pytest.mark.parametrize("reply", ECHOES.values(), ids=ECHOES)
def test_a_server_that_echoes_the_key_puts_it_nowhere(reply, tmp_path, caplog):
    caplog.set_level(logging.INFO)  # below it the HTTP library shows the headers of responses
    with RecordedEndpoint(lambda request: reply, key=KEY) as server, ResponseCache(tmp_path) as it:
        asked = ask(server, key=KEY, cache=it, retries=1)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    (result,) = asked.results
    shown = [repr(result), str(result), caplog.text, *map(str, caplog.records)]
    if isinstance(result, BaseException):
        shown += traceback.format_exception(result)
        assert result.__cause__ is None
        assert result.__context__ is None
    else:
        shown += [result.model_dump_json()]
        assert "[key]" in result.model_dump_json()
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(KEY in text for text in shown)
    assert not any(KEY.encode() in content for content in files)


def test_a_wrong_key_is_one_line_without_the_key():
    with RecordedEndpoint(lambda request: "x", key="the-right-key") as server:
        error = ask(server, key=KEY, key_variable="MY_KEY").result
    assert "answered 401" in error.message
    assert "MY_KEY" in error.hint
    assert KEY not in str(error)


def test_nothing_of_ours_shows_the_key_when_it_is_printed():
    endpoint = Endpoint(EndpointOptions(url="http://localhost/v1", model="m"), key=KEY)
    shown = [repr(endpoint), str(endpoint), repr(endpoint.options), repr(vars(endpoint))]
    assert not any(KEY in text for text in shown)


def test_the_traceback_of_a_failure_names_no_library_object_that_holds_the_key():
    async def asking(server):
        async with Endpoint(options_for(server, retries=0), key=KEY) as endpoint:
            await endpoint.complete(question(), Sampling())

    with (
        RecordedEndpoint(lambda request: Reply(body=b"", status=500), key=KEY) as server,
        pytest.raises(Exception, match="answered 500") as caught,
    ):
        asyncio.run(asking(server))
    step = caught.value.__traceback__
    while step is not None:
        if "/scaler_core/" in step.tb_frame.f_code.co_filename:
            assert not any(KEY in repr(value) for value in step.tb_frame.f_locals.values())
        step = step.tb_next


def test_a_placeholder_is_no_secret_and_spoils_no_answer():
    with RecordedEndpoint(lambda request: "an EMPTY list") as server:
        assert ask(server, key="EMPTY").result.text == "an EMPTY list"
