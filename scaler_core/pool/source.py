"""Sets of environments: in memory, several sources as one, some of a source."""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from scaler_core.errors import DataError, UsageError, unknown_name
from scaler_core.interfaces import AnyEnvironment, EnvironmentSource, NativeEnvironment
from scaler_core.jsonio import canonical_json


class MemorySource(EnvironmentSource):
    """Environments that are already there, program or native ones, in the given order.

    Args:
        environments: The environments; an id must occur once.
        label: How messages call this source.
        left_out: Ids that one might look for here in vain, and why.

    Raises:
        DataError: Two environments have the same id.
    """

    def __init__(
        self,
        environments: Iterable[AnyEnvironment],
        label: str = "memory",
        left_out: Mapping[str, str] | None = None,
    ) -> None:
        self.label = label
        self._left_out = dict(left_out or {})
        self._environments: dict[str, AnyEnvironment] = {}
        for environment in environments:
            if environment.id in self._environments:
                raise DataError(
                    f"{label}: environment {environment.id!r} occurs twice", hint="rename one"
                )
            self._environments[environment.id] = environment

    def __str__(self) -> str:
        return self.label

    def ids(self) -> Sequence[str]:
        """All ids, in the given order."""
        return tuple(self._environments)

    def get(self, environment_id: str) -> AnyEnvironment:
        """The environment; raises :class:`~scaler_core.errors.UsageError` for an unknown id."""
        try:
            return self._environments[environment_id]
        except KeyError:
            raise unknown_environment(self, environment_id) from None

    def left_out(self, environment_id: str) -> str:
        """The reason that was given."""
        return self._left_out.get(environment_id, "")

    def content_hash(self, environment_id: str) -> str:
        """See :func:`environment_hash`."""
        return environment_hash(self.get(environment_id))

    def top_level(self, environment_id: str) -> int:
        """D of one environment."""
        return self.get(environment_id).top_level


class CombinedSource(EnvironmentSource):
    """Several sources as one, each with a weight.

    An id that several sources have with the same content is one environment, with the weight of
    the first source that has it.

    Args:
        sources: Sources and their weights, in the order of their environments.

    Raises:
        UsageError: A weight is not above 0.
        DataError: Two sources have an environment of the same id but different content.
    """

    def __init__(self, sources: Sequence[tuple[EnvironmentSource, float]]) -> None:
        self.trusted = all(source.trusted for source, _ in sources)
        self._sources = [source for source, _ in sources]
        self._owners: dict[str, tuple[EnvironmentSource, float]] = {}
        for source, weight in sources:
            if not 0 < weight < math.inf:
                raise UsageError(f"weight {weight} of pool {source}: a weight must be above 0")
            for environment_id in source.ids():
                owner, _ = self._owners.setdefault(environment_id, (source, weight))
                if owner.content_hash(environment_id) != source.content_hash(environment_id):
                    raise DataError(
                        f"environment {environment_id!r} differs between {owner} and {source}",
                        hint="rename it in one of them, or leave one out",
                    )

    def ids(self) -> Sequence[str]:
        """All ids, source by source."""
        return tuple(self._owners)

    def get(self, environment_id: str) -> AnyEnvironment:
        """The environment; raises :class:`~scaler_core.errors.UsageError` for an unknown id."""
        return self._owner(environment_id).get(environment_id)

    def content_hash(self, environment_id: str) -> str:
        """The hash that its source gives."""
        return self._owner(environment_id).content_hash(environment_id)

    def top_level(self, environment_id: str) -> int:
        """D of one environment."""
        return self._owner(environment_id).top_level(environment_id)

    def weight(self, environment_id: str) -> float:
        """The weight of its source, times what the source itself says."""
        owner, weight = self._owners[environment_id]
        return weight * owner.weight(environment_id)

    def left_out(self, environment_id: str) -> str:
        """What the first of the sources says that knows why."""
        reasons = (source.left_out(environment_id) for source in self._sources)
        return next(filter(None, reasons), "")

    def _owner(self, environment_id: str) -> EnvironmentSource:
        try:
            return self._owners[environment_id][0]
        except KeyError:
            raise unknown_environment(self, environment_id) from None


class SelectedSource(EnvironmentSource):
    """Some environments of another source.

    Args:
        source: The other source.
        names: Ids of the environments to keep, in any order.

    Raises:
        UsageError: The source has no environment of that id.
    """

    def __init__(self, source: EnvironmentSource, names: Sequence[str]) -> None:
        known = set(source.ids())
        for name in names:
            if name not in known:
                raise unknown_environment(source, name, where=" of pool.environments")
        wanted = set(names)
        self.trusted = source.trusted
        self._source = source
        self._ids = tuple(name for name in source.ids() if name in wanted)

    def ids(self) -> Sequence[str]:
        """The kept ids, in the source's order."""
        return self._ids

    def get(self, environment_id: str) -> AnyEnvironment:
        """The environment; raises :class:`~scaler_core.errors.UsageError` for an unknown id."""
        return self._source.get(environment_id)

    def content_hash(self, environment_id: str) -> str:
        """The hash that the source gives."""
        return self._source.content_hash(environment_id)

    def top_level(self, environment_id: str) -> int:
        """D of one environment."""
        return self._source.top_level(environment_id)

    def weight(self, environment_id: str) -> float:
        """The weight that the source gives."""
        return self._source.weight(environment_id)


def unknown_environment(
    source: EnvironmentSource, environment_id: str, *, where: str = ""
) -> UsageError:
    """The error for an id that *source* lacks: why it was left out, or the alternatives."""
    if reason := source.left_out(environment_id):
        return UsageError(f"environment {environment_id!r}{where} cannot be had here: {reason}")
    return unknown_name("environment", environment_id, source.ids(), where=where)


def environment_hash(environment: AnyEnvironment) -> str:
    """A hash that changes when the environment's instances or scoring may change.

    Code cannot be compared, so a native environment counts as changed with its class, its own
    version, or the version of the distribution that ships it.
    """
    if not isinstance(environment, NativeEnvironment):
        return environment.content_hash
    cls = type(environment)
    content = {
        "class": f"{cls.__module__}:{cls.__qualname__}",
        "id": environment.id,
        "version": environment.version,
        "top_level": environment.top_level,
        "distributions": _distribution_versions(cls.__module__.partition(".")[0]),
    }
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def pool_hash(source: EnvironmentSource) -> str:
    """SHA-256 over ids and contents of all environments of *source*, whatever their order."""
    return hash_of_contents((item, source.content_hash(item)) for item in source.ids())


def hash_of_contents(contents: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over pairs of id and content hash, whatever their order."""
    digest = hashlib.sha256()
    for environment_id, content_hash in sorted(contents):
        digest.update(f"{environment_id}\0{content_hash}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=64)
def _distribution_versions(package: str) -> tuple[str, ...]:
    """Name and version of the installed distributions that hold *package*; none for a script."""
    names = importlib.metadata.packages_distributions().get(package, [])
    return tuple(sorted(f"{name} {importlib.metadata.version(name)}" for name in set(names)))
