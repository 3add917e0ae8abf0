"""Asking an environment's verifier about right answers and junk: it must know them apart."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, InvalidOperation
from itertools import count

from scaler_core.audit.records import VerifierAudit, shortened
from scaler_core.audit.rules import Measure
from scaler_core.errors import PluginError, ScalerError, UsageError
from scaler_core.factory import NATIVE_VERIFIER
from scaler_core.factory.checkers import BREAKS_CHECKER
from scaler_core.factory.references import LONGEST_TRUTH, agree
from scaler_core.judge import Judge
from scaler_core.models import (
    AnswerType,
    ComponentChoice,
    Instance,
    Response,
    Ticket,
    Tolerance,
    Verdict,
)

WALL_S = 300.0
"""A judgement that takes longer hangs; verifiers have limits of their own below it."""
INSTANCES_KEPT = 4
"""Instances of a level that are worth keeping: truths for questions, and for wrong answers."""
INSTANCES_PER_LEVEL = 2
OTHERS = 2
EXAMPLES = 5
PAID = 0.5
"""Junk with that score or a higher one counts as accepted."""


@dataclass
class _Tally:
    """The verifier's verdicts so far."""

    asked: int = 0
    refused: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    limited: set[str] = field(default_factory=set)
    slowest: float = 0.0
    hangs: bool = False
    plausible: int = 0
    paid: list[str] = field(default_factory=list)
    changing: list[str] = field(default_factory=list)
    breaking: list[str] = field(default_factory=list)

    def take_checked(self, what: str, first: Verdict, second: Verdict) -> None:
        """Record a checker's two verdicts on an answer of the right form, which may be right."""
        self.plausible += 1
        if first.result == "correct":
            self.paid.append(what)
        if "undecided" in (first.result, second.result):
            self.undecided.append(f"{what}: {first.reason or second.reason}")
        elif first != second:
            self.changing.append(what)
        if BREAKS_CHECKER in (first.reason, second.reason):
            self.breaking.append(what)

    def take(self, what: str, right: bool, verdict: Verdict, cpu_s: float) -> None:
        """Record a verdict on *what*."""
        self.asked += 1
        self.slowest = max(self.slowest, cpu_s)
        if verdict.result == "undecided":
            self.undecided.append(f"{what}: {verdict.reason}")
        elif right and verdict.result == "incorrect":
            self.refused.append(f"{what}: {verdict.reason}")
        elif not right and (verdict.credit or 0.0) >= PAID:
            self.accepted.append(what)


def audit_verifier(
    judge: Judge, instances: Sequence[Instance], default: ComponentChoice
) -> tuple[VerifierAudit | None, list[Measure]]:
    """Audit the verifier of these instances, all of one environment.

    Args:
        judge: Chooses and asks the verifier.
        instances: Instances of all levels; two of each level are used.
        default: Who verifies where the environment names nobody.
    """
    few = chosen(instances)
    tally, name = _Tally(), ""
    for instance in few:
        try:
            ticket = ticket_of(judge, instance, default)
        except (UsageError, PluginError) as error:
            return None, [Measure("verifier_missing", 1, str(error))]
        name = ticket.verifier.use
        others = [item.truth for item in instances if item.truth != instance.truth][:OTHERS]
        right, wrong = _questions(instance, name == NATIVE_VERIFIER, others)
        _ask_all(judge, ticket, right, True, tally)
        _ask_all(judge, ticket, wrong, False, tally)
        if ticket.check is not None:
            _ask_checker(judge, ticket, others, tally)
        if tally.hangs:
            break
    if not name:
        return None, []
    return _audit(name, tally), _measures(name, tally) + _checker_measures(tally)


def chosen(instances: Sequence[Instance]) -> list[Instance]:
    """A few instances of each level, with different truths where there are some."""
    levels: dict[int, dict[str, Instance]] = {}
    for instance in instances:
        truths = levels.setdefault(instance.level, {})
        if len(truths) < INSTANCES_PER_LEVEL:
            truths.setdefault(instance.truth, instance)
    return [instance for truths in levels.values() for instance in truths.values()]


def ticket_of(judge: Judge, instance: Instance, default: ComponentChoice) -> Ticket:
    """A ticket for *instance*, as a run would draw it."""
    name = f"audit.{instance.level}.{instance.seed}"
    return Ticket.of(instance, id=name, step=1, verifier=judge.choose(instance, default))


def _questions(
    instance: Instance, scores_itself: bool, others: Sequence[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Right answers and junk. Own scoring may have forms and several right answers of its own."""
    truth = instance.truth.strip()
    if instance.check is not None:  # values that differ from the truth may be right
        return right_answers(truth, instance.answer_type), junk()
    if scores_itself:
        return ({"the plain box": box(truth)} if truth else {}), junk() | nonsense()
    return (
        right_answers(truth, instance.answer_type),
        wrong_answers(truth, instance.answer_type, others, instance.tolerance),
    )


def _ask_all(
    judge: Judge, ticket: Ticket, texts: Mapping[str, str], right: bool, tally: _Tally
) -> None:
    where = f"level {ticket.level}, seed {ticket.seed}, truth {shortened(ticket.truth, 60)}"
    for what, text in texts.items():
        if tally.hangs:
            return
        if what in tally.limited:  # it would cost the limit on each instance
            continue
        answer = ask(judge, ticket, Response(text=text))
        if answer is None:
            tally.hangs = True
            answer = Verdict.undecided(f"no verdict within {WALL_S:g} s"), 0.0
        if answer[0].reason == "verifier limit":
            tally.limited.add(what)
        tally.take(f"{what} ({where})", right, *answer)


def _ask_checker(judge: Judge, ticket: Ticket, others: Sequence[str], tally: _Tally) -> None:
    """Ask about answers of the right form, each twice; few of them can be right."""
    where = f"level {ticket.level}, seed {ticket.seed}, truth {shortened(ticket.truth, 60)}"
    for what, answer in plausible_answers(ticket.truth, others).items():
        if tally.hangs:
            return
        response = Response(text=box(_boxable(answer)))
        first, second = ask(judge, ticket, response), ask(judge, ticket, response)
        if first is None or second is None:
            tally.hangs = True
        else:
            tally.take_checked(f"{what} ({where})", first[0], second[0])


def ask(judge: Judge, ticket: Ticket, response: Response) -> tuple[Verdict, float] | None:
    """The verdict and its CPU seconds, from a thread that is left behind where it hangs."""
    answers: list[tuple[Verdict, float]] = []

    def call() -> None:
        began = time.thread_time()
        try:
            verdict = judge.verify(ticket, response)
        except ScalerError as error:
            verdict = Verdict.undecided(str(error))
        answers.append((verdict, time.thread_time() - began))

    thread = threading.Thread(target=call, name="audit verifier", daemon=True)
    thread.start()
    thread.join(WALL_S)
    return answers[0] if answers else None


def _audit(name: str, tally: _Tally) -> VerifierAudit:
    def some(items: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(shortened, items[:EXAMPLES]))

    return VerifierAudit(
        verifier=name,
        asked=tally.asked,
        refused=some(tally.refused),
        accepted=some(tally.accepted),
        undecided=some(tally.undecided),
        slowest_cpu_s=round(tally.slowest, 6),
    )


def _measures(name: str, tally: _Tally) -> list[Measure]:
    def count(rule: str, items: Sequence[str], what: str) -> Measure:
        example = shortened(items[0]) if items else ""
        detail = f"verifier {name!r} {what} {len(items)} of {tally.asked} responses: {example}"
        return Measure(rule, len(items), detail)

    own = name == NATIVE_VERIFIER
    return [
        count("own_scoring_refuses" if own else "verifier_refuses", tally.refused, "refuses"),
        count("verifier_accepts", tally.accepted, "accepts"),
        count("verifier_undecided", tally.undecided, "cannot judge"),
        Measure(
            "slow_verifier",
            tally.slowest,
            f"verifier {name!r} takes up to {tally.slowest:.2f} CPU-s for one response",
        ),
    ]


def _checker_measures(tally: _Tally) -> list[Measure]:
    if not tally.plausible:
        return []

    def example(items: Sequence[str]) -> str:
        return shortened(items[0]) if items else ""

    paid, asked = len(tally.paid), tally.plausible
    return [
        Measure(
            "checker_accepts_all",
            paid / asked,
            f"the checker accepts {paid} of {asked} answers: {example(tally.paid)}",
        ),
        Measure(
            "checker_not_repeatable",
            len(tally.changing),
            f"the checker changes {len(tally.changing)} of {asked} scores: "
            f"{example(tally.changing)}",
        ),
        Measure(
            "checker_breaks",
            len(tally.breaking),
            f"the checker fails at {len(tally.breaking)} of {asked} answers: "
            f"{example(tally.breaking)}",
        ),
    ]


HUGE = 1_000_000


def nonsense() -> dict[str, str]:
    """Short responses that answer nothing in any task, for scoring that may know many answers."""
    return {
        "NaN": box("nan"),
        "infinity": box("inf"),
        "a word": box("xylograph"),
        "a sentence": box("I do not know that."),
    }


_LATEX = set("\\{}$%#&~^_")
_LIST = set(",;()[]\"'")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_ESCAPES_BRACE = re.compile(r"\\+(?:[{}]|$)")
_SPECIAL = re.compile(r"[\\{}$~]")
_ESCAPED = {
    "\\": "\\backslash{}",
    "{": "\\{",
    "}": "\\}",
    "$": "\\$",
    "~": "\\textasciitilde{}",
}


def right_answers(truth: str, answer_type: AnswerType | None) -> dict[str, str]:
    """Responses that say *truth*, by the name of their form."""
    if _LATEX & set(truth):
        return {"the plain box": box(_boxable(truth))}
    forms = {
        "the plain box": box(truth),
        "text around the box": f"First 12, then 7.\nSo the answer is {box(truth)}, as asked.",
        "redundant braces": box("{" + truth + "}"),
        "the last of two boxes": f"{box('no')} is wrong, {box(truth)} is right",
        "blanks inside the box": box(f" {truth} "),
    }
    if answer_type == "number":
        forms["dollar signs"] = box(f"${truth}$")
    elements = truth.split()
    if answer_type == "array" and not _LIST & set(truth):
        forms |= {
            "a list with commas": box(f"[{', '.join(elements)}]"),
            "a list without blanks": box(f"[{','.join(elements)}]"),
            "a list in redundant braces": box("{[" + ", ".join(elements) + "]}"),
            "a list in round brackets": box(f"({', '.join(elements)})"),
        }
        if len(elements) > 1:
            forms["commas without brackets"] = box(", ".join(elements))
    return forms


def wrong_answers(
    truth: str,
    answer_type: AnswerType | None,
    others: Sequence[str],
    tolerance: Tolerance | None = None,
) -> dict[str, str]:
    """Responses that do not answer *truth*, by the name of their kind.

    Args:
        truth: The truth.
        answer_type: How it is written.
        others: Truths of other instances.
        tolerance: The error that is allowed, so that answers within it are not among them.
    """
    wrong = dict(_wrong_values(truth, others))
    how = answer_type or "array", tolerance
    return junk() | {
        "no box": f"The answer is {truth}.",
        "a box that is not closed": f"The answer is \\boxed{{{truth}",
        **{
            name: box(_boxable(answer))
            for name, answer in wrong.items()
            if not agree(tuple(truth.split()), tuple(answer.split()), *how)
        },
    }


def plausible_answers(truth: str, others: Sequence[str]) -> dict[str, str]:
    """Answers in the form of *truth* by name: itself, numbers of its length, altered ones."""
    elements = truth.split()
    numbers = all(map(_is_number, elements))
    answers = {"the truth": truth, "zero": "0", **dict(_wrong_values(truth, others))}
    if numbers:
        length = len(elements)
        for number in (-1, 0, 1, 7, 10**9):
            answers[f"{number} everywhere"] = " ".join([str(number)] * length)
        answers |= {"ascending": " ".join(map(str, range(5, 5 + length)))}
    return {name: answer for name, answer in answers.items() if answer.strip()}


def junk() -> dict[str, str]:
    """Responses that answer nothing, whatever the truth."""
    return {
        "nothing": "",
        "an empty box": box(""),
        "blanks in a box": box("  "),
        "control characters": box("\x00\x1b[2J\u202e\uffff"),
        "a megabyte of text": "junk " * (HUGE // 5),
        "a megabyte in a box": box("9" * HUGE),
        "a megabyte of boxes that are not closed": "\\boxed{" * (HUGE // 7),
        "nested braces that are not closed": box("{" * 50_000),
        "nested braces around junk": box("{" * 1000 + "junk" + "}" * 1000),
        "nested lists": box("[" * 5000 + "]" * 5000),
        "an endless number": box("1e999999999"),
    }


def box(text: str) -> str:
    r"""*text* in ``\boxed{}``."""
    return f"\\boxed{{{text}}}"


def _wrong_values(truth: str, others: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Answers by name that may be wrong; one that agrees with the truth is not."""
    elements = truth.split()
    yield "NaN", "nan"
    yield "infinity", "inf"
    yield "another type", "banana" if _is_number(elements[0]) else "[1, 2, 3]"
    if len(elements) == 1 and (larger := _larger(truth)):
        yield "a larger number", larger
    else:
        yield "a letter more", f"{truth}x"
    yield "backwards", " ".join(reversed(elements)) if len(elements) > 1 else truth[::-1]
    if len(elements) > 1:
        yield "the last element first", " ".join([elements[-1], *elements[:-1]])
        yield "one element less", " ".join(elements[:-1])
        yield "one element twice", " ".join([*elements, elements[-1]])
    for number, other in zip(count(1), others, strict=False):
        yield f"another instance's truth ({number})", other


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _larger(text: str) -> str:
    """A number that no tolerance takes for *text*: the next integer, or more than twice a decimal.

    Empty where *text* is no number, or one of endless digits that a short text stands for.
    """
    if not _is_number(text) or abs(Decimal(text).adjusted()) > LONGEST_TRUTH:
        return ""
    exact = Context(prec=2 * LONGEST_TRUTH)
    number = Decimal(text)
    if not text.lstrip("+-").isdecimal():
        number = exact.multiply(number, 2)
    return f"{exact.add(number, 1):f}"


def _boxable(text: str) -> str:
    """*text* as it can stand in a box: braces that do not pair up, and a backslash that would
    escape one, are escaped.
    """
    depth = 0
    for token in _BRACE.finditer(text):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth < 0:
            break
    if depth == 0 and not _ESCAPES_BRACE.search(text):
        return text
    return _SPECIAL.sub(lambda match: _ESCAPED[match[0]], text)
