"""The benchmarks that come with SCALER: the five of the paper, and GPQA-Diamond."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Benchmark


@hookimpl
def scaler_register_benchmarks() -> list[type[Benchmark]]:
    """The benchmarks, in the order of the paper's table."""
    from scaler_plugins.benchmarks.mathematics import Aime24, Amc23, Math500
    from scaler_plugins.benchmarks.multiple_choice import GpqaDiamond, MmluPro
    from scaler_plugins.benchmarks.reasoning import BbehMini

    return [Math500, Amc23, Aime24, MmluPro, BbehMini, GpqaDiamond]
