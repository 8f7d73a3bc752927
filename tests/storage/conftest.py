"""Each implementation of a store, for the tests that hold of all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from nbpart.storage.adopted import AdoptingStore
from nbpart.storage.store import Store
from tests.storage.stores import make_in_memory, make_local

STORES: dict[str, Callable[[Path], Store]] = {
    "local": make_local,
    "in memory": make_in_memory,
    "adopting": lambda folder: AdoptingStore(make_local(folder), folder),
}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path)
