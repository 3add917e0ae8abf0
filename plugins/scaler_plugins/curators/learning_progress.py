"""A curator that gives prompts to environments whose skill moves fastest, up or down."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from pydantic import Field

from scaler_core.curriculum.candidates import draw_by_weight
from scaler_core.interfaces import Admission, Curator, CuratorView, Options, Retirement


class LearningProgress(Curator):
    """Shares prompts in proportion to absolute learning progress, some of them evenly.

    ::

        skill     s_t = d before step t + slope * (accuracy of step t - 1/2)
        averages  fast <- fast + rate * (s_t - fast)     slow <- slow + rate / 4 * (s_t - slow)
        progress  |fast - slow| / (1 + top_level)
        shares    (1 - even) * progress / sum of progress + even / number of active environments

    It holds ``size`` environments and retires none but those whose progress was the least of the
    set for ``patience`` steps, while others wait.

    Source: the learning progress of Kanitscheider et al. (arXiv 2106.14876), the difference of a
    fast and a slow average of success; as a level moves against success here, skill takes its
    place.
    """

    name = "learning-progress"

    class Config(Options):
        """Options of ``learning-progress``."""

        size: int = Field(default=64, ge=1)
        """Environments trained on at once."""
        rate: float = Field(default=0.3, gt=0, le=1)
        """Weight of the newest step in the fast average; the slow one has a quarter of it."""
        slope: float = Field(default=4.0, ge=0)
        """Levels that the step from all wrong to all right is worth."""
        even: float = Field(default=0.2, ge=0, le=1)
        """Share of the prompts that is given out evenly, so that no environment is forgotten."""
        patience: int = Field(default=20, ge=1)
        """Steps in the slowest tenth of the set after which an environment leaves."""

    config: Config

    def retire(self, view: CuratorView) -> Sequence[Retirement]:
        """Take the last step into the averages; the slowest leave after *patience* steps of it."""
        averages = view.memory.setdefault("averages", {})
        slowest = view.memory.setdefault("slowest", {})
        active = {item.environment_id: item for item in view.active}
        for name in [name for name in averages if name not in active]:
            del averages[name]
            slowest.pop(name, None)
        for name, item in active.items():
            news = [seen for seen in item.window[-1:] if seen.step >= item.admitted_step]
            if not news or averages.get(name, (0,))[0] == news[0].step:
                continue
            skill = news[0].difficulty + self.config.slope * (news[0].accuracy - 0.5)
            _, fast, slow = averages.get(name, (0, skill, skill))
            fast += self.config.rate * (skill - fast)
            slow += self.config.rate / 4 * (skill - slow)
            averages[name] = [news[0].step, fast, slow]
        progress = self._progress(view)
        tenth = sorted(progress, key=lambda name: (progress[name], name))[: len(active) // 10]
        for name in active:
            slowest[name] = slowest.get(name, 0) + 1 if name in tenth else 0
        found = [name for name in tenth if slowest[name] >= self.config.patience]
        return [
            Retirement(
                environment_id=name,
                rule="slow",
                why=f"among the slowest tenth of the set for {slowest[name]} steps",
                evidence={"progress": progress[name]},
            )
            for name in found
        ]

    def admit(self, view: CuratorView, rng: random.Random) -> Sequence[Admission]:
        """Fill the set up to its size, by the pools' weights."""
        missing = max(0, self.config.size - len(view.active))
        chosen = draw_by_weight(view.candidates, view.weight, missing, rng)
        return [
            Admission(environment_id=name, rule="vacancy", why="a place was free")
            for name in chosen
        ]

    def shares(
        self, view: CuratorView, prompts: int, rng: random.Random
    ) -> Mapping[str, int] | None:
        """Independent draws of environments, in proportion to their shares."""
        progress = self._progress(view)
        total = sum(progress.values())
        if not total:
            return None
        even = self.config.even / len(progress)
        names = list(progress)
        weights = [(1 - self.config.even) * progress[name] / total + even for name in names]
        given = dict.fromkeys(names, 0)
        for name in rng.choices(names, weights, k=prompts):
            given[name] += 1
        return given

    def _progress(self, view: CuratorView) -> dict[str, float]:
        """Absolute learning progress of the active set; one not seen yet moves like the fastest."""
        averages = view.memory.get("averages", {})
        found = {}
        for item in view.active:
            if item.environment_id in averages:
                _, fast, slow = averages[item.environment_id]
                found[item.environment_id] = abs(fast - slow) / (1 + item.top_level)
        most = max(found.values(), default=0.0)
        return {item.environment_id: found.get(item.environment_id, most) for item in view.active}
