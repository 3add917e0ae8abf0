"""Options of the endpoint and of the budget, and where the key comes from."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from scaler_core.endpoint import BudgetOptions, EndpointOptions, Sampling, key_from
from scaler_core.errors import UsageError
from scaler_core.options import parse_options
from scaler_core.synthesis.config import SynthesisOptions

URL = "http://localhost:8000/v1"


def parsed(**given):
    return parse_options(EndpointOptions, {"url": URL, "model": "m"} | given, "endpoint")


@pytest.mark.parametrize(
    "url", [URL, "https://api.example.com/v1", "http://[::1]:80/v1/", "http://gpu-7:8000"]
)
def test_addresses_that_can_be_used(url):
    assert parsed(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://localhost/v1",
        "http://",
        "http://local host/v1",
        "http://localhost:0/v1",
        "http://localhost:99999/v1",
        "http://localhost/v1?key=hush-hush",
        "http://localhost/v1#x",
        "http://me:hush-hush@localhost/v1",
        "http://hush-hush@localhost/v1",
        "http://localhost/v1/chat/completions",
        "http://löcal/v1",
        "http://localhost/\nv1",
    ],
)
def test_addresses_that_cannot_and_never_a_word_of_what_they_hide(url):
    with pytest.raises(UsageError) as refused:
        parsed(url=url)
    assert "url: must" in str(refused.value)
    assert "hush-hush" not in str(refused.value)
    with pytest.raises(ValidationError) as invalid:
        EndpointOptions(url=url, model="m")
    assert "hush-hush" not in str(invalid.value)
    with pytest.raises(UsageError) as nested:
        parse_options(SynthesisOptions, {"endpoint": {"url": url, "model": "m"}})
    assert str(nested.value).startswith("options of endpoint do not fit together: url: must")
    assert "hush-hush" not in str(nested.value)


@pytest.mark.parametrize("name", ["messages", "model", "n", "stream", "temperature", "seed"])
def test_further_options_cannot_replace_ours(name):
    with pytest.raises(UsageError, match=f"extra: {name} cannot be set there"):
        parsed(extra={name: 1})


@pytest.mark.parametrize(
    "given",
    [
        {"concurrency": 0},
        {"timeout_s": 0},
        {"retries": -1},
        {"requests_per_minute": 0},
        {"model": ""},
        {"key_variable": ""},
        {"max_tokens_field": "tokens"},
        {"key": "sk-something"},
    ],
)
def test_what_cannot_be_is_refused_by_name(given):
    with pytest.raises(UsageError, match=next(iter(given))):
        parsed(**given)


def test_every_option_says_what_it_is():
    for model in (EndpointOptions, BudgetOptions):
        assert all(field.description for field in model.model_fields.values())


def test_the_key_comes_out_of_the_variable_that_is_named():
    environment = {"MINE": " sk-1 ", "SCALER_ENDPOINT_KEY": "sk-2", "OPENAI_API_KEY": "sk-3"}
    assert key_from(parsed(key_variable="MINE"), environment) == "sk-1"
    assert key_from(parsed(), environment) == "sk-2"
    assert key_from(parsed(), {"OPENAI_API_KEY": "sk-3"}) == ""


def test_a_variable_that_is_named_must_be_set():
    with pytest.raises(UsageError, match="the environment variable MINE is not set"):
        key_from(parsed(key_variable="MINE"), {})


def test_a_key_given_as_the_name_of_its_variable_is_never_shown():
    with pytest.raises(UsageError, match="not the key itself") as refused:
        parsed(key_variable="sk-very-secret-0123456789")
    assert "sk-very" not in str(refused.value)
    endpoint = {"url": "http://h/v1", "model": "m", "key_variable": "sk-very-secret-0123456789"}
    with pytest.raises(UsageError, match="not the key itself") as nested:
        parse_options(SynthesisOptions, {"endpoint": endpoint})
    assert "sk-very" not in str(nested.value)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_is_none_is_refused_without_showing_it(key):
    with pytest.raises(UsageError, match="characters that no key has") as refused:
        key_from(parsed(), {"SCALER_ENDPOINT_KEY": key})
    assert key not in str(refused.value)


def test_money_can_only_be_limited_when_there_are_prices():
    with pytest.raises(UsageError, match="prompt_price and completion_price are not set"):
        parse_options(BudgetOptions, {"money": 5.0}, "budget")


@pytest.mark.parametrize("given", [{"max_tokens": 0}, {"top_p": 0}, {"temperature": -1}])
def test_sampling_that_cannot_be(given):
    with pytest.raises(ValidationError):
        Sampling(**given)
