"""Pools: sets of environments on disk, in memory or in a plugin; import, export, looking around."""

from scaler_core.pool.browsing import (
    EnvironmentListing,
    PoolSample,
    describe_environment,
    find_environment,
    list_environments,
    sample_instances,
)
from scaler_core.pool.published import parse_published, read_published, write_published
from scaler_core.pool.source import CombinedSource, MemorySource, SelectedSource, pool_hash
from scaler_core.pool.store import PoolDirectory, open_pool
from scaler_core.pool.transfer import ImportReport, export_pool, import_pool
from scaler_core.pool.writer import write_pool

__all__ = [
    "CombinedSource",
    "EnvironmentListing",
    "ImportReport",
    "MemorySource",
    "PoolDirectory",
    "PoolSample",
    "SelectedSource",
    "describe_environment",
    "export_pool",
    "find_environment",
    "import_pool",
    "list_environments",
    "open_pool",
    "parse_published",
    "pool_hash",
    "read_published",
    "sample_instances",
    "write_pool",
    "write_published",
]
