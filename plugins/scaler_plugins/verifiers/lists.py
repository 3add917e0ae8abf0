r"""Splits a list, as programs print it or as LaTeX writes it, into the texts of its elements."""

from __future__ import annotations

import re
from typing import NamedTuple

from scaler_plugins.verifiers.latex import peel

_CLOSERS = {
    "[": "]",
    "(": ")",
    "{": "}",
    "\\{": "\\}",
    "\\lbrace": "\\rbrace",
    "\\lbrack": "\\rbrack",
    "\\langle": "\\rangle",
    "\u27e8": "\u27e9",
}
_OPENERS = {closer: opener for opener, closer in _CLOSERS.items()}
_TOKEN = re.compile(r"[\[\](){},\u27e8\u27e9]|\s+|\\(?:[A-Za-z]+|.)", re.DOTALL)
_BLANKS = {"\\,", "\\;", "\\:", "\\>", "\\ ", "\\quad", "\\qquad"}


_MATRIX = re.compile(
    r"\\begin\s*\{(?P<name>[bpB]?matrix|smallmatrix|array)\}\s*+(?:\{[lcr|\s]*+\})?+"
)
_PLAIN_MATRICES = {"matrix", "smallmatrix", "array"}
_CELL_ENDS = re.compile(r"\\\\(?:\[[0-9.]{1,6}(?:pt|em|ex|cm|mm)\])?|\\.|&", re.DOTALL)


class Split(NamedTuple):
    """The parts of a list.

    Attributes:
        bracket: The opening bracket around the whole; empty where there is none.
        elements: The elements, without the blanks around them.
        commas: Whether commas separate them, rather than blanks.
    """

    bracket: str
    elements: list[str]
    commas: bool


def split_list(text: str) -> Split:
    """The elements of *text*, separated by commas where it has one outside inner brackets.

    One pair of brackets around the whole is taken off; inner brackets keep what they enclose
    together. Where brackets do not pair up they are characters like any other. Never raises.
    """
    text = peel(text)
    tokens = list(_TOKEN.finditer(text))
    bracket = ""
    if _wrapped(text, tokens):
        bracket = tokens[0][0]
        text = text[tokens[0].end() : tokens[-1].start()]
        tokens = list(_TOKEN.finditer(text))
    depths = _depths(tokens) or [0] * len(tokens)
    top = [token for token, depth in zip(tokens, depths, strict=True) if depth == 0]
    commas = [token for token in top if token[0] == ","]
    blanks = [token for token in top if token[0].isspace() or token[0] in _BLANKS]
    elements = [element.strip() for element in _between(text, commas or blanks)]
    if not commas:
        elements = [element for element in elements if element]
    return Split(bracket, elements, bool(commas))


def _wrapped(text: str, tokens: list[re.Match[str]]) -> bool:
    """Whether the first and the last token are brackets around all of *text*."""
    if len(tokens) < 2 or tokens[0].start() > 0 or tokens[-1].end() < len(text):
        return False
    if _CLOSERS.get(tokens[0][0]) != tokens[-1][0]:
        return False
    depths = _depths(tokens)
    # Where inner brackets do not pair up, the outer two are still the list's own.
    return depths is None or 0 not in depths[1:-1]


def _depths(tokens: list[re.Match[str]]) -> list[int] | None:
    """How many brackets each token stands in; ``None`` where brackets do not pair up."""
    depths: list[int] = []
    open_brackets: list[str] = []
    for token in tokens:
        opener = _OPENERS.get(token[0])
        if opener and (not open_brackets or open_brackets.pop() != opener):
            return None
        depths.append(len(open_brackets))
        if token[0] in _CLOSERS:
            open_brackets.append(token[0])
    return None if open_brackets else depths


def _between(text: str, separators: list[re.Match[str]]) -> list[str]:
    """The pieces of *text* that *separators* divide."""
    starts = [0, *(separator.end() for separator in separators)]
    ends = [*(separator.start() for separator in separators), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def split_matrix(text: str) -> list[list[str]] | None:
    r"""The cells of the rows of ``\begin{bmatrix}1&2\\3&4\end{bmatrix}``; ``None`` for other texts.

    ``matrix`` and ``array`` may stand in square or round brackets. A determinant is no list.
    """
    text = peel(text)
    inner = text
    if text[:1] + text[-1:] in {"[]", "()"}:
        inner = text[1:-1].strip()
    opening = _MATRIX.match(inner)
    if not opening or (inner != text and opening["name"] not in _PLAIN_MATRICES):
        return None
    ending = f"\\end{{{opening['name']}}}"
    body = inner[opening.end() : -len(ending)]
    if not inner.endswith(ending) or "\\begin" in body or "\\end" in body:
        return None
    rows: list[list[str]] = [[]]
    start = 0
    for end in _CELL_ENDS.finditer(body):
        if end[0] == "&" or end[0].startswith("\\\\"):
            rows[-1].append(body[start : end.start()].strip())
            start = end.end()
        if end[0].startswith("\\\\"):
            rows.append([])
    rows[-1].append(body[start:].strip())
    return rows[:-1] if len(rows) > 1 and rows[-1] == [""] else rows
