"""The interfaces behind the hooks: ten kinds of component, each an abstract class.

A component class has a ``name``, unique within its kind, and a nested ``Config`` whose fields are
the options a recipe may set. It is built with that config alone; whatever else it needs comes as an
argument of its methods. State that must survive a restart is plain JSON, handed in and out.
"""

from __future__ import annotations

from scaler_core.interfaces.component import Closable, Component, Options
from scaler_core.interfaces.curriculum import (
    Admission,
    Controller,
    Curator,
    CuratorView,
    EnvironmentContext,
    EnvironmentRecord,
    LevelCount,
    Move,
    Moved,
    Observation,
    Retirement,
    State,
)
from scaler_core.interfaces.environments import (
    AnyEnvironment,
    EnvironmentPack,
    EnvironmentSource,
    NativeEnvironment,
)
from scaler_core.interfaces.execution import Limits, Program, RunResult, RunStatus, Sandbox
from scaler_core.interfaces.judging import Benchmark, BenchmarkRow, PortableJudge, Verifier
from scaler_core.interfaces.synthesis import ChatClient, Extractor, Generator, Metadata, ReplyCutOff
from scaler_core.interfaces.training import (
    Ask,
    Backend,
    CountTokens,
    FeedLike,
    Oversampling,
    RayConnection,
    RunLike,
    Sample,
    StepEnd,
    Tracker,
)

__all__ = [
    "Admission",
    "AnyEnvironment",
    "Ask",
    "Backend",
    "Benchmark",
    "BenchmarkRow",
    "ChatClient",
    "Closable",
    "Component",
    "Controller",
    "CountTokens",
    "Curator",
    "CuratorView",
    "EnvironmentContext",
    "EnvironmentPack",
    "EnvironmentRecord",
    "EnvironmentSource",
    "Extractor",
    "FeedLike",
    "Generator",
    "LevelCount",
    "Limits",
    "Metadata",
    "Move",
    "Moved",
    "NativeEnvironment",
    "Observation",
    "Options",
    "Oversampling",
    "PortableJudge",
    "Program",
    "RayConnection",
    "ReplyCutOff",
    "Retirement",
    "RunLike",
    "RunResult",
    "RunStatus",
    "Sample",
    "Sandbox",
    "State",
    "StepEnd",
    "Tracker",
    "Verifier",
]
