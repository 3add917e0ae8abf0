"""Options and settings of a synthesis, each with its default and its meaning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, model_validator

from scaler_core.config import ComponentSection, Recipe
from scaler_core.endpoint import BudgetOptions, EndpointOptions, Sampling
from scaler_core.interfaces import Options
from scaler_core.models import Record
from scaler_core.synthesis.journey import STAGES
from scaler_core.synthesis.records import Makers, Stage
from scaler_core.synthesis.store import SynthesisSettings


class FilterSettings(Record):
    """Requirements on a problem, and how much of it is kept.

    Attributes:
        solutions_needed: Least number of different solutions in C++ or Python 3.
        solutions_kept: Most solutions that are kept, the first ones.
        tests_kept: Most tests that are kept: examples, then public, private, generated.
        test_bytes: Tests whose input or output is longer are left out.
    """

    solutions_needed: int = Field(default=3, ge=1)
    solutions_kept: int = Field(default=10, ge=1)
    tests_kept: int = Field(default=30, ge=0)
    test_bytes: int = Field(default=65_536, ge=1)


class CheckSettings(Record):
    """Requirements on a candidate (paper sections 2.3 to 2.5), and limits of checking it.

    Attributes:
        breadth: Draws at random scales.
        breadth_top: Largest parameter value of the breadth and depth checks.
        depth: Draws at one large scale.
        depth_from: Least parameter value of the depth check's scale, where the range allows it.
        distinct: Different answers that the draws of the depth check must have.
        commonest: Largest share of them that one answer may have.
        margin: Standard errors by which a sample may exceed that share: 100 draws alone would
            decide by chance. 0 is the published rule.
        edges: Draws at the smallest and at the largest scale.
        repeats: Draws that are made again and must give the same testcases.
        solutions: Most listed solutions that are run.
        quorum: Solutions that must remain when the unsound ones are dropped.
        suspicious: Largest share of testcases on which good solutions may differ. 0 is the
            published rule: a single failure rejects.
        too_large: Largest share of draws that may exceed the size of an instance.
        tests: Most tests of the problem that solutions must pass.
        test_bytes: Tests with a longer input or output are left out.
        bounds: Whether generated values must keep the bounds that the statement states.
        pairs: Whether structured value and stdin must hold the same data.
        generator_cpu_s: CPU seconds for one testcase.
        solution_cpu_s: CPU seconds for one run, where the problem's own limit is not smaller.
        budget_s: CPU seconds of one program on one group of draws, after which it is too slow.
    """

    breadth: int = Field(default=100, ge=1)
    breadth_top: int = Field(default=1000, ge=1)
    depth: int = Field(default=100, ge=1)
    depth_from: int = Field(default=100, ge=1)
    distinct: int = Field(default=10, ge=1)
    commonest: float = Field(default=0.3, gt=0, le=1)
    margin: float = Field(default=2.0, ge=0)
    edges: int = Field(default=10, ge=1)
    repeats: int = Field(default=10, ge=1)
    solutions: int = Field(default=10, ge=1)
    quorum: int = Field(default=3, ge=1)
    suspicious: float = Field(default=0.0, ge=0, le=1)
    too_large: float = Field(default=0.5, ge=0, le=1)
    tests: int = Field(default=20, ge=0)
    test_bytes: int = Field(default=65_536, ge=1)
    bounds: bool = True
    pairs: bool = True
    generator_cpu_s: float = Field(default=2.0, gt=0)
    solution_cpu_s: float = Field(default=10.0, gt=0)
    budget_s: float = Field(default=60.0, gt=0)

    @classmethod
    def as_published(cls) -> CheckSettings:
        """Settings as lenient about votes as the published checks.

        A testcase on which good solutions differ rejects nothing while one answer has the
        majority, as the published checks never asked more than three solutions.

        The eight published environments of the paper's sample pass with these settings. Not every
        published environment does: an environment that would teach something wrong or nothing
        stays refused, although the published checks did not look for it. These are environments

        - whose answers are not unique, or nothing of which scales (``metadata``);
        - whose generator fails or takes more than ``generator_cpu_s`` (``generator``), leaves the
          stated ``bounds``, gives a structured value other than stdin (``pairs``), writes several
          test cases (``single_test``), is not repeatable (``determinism``), or makes the same at
          every scale (``scale``);
        - whose solutions fail the problem's own ``tests`` or leave no quorum (``solutions``), print
          nothing (``empty_output``), or give no answer a majority on an input (``breadth``,
          ``depth``, ``minimum``, ``maximum``);
        - whose answers are not varied (``variety``, which the published checks asked of another
          sample).

        ``docs/synthesis-checks.md`` says how to leave out checks by hand.
        """
        return cls(suspicious=1.0)


class CalibrationSettings(Record):
    """Limits of instances, and requirements on levels (paper sections 2.6 and 2.7).

    Attributes:
        tokens: Most tokens of a rendered prompt, where the workbench can count tokens.
        characters: Where it cannot: most characters of the structured value in the rendered
            prompt. Statement and instruction, the same at every level, are not counted.
        prompt_characters: Where it cannot: most characters of the whole rendered prompt.
        draws: Testcases that are measured at each scale.
        quantile: The share of them that must fit.
        time_share: The share of the problem's time limit that the slowest kept solution may take.
        time_limit_s: Time limit, in CPU seconds, of a problem that states none.
        largest_span: Largest difference between maximum and minimum of a parameter.
        end_draws: Testcases that decide whether a scale can be that of the lowest or the
            highest level.
        end_distinct: Different answers that they must have.
        end_commonest: Largest share of them that one answer may have.
        end_duplicates: Largest share of them that may repeat an earlier one.
        highest_duplicates: The same at the highest level, which is trained on longest.
        level_draws: Testcases that are checked on each level.
        least_levels: An environment with fewer levels is rejected.
        as_published: Level tables with their defects, and no lowest level but the minimum.
        checks: Requirements on testcases and solutions at the ends, as in the checks.
    """

    tokens: int = Field(default=3072, ge=1)
    characters: int = Field(default=2048, ge=1)
    prompt_characters: int = Field(default=16_384, ge=1)
    draws: int = Field(default=20, ge=1)
    quantile: float = Field(default=0.95, gt=0, le=1)
    time_share: float = Field(default=0.5, gt=0, le=1)
    time_limit_s: float = Field(default=10.0, gt=0)
    largest_span: int = Field(default=10_000, ge=1)
    end_draws: int = Field(default=50, ge=1)
    end_distinct: int = Field(default=3, ge=1)
    end_commonest: float = Field(default=0.5, gt=0, le=1)
    end_duplicates: float = Field(default=0.65, ge=0, le=1)
    highest_duplicates: float = Field(default=0.4, ge=0, le=1)
    level_draws: int = Field(default=3, ge=1)
    least_levels: int = Field(default=2, ge=1)
    as_published: bool = False
    checks: CheckSettings = CheckSettings()


class SynthesisOptions(Options):
    """Options of a synthesis."""

    endpoint: EndpointOptions | None = None
    """Where the model is; needed from the stage ``extract`` on."""

    budget: BudgetOptions = BudgetOptions()
    """Limits of this run's spending, and the prices."""

    sampling: Sampling = Sampling()
    """Sampling of replies, where extractor and generator do not choose otherwise."""

    extractor: ComponentSection = ComponentSection(use="llm")
    """The component that reads problems."""

    generator: ComponentSection = ComponentSection(use="llm")
    """The component that writes generators."""

    filter: FilterSettings = FilterSettings()
    """Requirements on a problem."""

    check: CheckSettings = CheckSettings()
    """Requirements on a candidate."""

    calibrate: CalibrationSettings = CalibrationSettings()
    """Limits of instances; requirements on solutions are those of ``check``."""

    generators: int = Field(default=3, ge=1, le=100)
    """Generators that are written for a problem until one passes all checks."""

    seed: int = 0
    """Equal seeds, equal draws in the checks."""

    stage: Stage = "calibrate"
    """The last stage to do; a pool comes out of ``calibrate`` alone."""

    limit: int | None = Field(default=None, ge=1)
    """Most problems of the dataset that are read, from its beginning."""

    retry_rejected: str | None = None
    """A stage or a check: problems that it refused are tried once more; empty for all."""

    redo_changed: bool = False
    """Whether stages with other settings than before are done again."""

    workers: int = Field(default=2, ge=1)
    """Candidates checked side by side."""

    executor: Literal["local", "ray"] = "local"
    """Where the workers run: on this machine, or as Ray actors on all machines of a cluster."""

    sandbox: str = "auto"
    """The sandbox that runs the programs."""

    allow_weak_sandbox: bool = False
    """Whether programs may run in a sandbox that does not contain attacks."""

    tokenizer: str | None = None
    """The model whose tokens are counted for the length of prompts; characters without it."""

    backend: str = Recipe().backend.use
    """The backend that counts tokens."""

    @model_validator(mode="after")
    def _endpoint_where_it_is_needed(self) -> SynthesisOptions:
        if self.asks_a_model and self.endpoint is None:
            raise ValueError(
                "endpoint: the stages from extract on need a model: --endpoint URL --model NAME "
                "(or --stage filter)"
            )
        return self

    @property
    def asks_a_model(self) -> bool:
        """Whether a stage needs the endpoint."""
        return self.reaches("extract")

    def reaches(self, stage: Stage) -> bool:
        """Whether *stage* is done at all."""
        return STAGES.index(self.stage) >= STAGES.index(stage)

    @property
    def in_flight(self) -> int:
        """Problems in the stages at the same time: enough for the endpoint and the workers."""
        requests = self.endpoint.concurrency if self.endpoint else 0
        return requests + 2 * self.workers

    @property
    def calibration(self) -> CalibrationSettings:
        """:attr:`calibrate`, with the checks of :attr:`check`."""
        return self.calibrate.model_copy(update={"checks": self.check})

    @property
    def _unit(self) -> str:
        """The unit of prompt lengths."""
        if self.tokenizer is None:
            return "characters"
        return f"tokens of {self.tokenizer}, as {self.backend} counts them"

    def settings(self, problems: str, makers: Makers) -> SynthesisSettings:
        """All settings that the results of the stages up to :attr:`stage` depend on."""
        stages: dict[Stage, dict[str, JsonValue]] = {
            "filter": self.filter.model_dump(mode="json"),
            "extract": makers.extractor,
            "generate": makers.generator,
            "check": {**self.check.model_dump(mode="json"), "seed": self.seed},
            "calibrate": {
                **self.calibration.model_dump(mode="json"),
                "counted_in": self._unit,
            },
        }
        return SynthesisSettings(
            problems=problems,
            generators=self.generators,
            stages={stage: item for stage, item in stages.items() if self.reaches(stage)},
        )
