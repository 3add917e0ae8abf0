"""Fetches one file of a data set from the Hugging Face hub, at a pinned commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from scaler_core.errors import InfrastructureError, ScalerError, UsageError, one_line
from scaler_plugins.benchmarks.records import INSTALL

PAGE = "https://huggingface.co/datasets"


def fetch(dataset: str, patterns: tuple[str, ...], revision: str, **options: str) -> Path:
    """The one file of *dataset* that the first fitting pattern names.

    A file that was fetched stays in the hub's local cache, so that a commit needs no network then.

    Args:
        dataset: Owner and name.
        patterns: Possible names of the file, likeliest first, as in ``data/test-*.parquet``.
        revision: A commit, branch or tag.
        options: For the hub's client: ``endpoint``, ``cache_dir``.

    Raises:
        UsageError: huggingface-hub is missing, the data set is gated or does not exist, or has no
            such file.
        InfrastructureError: The hub cannot be reached.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise UsageError(
            f"fetching {dataset} needs huggingface-hub, which is not installed",
            hint=f"{INSTALL}, or set path to a file that you have",
        ) from error
    try:
        with _without_log():
            folder = snapshot_download(
                dataset,
                repo_type="dataset",
                revision=revision,
                allow_patterns=list(patterns),
                **options,
            )
    except Exception as error:
        raise _explain_error(dataset, revision, error) from error
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    for pattern in patterns:
        found = [path for path in files if fnmatch(path.relative_to(folder).as_posix(), pattern)]
        if len(found) == 1:
            return found[0]
        if found:
            break
    raise UsageError(
        f"{dataset} at {revision} has not exactly one file {' or '.join(patterns)}",
        hint=f"look at {PAGE}/{dataset}/tree/{revision}, download the file and set path to it",
    )


@contextmanager
def _without_log() -> Iterator[None]:
    """Keeps the client from logging each of its five tries; the error at the end says it all."""
    from huggingface_hub.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def _explain_error(dataset: str, revision: str, error: Exception) -> ScalerError:
    """The error, in one line, for *error* of the hub's client."""
    from huggingface_hub import errors

    path = "or download the file by other means and set path to it"
    if isinstance(error, errors.GatedRepoError):
        return UsageError(
            f"{dataset} is gated: its authors ask for an account and for consent to their terms",
            hint=f"agree at {PAGE}/{dataset}, then run 'hf auth login' or set HF_TOKEN; {path}",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return UsageError(
            f"the hub has no data set {dataset}, or shows it to nobody without a token",
            hint=f"run 'hf auth login' or set HF_TOKEN if it is private; {path}",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return UsageError(
            f"{dataset} has no revision {revision!r}", hint="leave revision out for the pinned one"
        )
    return InfrastructureError(
        f"cannot fetch {dataset} from the hub: {one_line(error.__cause__ or error)}",
        hint=f"try again with a network; {path}",
    )
