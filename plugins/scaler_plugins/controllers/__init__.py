"""The controllers that come with SCALER."""

from __future__ import annotations

from scaler_core.hookspecs import hookimpl
from scaler_core.interfaces import Controller


@hookimpl
def scaler_register_controllers() -> list[type[Controller]]:
    """The paper's, ours, those of other papers, and two baselines."""
    from scaler_plugins.controllers.bandit import Bandit
    from scaler_plugins.controllers.fixed import Fixed
    from scaler_plugins.controllers.frontier import Frontier
    from scaler_plugins.controllers.global_level import Global
    from scaler_plugins.controllers.proportional import Proportional
    from scaler_plugins.controllers.thompson import Thompson
    from scaler_plugins.controllers.uniform import Uniform
    from scaler_plugins.controllers.window import Window

    return [Proportional, Frontier, Window, Global, Thompson, Bandit, Uniform, Fixed]
