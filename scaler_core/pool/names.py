"""Ids for environments that come with a title only."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable

_SLUG_LENGTH = 80  # leaves room for suffixes within the 120 characters of an id
_SUFFIX_LENGTH = 10


def slug(name: str) -> str:
    """*name* in small ASCII letters, digits and single hyphens; empty where nothing is left.

    Accents are dropped with their letter kept: ``Café No. 8`` becomes ``cafe-no-8``.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_SLUG_LENGTH].strip("-")


def derive_ids(names: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """A distinct id for each of the distinct *names*, none of them in *taken*.

    An id is the name's :func:`slug`. Where several names would share one, each of them gets a
    suffix from a hash of its own name, so that ids do not depend on the order of the names.
    """
    ids = {name: slug(name) or _suffixed("environment", name) for name in names}
    while True:
        counts = Counter([*ids.values(), *taken])
        clashing = [name for name, given in ids.items() if counts[given] > 1]
        if not clashing:
            return ids
        for name in clashing:
            ids[name] = _suffixed(ids[name], name)


def _suffixed(base: str, name: str) -> str:
    """*base* with a suffix that belongs to *name* and *base* alone."""
    digest = hashlib.sha256(f"{base}\0{name}".encode(errors="surrogatepass")).hexdigest()
    return f"{base[:_SLUG_LENGTH]}-{digest[:_SUFFIX_LENGTH]}"
