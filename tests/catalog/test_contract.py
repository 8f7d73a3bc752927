"""What every way to reach the catalog must keep to; each way is one more parameter of `access`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nbpart.catalog import Batch, Catalog
from nbpart.errors import CatalogError

Opened = Callable[[], Catalog]


@pytest.fixture(params=["lease"])
def access(request: pytest.FixtureRequest, path: Path) -> Iterator[Opened]:
    """Opens the same catalog again and again."""
    opened: list[Catalog] = []

    def open_one() -> Catalog:
        opened.append(Catalog.open(path))
        return opened[-1]

    yield open_one
    for catalog in opened:
        catalog.close()


def put(*keys: str) -> Callable[[Batch], int]:
    return lambda b: sum(b.execute("INSERT INTO keys VALUES (1, 0, ?)", key) for key in keys)


def names(batch: Batch) -> list[str]:
    return [row[0] for row in batch.rows("SELECT key FROM keys WHERE key_id = 1 ORDER BY rowid")]


def test_what_is_written_is_there_for_everyone(access: Opened) -> None:
    one, two = access(), access()
    assert one.write(put("a")) == 1
    assert two.read(names) == ["a"]
    two.write(put("b"))
    assert one.read(names) == ["a", "b"]
    one.close()
    assert access().read(names) == ["a", "b"]


def test_the_sequence_counts_commits_that_changed_something(access: Opened) -> None:
    one, two = access(), access()
    start = one.sequence()
    assert one.write(lambda b: (put("a")(b), b.sequence)[1]) == start + 1
    assert (one.sequence(), two.sequence()) == (start + 1, start + 1)
    assert two.read(lambda b: b.sequence) == start + 1
    two.write(lambda b: b.execute("DELETE FROM keys WHERE key = 'nowhere'"))
    one.write(names)
    assert one.sequence() == start + 1

    def quiet(batch: Batch) -> None:
        put("b")(batch)
        batch.unchanged = True

    one.write(quiet)
    assert one.sequence() == start + 1
    assert two.read(names) == ["a", "b"]


def test_an_exception_undoes_everything_and_is_the_callers(access: Opened) -> None:
    catalog = access()
    before = catalog.sequence()

    def work(batch: Batch) -> None:
        put("a")(batch)
        batch.take_ids("next_key_id", 5)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        catalog.write(work)
    assert catalog.read(names) == []
    assert catalog.sequence() == before
    assert catalog.write(lambda b: b.take_ids("next_key_id", 1)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO keys VALUES (NULL, 0, 'x')",  # constraint
        "INSERT INTO keys VALUES ('x'::VARCHAR::BIGINT, 0, 'x')",  # cast
        "SELECT nothing FROM keys",  # binder
        "SELECT * FROM nowhere",  # catalog
        "SELEC",  # parser
    ],
)
def test_a_failed_statement_whose_error_was_swallowed_commits_nothing(access: Opened, statement: str) -> None:
    catalog = access()
    before = catalog.sequence()

    def work(batch: Batch) -> None:
        put("a")(batch)
        try:
            batch.execute(statement)
        except Exception:  # noqa: BLE001  that is what is tested
            return

    with pytest.raises(CatalogError, match="failed"):
        catalog.write(work)
    assert catalog.read(names) == []
    assert catalog.sequence() == before
    catalog.write(put("b"))
    assert catalog.read(names) == ["b"]


def test_a_failed_statement_is_a_catalog_error(access: Opened) -> None:
    catalog = access()
    with pytest.raises(CatalogError, match="nowhere"):
        catalog.read(lambda b: b.rows("SELECT * FROM nowhere"))
    with pytest.raises(CatalogError, match="NOT NULL"):
        catalog.write(lambda b: b.execute("INSERT INTO keys VALUES (NULL, 0, 'x')"))


def test_a_read_cannot_write(access: Opened) -> None:
    with pytest.raises(CatalogError, match="read-only"):
        access().read(put("a"))


def test_results_come_in_every_shape(access: Opened) -> None:
    catalog = access()
    query = "SELECT * FROM (VALUES (1::UBIGINT, 'a', NULL), (18446744073709551615, NULL, 2)) t (n, s, m) WHERE n >= ?"
    read = catalog.read
    assert read(lambda b: b.rows(query, 1)) == [(1, "a", None), (2**64 - 1, None, 2)]
    assert read(lambda b: b.row(query, np.int64(2))) == (2**64 - 1, None, 2)
    assert read(lambda b: b.row(query + " AND s = 'z'", 1)) is None
    assert read(lambda b: b.value(query, 1)) == 1
    frame = read(lambda b: b.frame(query, 1))
    assert frame["n"].tolist() == [1, 2**64 - 1]
    assert frame["m"].dtype == "Int64"
    assert read(lambda b: b.arrow(query, 1)).column("n").to_pylist() == [1, 2**64 - 1]
    assert read(lambda b: b.numpy(query, 1))["n"].dtype == np.uint64


def test_times_come_back_aware_and_as_they_were(access: Opened) -> None:
    catalog = access()
    now = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
    catalog.write(lambda b: b.execute("INSERT INTO schema_steps VALUES (0, 'x', ?)", now))
    query = "SELECT applied_at FROM schema_steps WHERE number = 0"
    back = catalog.read(lambda b: b.value(query))
    assert back == now
    assert back.utcoffset().total_seconds() == 0
    assert catalog.read(lambda b: b.frame(query))["applied_at"].iloc[0] == now
    assert catalog.read(lambda b: b.now).utcoffset().total_seconds() == 0  # type: ignore[union-attr]


def test_staged_tables_live_as_long_as_their_batch(access: Opened) -> None:
    catalog = access()

    def work(batch: Batch) -> list[str]:
        batch.stage("incoming", pd.DataFrame({"key": ["a", "ü"]}))
        batch.stage("more", pa.table({"key": ["c"]}))
        assert batch.create_temp("kept", "SELECT * FROM incoming UNION ALL FROM more") == 3
        assert batch.create_temp("kept", "SELECT * FROM kept WHERE key <> ?", "a") == 2
        batch.execute("INSERT INTO keys SELECT 1, 0, key FROM kept ORDER BY key")
        return names(batch)

    assert catalog.write(work) == ["c", "ü"]
    for name in ("incoming", "more", "kept"):
        with pytest.raises(CatalogError, match=name):
            catalog.read(lambda b, name=name: b.rows(f"FROM {name}"))


def test_threads_take_turns_and_lose_nothing(access: Opened) -> None:
    one, two = access(), access()
    start = one.sequence()

    def write(catalog: Catalog, name: str) -> None:
        for n in range(15):
            catalog.write(put(f"{name}{n}"))
            assert catalog.read(names).count(f"{name}{n}") == 1

    threads = [
        threading.Thread(target=write, args=(c, name)) for name, c in zip("abcd", [one, one, two, two], strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.read(names)) == sorted(f"{name}{n}" for name in "abcd" for n in range(15))
    assert one.sequence() == start + 60


def test_a_closed_catalog_says_so(access: Opened) -> None:
    catalog = access()
    catalog.close()
    catalog.close()
    with pytest.raises(CatalogError, match="closed"):
        catalog.read(names)


def test_a_batch_inside_a_batch_is_refused(access: Opened) -> None:
    catalog = access()
    with pytest.raises(CatalogError, match="inside a batch"):
        catalog.read(lambda b: catalog.read(names))
