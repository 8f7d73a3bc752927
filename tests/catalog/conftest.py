from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbpart.catalog import Catalog
from tests.catalog.story import Story


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.duckdb"


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(path, timeout_s=30)
    yield catalog
    catalog.close()


@pytest.fixture
def story(catalog: Catalog) -> Story:
    return Story(catalog)


@pytest.fixture(scope="session")
def shared_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """One catalog for the many examples of property tests; each makes sets and assets of its own."""
    catalog = Catalog.open(tmp_path_factory.mktemp("shared") / "catalog.duckdb")
    yield catalog
    catalog.close()
