"""Statements are cut into sections, and what cannot be read with certainty is not guessed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler_core.synthesis.sources.statement import read_statement
from tests.synthesis.problems import EXAMPLES, STATEMENT, statement


def test_a_statement_is_cut_at_its_headings():
    read = read_statement(STATEMENT)
    assert read.logic == "Add the numbers."
    assert read.input is not None
    assert read.input.startswith("The first line has n")
    assert read.instruction == "Print their sum."
    assert read.examples == EXAMPLES
    assert not read.unread


@pytest.mark.parametrize(
    ("heading", "other"),
    [
        ("Input", "INPUT"),
        ("Input", "Input:"),
        ("Input", "Input Format"),
        ("Output", "-----Output-----"),
        ("Output", "### Output Specification:"),
        ("Examples", "Example"),
        ("Examples", "Sample"),
    ],
)
def test_headings_are_known_in_their_usual_forms(heading, other):
    if heading == "Examples":
        text = statement(Examples=other)
    else:  # the first of that heading only: the others are those of the examples
        text = STATEMENT.replace(f"\n{heading}\n", f"\n{other}\n", 1)
    read = read_statement(text)
    assert (read.logic, read.instruction) == ("Add the numbers.", "Print their sum.")
    assert read.examples == EXAMPLES


def test_samples_with_numbers_and_windows_line_ends_are_read():
    text = (
        "Task.\n\nInput\n\nn\n\nOutput\n\nm\n\nSample Input 1\n\n1\n\nSample Output 1\n\n2\n\n"
        "Sample Input 2\n\n3\n\nSample Output 2\n\n4\n"
    )
    read = read_statement(text.replace("\n", "\r\n"))
    assert [(item.stdin, item.stdout) for item in read.examples] == [
        ("1\n", "2\n"),
        ("3\n", "4\n"),
    ]


def test_constraints_before_the_input_belong_to_the_task_and_later_ones_end_the_output():
    text = "Task.\n\nConstraints\n\nn is small.\n\nInput\n\nn\n\nOutput\n\nm\n\nConstraints\n\nx"
    read = read_statement(text)
    assert read.logic == "Task.\n\nConstraints\n\nn is small."
    assert read.instruction == "m"


@pytest.mark.parametrize(
    "examples",
    [
        "Examples\n\nInput\n\n1\n",
        "Examples\n\nInput\n\n1\n\nOutput\n\n\n",
        "Examples\n\nOutput\n\n1\n\nInput\n\n2\n",
        "Examples\n\nInput\n\n1\n\nInput\n\n2\n\nOutput\n\n3\n",
        "Examples\n\nthe first one:\n\nInput\n\n1\n\nOutput\n\n2\n",
        "Examples\n\nsee the picture\n",
        "Examples\n",
    ],
)
def test_examples_of_another_form_are_counted_and_none_is_taken(examples):
    read = read_statement(f"Task.\n\nInput\n\nn\n\nOutput\n\nm\n\n{examples}")
    assert read.examples == ()
    assert read.unread


def test_a_statement_without_examples_has_none_unread():
    read = read_statement("Task.\n\nInput\n\nn\n\nOutput\n\nm\n")
    assert (read.examples, read.unread) == ((), False)


def test_without_an_input_section_there_is_nothing_to_read():
    assert read_statement("Print 1.\n\nOutput\n\n1").input is None
    assert read_statement("The input is empty. Input is n.").input is None


@given(st.text(alphabet="Input Outpe\n:-xams1", max_size=200))
def test_no_text_breaks_the_reading(text):
    read = read_statement(text)
    assert all(item.stdin.strip() and item.stdout.strip() for item in read.examples)


def test_a_line_of_blanks_is_read_in_one_go():
    """Tried in every split, each of these would take minutes."""
    for beginning in ("", "sample input", "Input", "Input format", "examples"):
        for middle in ("", "1"):
            line = beginning + " " * 60_000 + middle + " " * 60_000 + "x"
            assert read_statement(f"A\n\nInput\n\n{line}").input == line.strip()


@pytest.mark.shared
def test_the_published_statements_are_cut_as_they_were_published(shared_dir: Path):
    entries = json.loads((shared_dir / "data" / "SCALER-8.json").read_text())
    for entry in entries.values():
        read = read_statement(entry["raw_description"])
        assert read.logic == entry["logic_description"]
        assert read.instruction == entry["instruction"]
        assert read.examples
        assert not read.unread
