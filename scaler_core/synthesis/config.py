"""What a user may say of a synthesis; every option has a default and a sentence here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, model_validator

from scaler_core.config import ComponentSection, Recipe
from scaler_core.endpoint import BudgetOptions, EndpointOptions, Sampling
from scaler_core.interfaces import Options
from scaler_core.synthesis.filters import FilterSettings
from scaler_core.synthesis.journey import STAGES
from scaler_core.synthesis.provenance import Makers
from scaler_core.synthesis.records import Stage
from scaler_core.synthesis.settings import CalibrationSettings, CheckSettings
from scaler_core.synthesis.store import SynthesisSettings


class SynthesisOptions(Options):
    """Options of a synthesis."""

    endpoint: EndpointOptions | None = None
    """Where the model is; needed from the stage ``extract`` on."""

    budget: BudgetOptions = BudgetOptions()
    """What this run may spend, and the prices."""

    sampling: Sampling = Sampling()
    """How replies are sampled, where extractor and generator do not say otherwise."""

    extractor: ComponentSection = ComponentSection(use="llm")
    """Who reads problems."""

    generator: ComponentSection = ComponentSection(use="llm")
    """Who writes generators."""

    filter: FilterSettings = FilterSettings()
    """What a problem must have."""

    check: CheckSettings = CheckSettings()
    """What a candidate must pass."""

    calibrate: CalibrationSettings = CalibrationSettings()
    """How large instances may become; what solutions must keep to is that of ``check``."""

    generators: int = Field(default=3, ge=1, le=100)
    """Generators that are written for a problem until one passes all checks."""

    seed: int = 0
    """Equal seeds, equal draws in the checks."""

    stage: Stage = "calibrate"
    """The last stage to do; a pool comes out of ``calibrate`` alone."""

    limit: int | None = Field(default=None, ge=1)
    """Problems of the dataset to look at, from its beginning."""

    retry_rejected: str | None = None
    """A stage or a check: problems that it refused are tried once more; empty for all."""

    redo_changed: bool = False
    """Whether stages with other settings than before are done again."""

    workers: int = Field(default=2, ge=1)
    """Candidates checked side by side."""

    executor: Literal["local", "ray"] = "local"
    """Where the workers run: on this machine, or as Ray actors on all machines of a cluster."""

    sandbox: str = "auto"
    """What runs the programs."""

    allow_weak_sandbox: bool = False
    """Whether programs may run in a sandbox that does not contain attacks."""

    tokenizer: str | None = None
    """The model whose tokens the length of prompts is counted in; characters without it."""

    backend: str = Recipe().backend.use
    """The backend that counts them."""

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
        """What the length of prompts is counted in."""
        if self.tokenizer is None:
            return "characters"
        return f"tokens of {self.tokenizer}, as {self.backend} counts them"

    def settings(self, problems: str, makers: Makers) -> SynthesisSettings:
        """All that results of the stages up to :attr:`stage` depend on."""
        told: dict[Stage, dict[str, JsonValue]] = {
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
            stages={stage: item for stage, item in told.items() if self.reaches(stage)},
        )
