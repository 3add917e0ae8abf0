"""The rules of the verdict, as data: what is measured, and from where on it is wrong.

``docs/audit.md`` shows the same table; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scaler_core.audit.records import AuditVerdict, Finding, Severity, shortened

LONGEST_DETAIL = 800
SLOWEST_GENERATOR_CPU_S = 5.0
"""A level whose testcases cost more is dead: a run pays for every instance."""


@dataclass(frozen=True)
class Rule:
    """A figure and its thresholds; a larger figure is always worse.

    Attributes:
        name: The name of findings.
        measures: The figure, in words.
        warn_above: A larger figure is a warning.
        bad_above: A larger figure makes the environment bad.
    """

    name: str
    measures: str
    warn_above: float | None = None
    bad_above: float | None = None

    def severity(self, figure: float) -> Severity | None:
        """How bad *figure* is; ``None`` where nothing is wrong."""
        if self.bad_above is not None and figure > self.bad_above:
            return "bad"
        if self.warn_above is not None and figure > self.warn_above:
            return "warning"
        return None


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("unreadable", "parts of the environment that cannot be read", bad_above=0),
        Rule(
            "not_audited",
            "audits that this machine could not do: the verdict is `unknown`",
            warn_above=0,
        ),
        Rule("scale_out_of_bounds", "levels outside the parameters' bounds", bad_above=0),
        Rule("repeated_levels", "levels with the scale of another level", warn_above=0),
        Rule("top_below_maximum", "parameters below their maximum at the top level", warn_above=0),
        Rule(
            "generator_fails",
            "share of seeds without a valid testcase, at the worst level",
            warn_above=0,
            bad_above=0.1,
        ),
        Rule(
            "truth_missing",
            "share of testcases without a truth from the factory, at the worst level",
            warn_above=0,
            bad_above=0.1,
        ),
        Rule(
            "truth_outvoted",
            "truths of the factory that the majority of all solutions contradicts",
            bad_above=0,
        ),
        Rule(
            "suspicious_inputs",
            "share of testcases on which good solutions differ, at the worst level: the generator "
            "may emit invalid inputs",
            warn_above=0,
            bad_above=0.1,
        ),
        Rule(
            "prompt_differs",
            "share of testcases whose structured input lacks what solutions read, or holds "
            "something else, at the worst level",
            warn_above=0,
            bad_above=0.1,
        ),
        Rule(
            "prompt_loses_order",
            "share of testcases that have another answer when solutions read the order of the "
            "structured input, at the worst level",
            bad_above=0,
        ),
        Rule(
            "prompt_ambiguous",
            "equal structured inputs with different truths",
            bad_above=0,
        ),
        Rule(
            "answer_leaked",
            "largest share of truths that one field of the structured input equals, or a trivial "
            "function of one, above the lowest level",
            bad_above=0.9,
        ),
        Rule(
            "answer_derived",
            "the same for a constant step from a field that solutions read, another name or "
            "another order of it, its largest or smallest element",
            warn_above=0.9,
        ),
        Rule(
            "unsound_solutions",
            "solutions that do not compile, fail, or are outvoted",
            warn_above=0,
        ),
        Rule(
            "too_few_solutions",
            "sound solutions that are missing for a truth on which enough agree",
            bad_above=0,
        ),
        Rule(
            "not_repeatable",
            "largest share of instances that differ when they are made again: at once, in a fresh "
            "process, in another order, in batches of other sizes",
            bad_above=0,
        ),
        Rule(
            "depends_on_hash_seed",
            "share of instances that differ under another PYTHONHASHSEED (sandboxes set 0)",
            warn_above=0,
        ),
        Rule(
            "keeps_state",
            "share of instances that differ where one process makes them one after another with "
            "one execution of the source (sandboxes execute it anew)",
            warn_above=0,
        ),
        Rule(
            "common_answer",
            "share of the commonest answer, at the worst level",
            warn_above=0.8,
        ),
        Rule(
            "common_answer_at_top",
            "share of the commonest answer at the highest level looked at",
            warn_above=0.5,
            bad_above=0.9,
        ),
        Rule(
            "duplicates",
            "share of instances that an earlier seed gave already, at the worst level",
            warn_above=0.5,
        ),
        Rule(
            "duplicates_at_top",
            "the same at the highest level looked at",
            warn_above=0.1,
            bad_above=0.5,
        ),
        Rule(
            "long_prompt",
            "characters of the longest prompt (without a tokenizer)",
            warn_above=8192,
        ),
        Rule("long_prompt_tokens", "tokens of the longest prompt", warn_above=4096),
        Rule(
            "long_everywhere",
            "characters of the longest prompt at the lowest level looked at (without a tokenizer)",
            bad_above=16384,
        ),
        Rule(
            "long_everywhere_tokens",
            "tokens of the longest prompt at the lowest level looked at",
            bad_above=4096,
        ),
        Rule(
            "slow_generator",
            "CPU seconds of the slowest testcase",
            warn_above=1.0,
            bad_above=SLOWEST_GENERATOR_CPU_S,
        ),
        Rule(
            "slow_solution",
            "slowest run of a sound solution, in time limits of the problem",
            warn_above=1.0,
        ),
        Rule(
            "meaning_lost",
            "codes in the structured input that the Input section defines and the prompt does not",
            bad_above=0,
        ),
        Rule(
            "code_undefined",
            "fields of a few words, or of 0 and 1 alone, of which no text says what they mean",
            warn_above=0,
        ),
        Rule(
            "lost_exponent",
            "numbers in the prompt that lost an exponent (`109 + 7` for 10^9 + 7)",
            warn_above=0,
        ),
        Rule(
            "several_answers",
            "texts of the prompt that accept any of several answers",
            warn_above=0,
        ),
        Rule("interactive", "texts that tell of a conversation with the judge", warn_above=0),
        Rule(
            "verifier_missing", "verifiers that cannot be had as the environment asks", bad_above=0
        ),
        Rule("verifier_refuses", "right answers that the verifier refuses", bad_above=0),
        Rule(
            "own_scoring_refuses",
            "right answers that a native environment's own scoring refuses",
            bad_above=0,
        ),
        Rule(
            "own_scoring_untested",
            "share of instances without a truth, on which nobody knows what scoring accepts",
            warn_above=0,
            bad_above=0.99,
        ),
        Rule(
            "own_scoring_pays",
            "share of instances on which own scoring pays for an answer that has nothing to do "
            "with them: a constant one, or another instance's truth",
            warn_above=0.1,
            bad_above=0.5,
        ),
        Rule("verifier_accepts", "junk that the verifier accepts", bad_above=0),
        Rule(
            "checker_accepts_all",
            "share of answers of the right form, most of them wrong, that a checker accepts",
            bad_above=0.75,
        ),
        Rule(
            "checker_not_repeatable",
            "answers to which a checker gives another score when it is asked again",
            bad_above=0,
        ),
        Rule("checker_breaks", "answers at which a checker fails", warn_above=0),
        Rule(
            "verifier_undecided",
            "responses that the verifier cannot judge: it raises, hangs or fails",
            bad_above=0,
        ),
        Rule(
            "slow_verifier",
            "CPU seconds of the slowest judgement",
            warn_above=1.0,
            bad_above=10.0,
        ),
    )
}


@dataclass(frozen=True)
class Measure:
    """A figure that a rule is about.

    Attributes:
        rule: The rule's name.
        figure: The figure.
        detail: What and where, in one line; for the case that something is wrong.
    """

    rule: str
    figure: float
    detail: str


def find(measures: Iterable[Measure]) -> tuple[Finding, ...]:
    """All faults, bad ones first; of several measures of one rule the worst counts."""
    worst: dict[str, Measure] = {}
    for measure in measures:
        if measure.rule not in worst or measure.figure > worst[measure.rule].figure:
            worst[measure.rule] = measure
    findings = [
        Finding(rule=name, severity=severity, detail=shortened(measure.detail, LONGEST_DETAIL))
        for name, measure in worst.items()
        if (severity := RULES[name].severity(measure.figure))
    ]
    return tuple(sorted(findings, key=lambda finding: finding.severity != "bad"))


def verdict_on(findings: Sequence[Finding]) -> AuditVerdict:
    """The verdict that *findings* add up to."""
    severities = {finding.severity for finding in findings}
    if "bad" in severities:
        return "bad"
    return "usable" if severities else "good"
