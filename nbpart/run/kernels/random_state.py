"""Random numbers of forked kernels: generators that were seeded from the system are seeded again in each fork."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sys
import weakref
from collections.abc import Iterator
from typing import Any


class PreloadedGenerators:
    """The random generators that were seeded from the system within `watch`; those with fixed seeds are left alone."""

    def __init__(self) -> None:
        self._randoms: weakref.WeakSet[random.Random] = weakref.WeakSet()
        self._drawn: set[int] = set()
        self._generators: list[Any] = []

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Record the generators that take their seed from the system in the block."""
        own_seed: Any = random.Random.seed
        noted, drawn = self._randoms, self._drawn

        def seed(generator: random.Random, a: Any = None, version: int = 2) -> None:
            (noted.add if a is None else noted.discard)(generator)
            own_seed(generator, a, version)

        source: Any = sys.modules.get("numpy.random.bit_generator")
        own_bits = getattr(source, "randbits", None)

        def draw(bits: int) -> int:
            value: int = own_bits(bits)  # type: ignore[misc]
            drawn.add(value)
            return value

        random.Random.seed = seed  # type: ignore[assignment,method-assign]
        if own_bits is not None:
            source.randbits = draw
        try:
            yield
        finally:
            random.Random.seed = own_seed  # type: ignore[method-assign]
            if own_bits is not None:
                source.randbits = own_bits
        self._generators += _find_generators(self._drawn)

    def renew(self) -> None:
        """Seed them from the system again; to be called in a fork."""
        # Python's own does so by itself when a process forks; the system's source needs nothing
        for each in list(self._randoms):
            each.seed()
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()
        for generator in self._generators:
            generator.state = type(generator)().state
        if "multiprocessing.process" in sys.modules:
            random.seed()
            sys.modules["multiprocessing.process"].current_process().authkey = os.urandom(32)


def _find_generators(drawn: set[int]) -> list[Any]:
    """numpy's bit generators whose seed is one of these, and that nobody has given another."""
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is None or not drawn:
        return []
    found = []
    for each in gc.get_objects():
        if type(each) is numpy_random.Generator:
            generator, is_legacy = each.bit_generator, False
        elif type(each) is numpy_random.RandomState:
            generator, is_legacy = each._bit_generator, True
        else:
            continue
        seeds = getattr(generator, "seed_seq", None) or getattr(generator, "_seed_seq", None)
        if getattr(seeds, "entropy", None) in drawn and not (is_legacy and _is_changed(generator, seeds)):
            found.append(generator)
    return found


def _is_changed(generator: Any, seeds: Any) -> bool:
    """Whether it is not as its seed made it: an older way of seeding leaves the seed that it had before in sight."""
    # a sequence that was used gives other numbers
    fresh = type(generator)(type(seeds)(seeds.entropy, spawn_key=seeds.spawn_key)).state["state"]
    now = generator.state["state"]
    return any((now[name] != fresh[name]).any() if name == "key" else now[name] != fresh[name] for name in fresh)
