"""Adding samples: points that are drawn from the distributions of a set's parameters."""

from __future__ import annotations

import logging
from itertools import islice
from typing import Any

import numpy as np

from nbpart.catalog import Batch, Catalog, queries
from nbpart.errors import ParameterError
from nbpart.partitions.samples import Sample, read_count, read_seed
from nbpart.project.added_keys import add_keys

log = logging.getLogger("nbpart")

_WAY_OUT = "ask for fewer, or declare wider bounds."


def add_sample(catalog: Catalog, set_id: int, sample: Sample, n: Any, sampler_seed: Any) -> list[str]:
    """Add the first ``n`` points of a seed, or ``n`` that are not in the set where that is None; returns the new keys.

    Raises `ParameterError` where there are not so many points, and then adds nothing.
    """
    count = read_count(n)
    if sample.size is not None and count > sample.size:
        raise ParameterError(f"{count:,} points were asked for, and there are {sample.size:,}: {_WAY_OUT}")
    if sampler_seed is None:
        return _add_new(catalog, set_id, sample, count)
    seed = read_seed(sampler_seed)
    keys = list(islice(sample.points(seed), count))
    if len(keys) < count:
        raise _too_few(sample, count, len(keys), "can be told apart")
    added = add_keys(catalog, set_id, sample.definition, keys)
    if there := count - len(added):
        log.info(
            "%s: %s of the %s points of sampler_seed=%s were there already: another seed, or none, draws others.",
            sample.definition.name, f"{there:,}", f"{count:,}", seed,
        )  # fmt: skip
    return added


def _add_new(catalog: Catalog, set_id: int, sample: Sample, count: int) -> list[str]:
    """Add ``count`` points that are not in the set; which these are is known in the transaction that adds them."""
    points = sample.points(np.random.SeedSequence().generate_state(4).tolist())
    drawn = list(islice(points, count))  # most are drawn while others can still have the catalog

    def choose(batch: Batch) -> list[str]:
        new: list[str] = []
        seen = 0
        while lacking := count - len(new):
            drawn.extend(islice(points, max(seen + lacking - len(drawn), 0)))
            some = drawn[seen : seen + lacking]
            if not some:
                raise _too_few(sample, count, len(new), "are not in the set yet")
            seen += len(some)
            new += [key for key, there in zip(some, queries.contains(batch, set_id, some), strict=True) if not there]
        return new

    return add_keys(catalog, set_id, sample.definition, choose)


def _too_few(sample: Sample, count: int, found: int, how: str) -> ParameterError:
    of = "" if sample.size is None else f"of {sample.size:,} "
    return ParameterError(f"{count:,} points were asked for, and {of}only {found:,} {how}: {_WAY_OUT}")
