"""The generator ``llm``: which programs it takes; none is ever run."""

from __future__ import annotations

import ast
import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.interfaces import Metadata
from scaler_core.testing.contracts import GeneratorContract
from scaler_core.testing.endpoint import HOSTILE_SOURCES, hostile_code
from scaler_core.testing.fakes import ScriptedChat
from scaler_core.testing.synthesis_contracts import a_problem
from scaler_plugins.generators.llm import LlmGenerator, source_of

GOOD = """\
import random


def generate_testcase(scale):
    values = [random.randint(1, 9) for _ in range(scale["n"])]
    return f"{len(values)}\\n{' '.join(map(str, values))}\\n", {"values": values}
"""


def fenced(source, language="python"):
    return f"```{language}\n{source}\n```"


def write(chat, **options):
    metadata = Metadata(parameters={"n": (2, 50)}, output_type="number", answer_unique=True)
    generator = LlmGenerator(LlmGenerator.Config(**options))
    return asyncio.run(generator.write(a_problem(), metadata, chat))


class TestContract(GeneratorContract):
    def make(self):
        return LlmGenerator()

    def good_reply(self):
        return f"Certainly.\n\n{fenced(GOOD)}"


@pytest.mark.parametrize("language", ["python", "Python", "py", "python3", "python title=x"])
def test_the_program_is_taken_as_it_stands(language):
    assert source_of(fenced(GOOD, language)) == GOOD + "\n"


@pytest.mark.parametrize(
    "signature", ["scale", "scale: dict[str, int]", "scale, /", "scale=None", "sizes"]
)
def test_one_parameter_in_any_form(signature):
    source_of(fenced(f"def generate_testcase({signature}):\n    return '', {{}}"))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def generate(scale): pass", "it does so 0 times"),
        ("def generate_testcase(scale): pass\n" * 2, "it does so 2 times"),
        ("if True:\n    def generate_testcase(scale): pass", "it does so 0 times"),
        ("class A:\n    def generate_testcase(scale): pass", "it does so 0 times"),
        ("generate_testcase = lambda scale: None", "it does so 0 times"),
        ("async def generate_testcase(scale): pass", "not an async one"),
        ("def generate_testcase(): pass", "exactly one parameter"),
        ("def generate_testcase(scale, seed): pass", "exactly one parameter"),
        ("def generate_testcase(scale, *rest): pass", "exactly one parameter"),
        ("def generate_testcase(scale, **rest): pass", "exactly one parameter"),
        ("def generate_testcase(*, scale): pass", "exactly one parameter"),
        ("def generate_testcase(scale:", "not valid Python: '(' was never closed, line 1"),
        ("print 1", "not valid Python"),
        ("\0", "null bytes"),
        ("(" * 30_000, "Python"),
        ("-" * 30_000 + "1", "cannot be parsed"),
        ("x = '\ud800'", "cannot be parsed"),
        ("#" * 50_000, "at most 40000"),
    ],
)
def test_a_program_of_another_form_is_refused_with_a_reason(source, reason):
    with pytest.raises(ValueError, match=r".") as caught:
        source_of(fenced(source))
    assert reason in str(caught.value) or "too many nested" in str(caught.value)


def test_odd_escapes_in_a_foreign_program_are_no_warning_of_ours():
    source_of(fenced("def generate_testcase(scale):\n    return '\\d', {}"))


@pytest.mark.parametrize("attack", HOSTILE_SOURCES)
def test_a_hostile_program_is_source_like_any_other_and_is_not_run(attack):
    source = write(ScriptedChat(hostile_code(attack).text))
    assert source.startswith(HOSTILE_SOURCES[attack])


def test_a_broken_program_goes_back_with_the_reason():
    chat = ScriptedChat(fenced("def generate_testcase(scale:"), fenced(GOOD))
    assert write(chat) == GOOD + "\n"
    assert "was never closed" in chat.asked[1].messages[-1]["content"]


def test_attempts_and_repairs_are_options():
    chat = ScriptedChat("no")
    with pytest.raises(ValueError, match="no usable reply in 1 attempts: the reply has no fenced"):
        write(chat, attempts=1, repairs=0)
    assert len(chat.asked) == 1


@given(st.text() | st.text().map(fenced) | st.binary().map(lambda b: fenced(b.decode("latin-1"))))
def test_no_reply_raises_anything_but_a_value_error(reply):
    with pytest.raises(ValueError, match=r"."):
        source_of(reply)


STATEMENTS = st.sampled_from(
    ["import random", "x = 1", "def help(a, b): return a", "class A: pass", "# note", "'''doc'''"]
)


@given(st.lists(STATEMENTS), st.lists(STATEMENTS))
def test_what_else_the_program_holds_does_not_matter(before, after):
    source = "\n".join([*before, "def generate_testcase(scale): return '', {}", *after])
    assert ast.dump(ast.parse(source_of(fenced(source)))) == ast.dump(ast.parse(source))
