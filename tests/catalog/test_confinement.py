"""A catalog that somebody else made: DuckDB keeps code in its files, and none of it may run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from nbpart.catalog import Catalog
from nbpart.errors import CatalogError

SECRET = "a line of a file that is nobody's business"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret.txt"
    file.write_text(SECRET)
    return file


@pytest.fixture
def craft(path: Path) -> Callable[..., None]:
    """Change a catalog as somebody does who has DuckDB and an idea."""
    Catalog.open(path).close()

    def craft(*statements: str) -> None:
        connection = duckdb.connect(path)
        for statement in statements:
            connection.execute(statement)
        connection.close()

    return craft


CRAFTED = [
    ("view 'keys'", ["DROP TABLE keys", "CREATE VIEW keys AS SELECT 1 AS key_id, content AS key FROM $file"]),
    ("view 'meta'", ["ALTER TABLE meta RENAME TO m", "CREATE VIEW meta AS SELECT m.* FROM m, $file"]),
    ("macro 'lower'", ["CREATE MACRO lower(x) AS (SELECT content FROM $file)"]),
    ("macro 'range'", ["CREATE MACRO range(n) AS TABLE SELECT content FROM $file"]),
    ("table 'keys'", ["ALTER TABLE keys ALTER key SET DEFAULT 'x'"]),
    ("table 'keys'", ["ALTER TABLE keys ADD COLUMN more VARCHAR DEFAULT (md5('x'))"]),
    ("table 'meta'", ["DROP TABLE meta", "CREATE TABLE meta (name VARCHAR, value AS (name || '1'))"]),
    ("table 'members'", ["DROP TABLE members", "CREATE TABLE members (set_id INT CHECK (set_id > 0))"]),
    ("table 'ticks'", ["DROP TABLE ticks", "CREATE TABLE ticks (sensor_id INT PRIMARY KEY)"]),
    ("table 'a b'", ['CREATE TABLE "a b" ("c ""d" VARCHAR, e AS (1))']),
    ("index 'here'", ["CREATE INDEX here ON keys (key_id)"]),
    ("sequence 'numbers'", ["CREATE SEQUENCE numbers"]),
    ("type 'kinds'", ["CREATE TYPE kinds AS ENUM ('a')"]),
    ("schema 'temp2'", ["CREATE SCHEMA temp2"]),
]


@pytest.mark.parametrize(("what", "statements"), CRAFTED, ids=[f"{what}-{n}" for n, (what, _) in enumerate(CRAFTED)])
def test_what_computes_is_refused(
    craft: Callable[..., None], path: Path, secret: Path, what: str, statements: list[str]
) -> None:
    craft(*(statement.replace("$file", f"read_text('{secret}')") for statement in statements))
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="left as it is") as caught:
        Catalog.open(path)
    assert what in str(caught.value)
    assert SECRET not in str(caught.value)
    assert path.read_bytes() == before


def test_a_table_of_somebody_is_left_alone(craft: Callable[..., None], path: Path) -> None:
    craft('CREATE TABLE "my notes" ("at, last" TIMESTAMPTZ NOT NULL, n DECIMAL(9, 2), texts VARCHAR[], "x""y" HUGEINT)')
    catalog = Catalog.open(path)
    assert catalog.read(lambda batch: batch.rows("SELECT key FROM keys")) == [("",)]
    catalog.close()


@pytest.mark.skipif(duckdb.__version__.startswith("1."), reason="DuckDB 1 has no triggers")
def test_a_trigger_is_refused(path: Path, tmp_path: Path) -> None:
    Catalog.open(path).close()
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{path}' AS ours; ATTACH '{tmp_path / 'new'}' AS crafted (STORAGE_VERSION 'v2.0.0')")
    connection.execute("COPY FROM DATABASE ours TO crafted; USE crafted")
    connection.execute("CREATE TRIGGER t AFTER INSERT ON keys FOR EACH STATEMENT DELETE FROM members")
    connection.close()
    (tmp_path / "new").replace(path)
    with pytest.raises(CatalogError, match="trigger 't'"):
        Catalog.open(path)


def test_the_catalog_of_a_trusted_workspace_is_checked_for_tables_alone(craft: Callable[..., None], path: Path) -> None:
    craft("CREATE MACRO spare() AS 1")
    asked: list[str] = []
    catalog = Catalog.open(path, is_known=lambda workspace_id: not asked.append(workspace_id))
    assert asked == [catalog.workspace_id]
    catalog.close()
    craft("CREATE VIEW others AS SELECT 1")
    with pytest.raises(CatalogError, match="view 'others'"):
        Catalog.open(path, is_known=lambda workspace_id: True)


def test_a_catalog_that_replaces_an_open_one_is_checked_too(catalog: Catalog, path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(path.read_bytes())
    connection = duckdb.connect(other)
    connection.execute("CREATE MACRO count(x) AS 7")
    connection.close()
    other.replace(path)
    with pytest.raises(CatalogError, match="macro 'count'"):
        catalog.read(lambda batch: batch.rows("FROM keys"))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT content FROM read_text('{file}')",
        "SELECT * FROM read_csv('{file}')",
        "FROM '{file}'",
        "SELECT * FROM glob('{file}*')",
        "COPY (SELECT 1) TO '{file}.csv'",
        "ATTACH '{file}.db' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET autoload_known_extensions = true",
        "EXPORT DATABASE '{file}.d'",
    ],
)
@pytest.mark.parametrize("writes", [False, True], ids=["read", "write"])
def test_a_batch_reaches_nothing_but_the_catalog(catalog: Catalog, secret: Path, statement: str, writes: bool) -> None:
    around = sorted(secret.parent.iterdir())
    with pytest.raises(CatalogError):
        (catalog.write if writes else catalog.read)(lambda batch: batch.rows(statement.format(file=secret)))
    assert sorted(secret.parent.iterdir()) == around
    assert catalog.read(lambda batch: batch.rows("SELECT key FROM keys")) == [("",)]
