"""The contracts of extractors and generators catch those that break them."""

from __future__ import annotations

import itertools
import json

import pytest

from scaler_core.interfaces import Extractor, Generator, Metadata, ReplyCutOff
from scaler_core.testing.contracts import ExtractorContract, GeneratorContract

METADATA = {"parameters": {"n": [1, 9]}, "output_type": "number", "answer_unique": True}
PROGRAM = "def generate_testcase(scale):\n    return '1', {}\n"
COUNTER = itertools.count()


def asked(problem, task):
    system = {"role": "system", "content": task}
    return [system, {"role": "user", "content": f"<<{problem.statement}>>"}]


class PlainExtractor(Extractor):
    """Sound: bare JSON, asked for twice at most."""

    name = "plain"

    async def extract(self, problem, client):
        for attempt in range(2):
            reply = await client.chat(asked(problem, "What scales?"), attempt=attempt)
            try:
                return Metadata.model_validate_json(reply)
            except ValueError:
                continue
        raise ValueError("no metadata")

    def prompt_version(self):
        return "plain-1"


class PlainGenerator(Generator):
    """Sound: a bare program, or one in a fence."""

    name = "plain"

    async def write(self, problem, metadata, client):
        task = f"Write a program for {metadata.parameters}."
        for attempt in range(2):
            source = await client.chat(asked(problem, task), attempt=attempt)
            source = source.removeprefix("```python\n").removesuffix("```")
            if "def generate_testcase(" in source:
                return source
        raise ValueError("no program")

    def prompt_version(self):
        return "plain-1"


class PlainExtractorContract(ExtractorContract):
    def good_reply(self):
        return json.dumps(METADATA)


class PlainGeneratorContract(GeneratorContract):
    def good_reply(self):
        return PROGRAM


class TestPlainExtractor(PlainExtractorContract):
    def make(self):
        return PlainExtractor()


class TestPlainGenerator(PlainGeneratorContract):
    def make(self):
        return PlainGenerator()


def failures(contract, component):
    """Names of the contract's tests that *component* does not pass."""

    class Bound(contract):
        def make(self):
            return component()

    failed = set()
    for name in dir(Bound):
        if name.startswith("test_"):
            try:
                getattr(Bound(), name)()
            except Exception:
                failed.add(name.removeprefix("test_"))
    return failed


async def forever(self, problem, client):
    for attempt in range(1000):
        try:
            reply = await client.chat(asked(problem, "x"), attempt=attempt)
            return Metadata.model_validate_json(reply)
        except ValueError:
            continue
    raise ValueError("at last")


async def the_same_again(self, problem, client):
    for _ in range(3):
        reply = await client.chat(asked(problem, "x"))
        try:
            return Metadata.model_validate_json(reply)
        except ValueError:
            continue
    raise ValueError("no")


async def makes_it_up(self, problem, client):
    reply = await client.chat(asked(problem, "x"))
    try:
        return Metadata.model_validate_json(reply)
    except ValueError:
        return Metadata.model_validate(METADATA)


async def swallows(self, problem, client):
    try:
        return await PlainExtractor().extract(problem, client)
    except Exception as error:
        raise ValueError("something failed") from error


async def takes_what_was_cut_off(self, problem, client):
    try:
        return await PlainExtractor().extract(problem, client)
    except ReplyCutOff:
        return Metadata.model_validate(METADATA)


async def statement_as_system(self, problem, client):
    reply = await client.chat([{"role": "system", "content": problem.statement}])
    return Metadata.model_validate_json(reply)


async def obeys(self, problem, client):
    if "Ignore what you were told" in problem.statement:
        raise ValueError("as you wish")
    return await PlainExtractor().extract(problem, client)


async def without_a_parameter(self, problem, client):
    metadata = await PlainExtractor().extract(problem, client)
    return metadata.model_copy(update={"parameters": {}})


@pytest.mark.parametrize(
    ("method", "fault", "caught"),
    [
        ("extract", forever, "useless_replies_end_in_a_value_error_with_a_reason"),
        ("extract", makes_it_up, "useless_replies_end_in_a_value_error_with_a_reason"),
        ("extract", the_same_again, "the_same_is_never_asked_twice"),
        ("extract", swallows, "a_model_that_cannot_be_asked_is_left_to_the_pipeline"),
        ("extract", takes_what_was_cut_off, "replies_that_are_cut_off_end_in_a_value_error"),
        (
            "extract",
            statement_as_system,
            "a_statement_changes_nothing_but_what_stands_in_its_place",
        ),
        ("extract", obeys, "a_statement_changes_nothing_but_what_stands_in_its_place"),
        ("extract", without_a_parameter, "a_good_reply_gives_metadata_that_can_be_used"),
        ("prompt_version", lambda self: "", "the_prompts_have_a_version_that_stays"),
        (
            "prompt_version",
            lambda self: str(next(COUNTER)),
            "the_prompts_have_a_version_that_stays",
        ),
    ],
)
def test_a_broken_extractor_is_caught(method, fault, caught):
    assert failures(PlainExtractorContract, PlainExtractor) == set()
    broken = type("Broken", (PlainExtractor,), {method: fault})
    assert caught in failures(PlainExtractorContract, broken)


async def runs_it(self, problem, metadata, client):
    source = await PlainGenerator().write(problem, metadata, client)
    exec(source, {})
    return source


async def tells_nothing(self, problem, metadata, client):
    empty = metadata.model_copy(update={"parameters": {}})
    return await PlainGenerator().write(problem, empty, client)


async def another_function(self, problem, metadata, client):
    source = await PlainGenerator().write(problem, metadata, client)
    return source.replace("generate_testcase", "generate")


@pytest.mark.parametrize(
    ("fault", "caught"),
    [
        (runs_it, "programs_are_never_run"),
        (tells_nothing, "the_prompt_names_every_parameter"),
        (another_function, "a_good_reply_gives_a_program_with_the_function"),
    ],
)
def test_a_broken_generator_is_caught(fault, caught):
    assert failures(PlainGeneratorContract, PlainGenerator) == set()
    broken = type("Broken", (PlainGenerator,), {"write": fault})
    assert caught in failures(PlainGeneratorContract, broken)
