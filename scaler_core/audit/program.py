"""The audit of a program environment.

::

    each level:  generator -> testcases -> every solution votes -> the factory's truths, compared
    the others:  a look, so that no level is dead
    then:        votes counted -> instances repeated in other ways -> verifier asked -> measures
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from scaler_core.audit.codes import measure_codes
from scaler_core.audit.config import chosen_levels
from scaler_core.audit.figures import (
    dead_levels,
    describe_instances,
    make_paced,
    measure_generator,
    measure_looks,
    measure_prompts,
    measure_solutions,
    measure_text,
    measure_variety,
    measure_votes,
    share_of_duplicates,
)
from scaler_core.audit.generator import (
    Generated,
    LevelTestcase,
    MakeFingerprints,
    Way,
    digest,
    fingerprint,
    generate,
    generator_inputs,
    generator_program,
    measure_repeats,
    repeat,
    resident_fingerprints,
)
from scaler_core.audit.leaks import measure_leaks
from scaler_core.audit.looks import Look, ask_for_instances, look_at_levels, measure_levels
from scaler_core.audit.programs import OTHER_HASH_SEED, Programs
from scaler_core.audit.prompt_data import AskSolution, measure_prompt_data
from scaler_core.audit.records import (
    LONGEST_ANSWER,
    LevelAudit,
    RepeatAudit,
    SolutionAudit,
    Spread,
    VerifierAudit,
    VoteAudit,
    count_failures,
    shortened,
)
from scaler_core.audit.rules import Measure
from scaler_core.audit.verifier import INSTANCES_KEPT, audit_verifier
from scaler_core.audit.voting import (
    LIMITS,
    InputBallot,
    VoteCount,
    cast_votes,
    count_votes,
    short_text,
)
from scaler_core.audit.workshop import Workshop
from scaler_core.factory import InstanceFailure, LevelSeed
from scaler_core.factory.checkers import ask_whether_right
from scaler_core.factory.local import GENERATOR_LIMITS
from scaler_core.factory.references import Words, agree, both_ways, read_answer
from scaler_core.interfaces import Program, RunResult
from scaler_core.models import AnswerType, Environment, Instance

FACTORY_BUDGET = 3
"""The factory runs the generator and several solutions, so it may take longer than one program."""


@dataclass
class Evidence:
    """The findings so far, level by level.

    Attributes:
        levels: The levels.
        instances: Some of the factory's instances of each, for the verifier.
        ballots: The votes on all testcases.
        solution_cpu_s: CPU seconds of each solution's runs.
        fingerprints: Those of the generator's results, by level and seed.
        truths_compared: Truths of the factory compared with the majority's answer.
        truths_wrong: Those that differ, each in one line.
        prompt_data: How structured inputs differ from what solutions read, level by level.
        testcases: Testcases and truths, by the name of their level.
    """

    levels: list[LevelAudit] = field(default_factory=list)
    instances: list[Instance] = field(default_factory=list)
    ballots: list[InputBallot] = field(default_factory=list)
    solution_cpu_s: dict[int, list[float]] = field(default_factory=dict)
    fingerprints: dict[LevelSeed, str] = field(default_factory=dict)
    truths_compared: int = 0
    truths_wrong: list[str] = field(default_factory=list)
    prompt_data: list[Measure] = field(default_factory=list)
    testcases: dict[str, list[LevelTestcase]] = field(default_factory=dict)


@dataclass(frozen=True)
class ProgramResult:
    """The result of auditing a program environment; fields as in ``EnvironmentAudit``."""

    measures: list[Measure]
    levels: Sequence[LevelAudit] = ()
    solutions: Sequence[SolutionAudit] = ()
    votes: VoteAudit | None = None
    repeats: Sequence[RepeatAudit] = ()
    verifier: VerifierAudit | None = None
    dead_levels: Sequence[int] = ()


def audit_program(environment: Environment, workshop: Workshop) -> ProgramResult:
    """Audit one program environment.

    Raises:
        InfrastructureError: The machine could not do it.
    """
    measures = measure_levels(environment) + measure_text(
        environment.problem, checked=environment.checker is not None
    )
    if any(item.rule == "scale_out_of_bounds" and item.figure for item in measures):
        return ProgramResult(measures)
    evidence = Evidence()
    chosen = chosen_levels(workshop.settings.levels, environment.top_level)
    for level in chosen:
        _audit_level(environment, level, workshop, evidence)
    looks = _look_at_others(environment, chosen, workshop, evidence)
    count = count_votes(evidence.ballots)
    solutions = [
        count.solution(number, item.language, evidence.solution_cpu_s.get(number, ()))
        for number, item in enumerate(environment.problem.solutions, start=1)
    ]
    votes = _votes(evidence, count)
    dead = dead_levels(evidence.levels, looks)
    living = {key: value for key, value in evidence.fingerprints.items() if key[0] not in dead}
    with workshop.using(workshop.make_sandbox()) as fresh:
        ways = _ways(environment, workshop, Programs(fresh))
        repeats = repeat(living, ways)
    verifier, verifier_measures = audit_verifier(
        workshop.judge, evidence.instances, workshop.verifier
    )
    measures += [
        *measure_generator(evidence.levels),
        *measure_looks(looks),
        *measure_solutions(solutions, workshop.settings.agree, environment.problem.time_limit_s),
        *measure_votes(count, votes, evidence.levels),
        *evidence.prompt_data,
        *measure_codes(
            environment.problem,
            [item.testcase.value for items in evidence.testcases.values() for item in items],
        ),
        *measure_leaks(_above_the_lowest(evidence.testcases, environment.top_level)),
        *measure_repeats(ways, repeats),
        *measure_variety(evidence.levels),
        *measure_prompts(evidence.levels),
        *verifier_measures,
    ]
    return ProgramResult(measures, evidence.levels, solutions, votes, repeats, verifier, dead)


def _look_at_others(
    environment: Environment, chosen: Sequence[int], workshop: Workshop, evidence: Evidence
) -> list[Look]:
    """A look at each level that was not chosen, and the whole audit of those that are doubtful."""
    others = [level for level in range(environment.top_level + 1) if level not in chosen]
    seed = workshop.settings.seed
    looks = look_at_levels(workshop.programs, environment, others, seed)
    ask_for_instances(workshop.factory, environment, looks, seed)
    for look in looks:
        if look.doubtful:
            _audit_level(environment, look.level, workshop, evidence)
    name, testcases = "levels with a seed each", [item for look in looks for item in look.inputs()]
    _take_prompt_data(name, testcases, environment, workshop, evidence)
    evidence.levels.sort(key=lambda level: level.level)
    return looks


def _audit_level(
    environment: Environment, level: int, workshop: Workshop, evidence: Evidence
) -> None:
    budget_s = workshop.settings.budget_s
    seeds = workshop.seeds(environment.id, level)
    generated = generate(workshop.programs, environment, level, seeds, budget_s)
    evidence.fingerprints |= generated.fingerprints
    ballots, cpu_s = cast_votes(workshop.programs, environment, generated.inputs, budget_s)
    evidence.ballots += ballots
    for number, figures in cpu_s.items():
        evidence.solution_cpu_s.setdefault(number, []).extend(figures)
    valid = [item.seed for item in generated.inputs]
    made = make_paced(workshop.factory, environment, level, valid, FACTORY_BUDGET * budget_s)
    instances = [item for item in made if isinstance(item, Instance)]
    evidence.instances += instances[:INSTANCES_KEPT]
    _compare_truths(instances, generated, ballots, environment, evidence, workshop.programs)
    truths = {item.seed: item.truth for item in instances}
    testcases = [replace(item, truth=truths.get(item.seed)) for item in generated.inputs]
    _take_prompt_data(f"level {level}", testcases, environment, workshop, evidence)
    for ballot in ballots:
        ballot.shorten_answers()
    evidence.levels.append(
        LevelAudit(
            level=level,
            scale=environment.scale(level),
            seeds=len(generated.seeds),
            testcases=len(generated.inputs),
            generator_failures=count_failures(generated.failures),
            truths_asked=len(made),
            truth_failures=count_failures(
                [
                    (f"seed {seed}", item)
                    for seed, item in zip(valid, made, strict=False)
                    if isinstance(item, InstanceFailure)
                ]
            ),
            duplicate_share=share_of_duplicates([item.stdin for item in generated.inputs]),
            generator_cpu_s=Spread.of(generated.cpu_s),
            **describe_instances(instances, workshop.count_tokens),
        )
    )


def _take_prompt_data(
    name: str,
    testcases: Sequence[LevelTestcase],
    environment: Environment,
    workshop: Workshop,
    evidence: Evidence,
) -> None:
    """Compare the structured inputs with what solutions read, and keep both for the leaks."""
    ask = _asker(workshop, environment, evidence.ballots)
    evidence.prompt_data += measure_prompt_data(testcases, environment, ask)
    evidence.testcases[name] = list(testcases)


def _asker(
    workshop: Workshop, environment: Environment, ballots: Sequence[InputBallot]
) -> AskSolution:
    """Asks the solution that agrees most often with the others."""
    agreeing = Counter[int]()
    for ballot in ballots:
        if ballot.majority is not None:
            agreeing.update(ballot.majority.solutions)

    def ask(stdins: Sequence[bytes]) -> list[Words | None]:
        if not agreeing:
            return []
        number, _ = agreeing.most_common(1)[0]
        solution = environment.problem.solutions[number - 1]
        results = workshop.programs.run_paced(
            Program(solution.language, solution.source), stdins, LIMITS, workshop.settings.budget_s
        )
        return [_words(result, environment.answer_type) for result in results]

    return ask


def _words(result: RunResult, answer_type: AnswerType) -> Words | None:
    try:
        return read_answer(result.output, answer_type) if result.status == "ok" else None
    except ValueError:
        return None


def _above_the_lowest(
    testcases: Mapping[str, list[LevelTestcase]], top_level: int
) -> dict[str, list[LevelTestcase]]:
    """All levels but level 0, whose instances may be so small that any answer is trivial."""
    return {
        name: [item for item in items if item.level or top_level == 0]
        for name, items in testcases.items()
    }


def _compare_truths(
    instances: Sequence[Instance],
    generated: Generated,
    ballots: Sequence[InputBallot],
    environment: Environment,
    evidence: Evidence,
    programs: Programs,
) -> None:
    """Compare truths with the majority's answers, where both are about the same testcase."""
    by_seed = {
        item.seed: (item.fingerprint, ballot)
        for item, ballot in zip(generated.inputs, ballots, strict=True)
    }
    for instance in instances:
        fingerprint_of_value, ballot = by_seed[instance.seed]
        winner = ballot.majority
        if winner is None or digest(instance.testcase) != fingerprint_of_value:
            continue
        evidence.truths_compared += 1
        truth = tuple(instance.truth.split())
        if instance.check is not None:
            pairs = both_ways(instance.check.stdin, truth, winner.words)
            accepts = ask_whether_right(programs.run, instance.check.program, pairs)
            same = all(accepts[item] is True for item in pairs)
        else:
            same = agree(truth, winner.words, environment.answer_type, environment.tolerance)
        if not same:
            evidence.truths_wrong.append(
                f"{ballot.where}: the truth is {shortened(instance.truth, LONGEST_ANSWER)}, "
                f"{len(winner.solutions)} solutions answer {short_text(winner)}"
            )


def _votes(evidence: Evidence, count: VoteCount) -> VoteAudit:
    winners = [ballot.majority for ballot in evidence.ballots if ballot.majority is not None]
    wrong = evidence.truths_wrong
    return VoteAudit(
        testcases=len(evidence.ballots),
        decided=len(winners),
        smallest_quorum=min((len(winner.solutions) for winner in winners), default=0),
        suspicious=len(count.suspicious),
        truths_compared=evidence.truths_compared,
        truths_wrong=len(wrong),
        wrong_example=wrong[0] if wrong else "",
        disagreements=count.disagreements(),
    )


def _ways(environment: Environment, workshop: Workshop, fresh: Programs) -> list[Way]:
    def by(programs: Programs, hash_seed: int = 0) -> MakeFingerprints:
        return lambda level_seeds: _fingerprints(programs, environment, level_seeds, hash_seed)

    def resident(level_seeds: Sequence[LevelSeed]) -> list[str | None]:
        return resident_fingerprints(same, environment, level_seeds)

    same = workshop.programs
    return [
        Way("made again at once", "not_repeatable", by(same)),
        Way("made in another order, in other batches", "not_repeatable", by(same), True),
        Way("made in a fresh sandbox", "not_repeatable", by(fresh)),
        Way(
            "made under another hash seed",
            "depends_on_hash_seed",
            by(same, OTHER_HASH_SEED),
            impossible=""
            if workshop.takes_hash_seeds
            else "this sandbox runs Python with the hash seed 0 only",
        ),
        Way("made by one process, one after another", "keeps_state", resident),
        Way("made by one process, in another order", "keeps_state", resident, True),
    ]


def _fingerprints(
    programs: Programs, environment: Environment, level_seeds: Sequence[LevelSeed], hash_seed: int
) -> list[str | None]:
    """A fingerprint for each level and seed, made in one batch; ``None`` where a limit was hit."""
    results = programs.run(
        generator_program(environment, hash_seed),
        generator_inputs(environment, level_seeds),
        GENERATOR_LIMITS,
    )
    return [
        fingerprint(result) if result.status in ("ok", "runtime_error") else None
        for result in results
    ]
