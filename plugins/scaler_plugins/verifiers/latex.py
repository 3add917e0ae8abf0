r"""Removes LaTeX from an answer: wrappers around the whole, and escapes inside text.

A hostile answer may nest a hundred thousand braces, so nothing here recurses or rescans.
"""

from __future__ import annotations

import re

_STYLES = (
    "text|texttt|textrm|textbf|textit|textsf|textnormal|mathrm|mathbf|mathit|mathsf|mathtt"
    "|mathnormal|operatorname|mbox|bm|boldsymbol|pmb|textup|textmd|textsl|textsc|emph|underline"
    "|ensuremath|hbox|fbox"
)
# Commands that hold from where they stand to the end of their group.
_SWITCHES = (
    "bf|rm|it|sl|sf|tt|em|bfseries|mdseries|itshape|upshape|rmfamily|sffamily|ttfamily|normalfont"
    "|boldmath|tiny|scriptsize|footnotesize|small|normalsize|large|Large|LARGE|huge|Huge"
    "|scriptstyle"
)
_COLOUR = (
    r"\\(?:textcolor|colorbox|color)\s*+(?:\[[A-Za-z]{1,8}\]\s*+)?+"
    r"\{\s*+[A-Za-z][A-Za-z0-9!.-]{0,40}\s*+\}"
)
_SPACES = r"[,;:> ]|quad(?![A-Za-z])|qquad(?![A-Za-z])"
_SYMBOLS = {
    "backslash": "\\",
    "textbackslash": "\\",
    "textasciitilde": "~",
    "textasciicircum": "^",
    "textunderscore": "_",
    "lbrace": "{",
    "rbrace": "}",
    "lbrack": "[",
    "rbrack": "]",
    "lt": "<",
    "gt": ">",
    "textless": "<",
    "textgreater": ">",
    "textbar": "|",
    "textbraceleft": "{",
    "textbraceright": "}",
    "textdollar": "$",
}

_NOTATION = re.compile(r"[\\{}$~]")
_SIZE = re.compile(r"\\(?:left|right|(?:[bB]igg?[lrm]?)|displaystyle|textstyle)(?![A-Za-z])")
_SPACE = re.compile(rf"\\(?:{_SPACES})|~")
_PEEL_TOKEN = re.compile(
    rf"(?P<space>\s+|~|\\!|\\(?:{_SPACES}))"
    rf"|(?P<style>\\(?:{_STYLES})(?![A-Za-z])\s*\{{)"
    rf"|(?P<switch>\\(?:{_SWITCHES})(?![A-Za-z])|{_COLOUR})"
    r"|\\(?:[A-Za-z]+|.)|\\|\$\$?|[{}]|[^\s\\{}$~]+",
    re.DOTALL,
)
_TEXT_TOKEN = re.compile(
    rf"(?P<space>~|\\(?:{_SPACES}))"
    rf"|(?P<style>\\(?:{_STYLES})(?![A-Za-z])\s*\{{)"
    # As in LaTeX, a command in letters ends with one blank or an empty group, which print nothing.
    rf"|\\(?P<symbol>{'|'.join(_SYMBOLS)})(?![A-Za-z])(?:\{{\}}| )?"
    r"|\\(?P<escaped>[_#%&$^~\\{}])"
    r"|(?P<nothing>\\!)|[{}]|[^\\{}~]+|\\",
)
_DEEPEST_MARKS = 4
_MARKS = ("***", "**", "```", "``", "`")
_VERBATIM = re.compile(r"\\(?:verb|lstinline)\*?([^A-Za-z0-9\s*{}\\])")
_MATH_PAIRS = {"\\(": "\\)", "\\[": "\\]"}
_QUOTES = (
    ('"', '"'),
    ("'", "'"),
    ("``", "''"),
    ("`", "'"),
    ("\u201c", "\u201d"),
    ("\u2018", "\u2019"),
)


def peel(text: str) -> str:
    r"""*text* without the layers that wrap all of it.

    Layers are blanks and spacing commands, ``{...}``, ``$...$``, ``$$...$$``, ``\(...\)``,
    ``\[...\]``, style commands such as ``\text{...}``, and what holds to the end of its group, such
    as ``\bf`` and ``\color{red}``. Size commands (``\left``, ``\big``) go wherever they stand.
    """
    if not _NOTATION.search(text):
        return text.strip()
    sized = _SIZE.sub("", text)
    tokens = list(_PEEL_TOKEN.finditer(sized))
    # what a flood of other characters has none of is not looked for token by token
    closing = _closing_braces(tokens) if "}" in sized else {}
    # With more dollars inside, the outer two do not belong together, as in "$1$ or $2$".
    dollars = []
    if "$" in sized:
        dollars = [index for index, token in enumerate(tokens) if token[0] in {"$", "$$"}]
    first, last = 0, len(tokens) - 1
    while first <= last:
        opener, closer = tokens[first], tokens[last]
        if opener["space"] or opener["switch"]:
            first += 1
        elif closer["space"]:
            last -= 1
        elif (
            closing.get(first) == last
            or _MATH_PAIRS.get(opener[0]) == closer[0]
            or (dollars == [first, last] and opener[0] == closer[0])
        ):
            first, last = first + 1, last - 1
        else:
            break
    # the tokens are all of the text, without gaps
    return sized[tokens[first].start() : tokens[last].end()] if first <= last else ""


def bare(text: str) -> str:
    r"""*text* without layers and marks of bold type or code (``**7**``, ```7```, ``\verb|7|``).

    Marks are taken off only in pairs around the whole, without another of them inside.
    """
    for _ in range(_DEEPEST_MARKS):
        text = peel(text)
        inner = _inside_mark(text)
        if inner is None:
            inner = inside_verbatim(text)
        if inner is None:
            break
        text = inner
    return text


def inside_verbatim(text: str) -> str | None:
    r"""The content of ``\verb|...|``, if that is the whole of *text*."""
    opening = _VERBATIM.match(text)
    if not opening or not text.endswith(opening[1]):
        return None
    inner = text[opening.end() : -1]
    return inner if len(text) > opening.end() and opening[1] not in inner else None


def _inside_mark(text: str) -> str | None:
    """The content of the marks around *text*; ``None`` where there are none."""
    for mark in _MARKS:
        if len(text) > 2 * len(mark) and text.startswith(mark) and text.endswith(mark):
            inner = text[len(mark) : -len(mark)]
            return None if mark[0] in inner else inner
    return None


def _closing_braces(tokens: list[re.Match[str]]) -> dict[int, int]:
    """Which token closes the group that a token opens."""
    closing, open_groups = {}, []
    for index, token in enumerate(tokens):
        if token[0] == "{" or token["style"]:
            open_groups.append(index)
        elif token[0] == "}" and open_groups:
            closing[open_groups.pop()] = index
    return closing


def plain(text: str) -> str:
    r"""*text* as it would be printed: styles dropped, escapes resolved, blanks made single."""
    if not _NOTATION.search(text):
        return squeeze(text)
    parts: list[str] = []
    group_is_style: list[bool] = []
    for token in _TEXT_TOKEN.finditer(text):
        if token["style"]:
            group_is_style.append(True)
        elif token["space"]:
            parts.append(" ")
        elif token["symbol"]:
            parts.append(_SYMBOLS[token["symbol"]])
        elif token["escaped"]:
            parts.append(token["escaped"])
        elif token[0] == "}" and group_is_style and group_is_style.pop():
            continue
        elif not token["nothing"]:
            if token[0] == "{":
                group_is_style.append(False)
            parts.append(token[0])
    return squeeze("".join(parts))


def squeeze(text: str) -> str:
    """*text* with every run of blanks made one space, and none at the ends."""
    return " ".join(text.split())


def printed(text: str) -> str:
    """*text* as it would be printed, without marks of bold type or code around it."""
    return squeeze(plain(peel(text)).strip("*` "))


def spaced(text: str) -> str:
    r"""*text* with spacing commands made blanks; ``\!`` prints nothing and goes."""
    return _SPACE.sub(" ", text.replace("\\!", ""))


def unquote(text: str) -> str:
    """*text* without one pair of quotation marks around the whole."""
    for opening, closing in _QUOTES:
        inner = text[len(opening) : len(text) - len(closing)]
        wrapped = text == opening + inner + closing
        if wrapped and opening not in inner and closing not in inner:
            return inner
    return text
