"""A block of metadata that is half written, as a process leaves it that is killed in the middle of a checkpoint."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from nbpart.catalog import Catalog, events, queries
from nbpart.errors import CatalogError
from nbpart.partitions import DynamicPartitions

#: Three headers of one part each, then blocks; the second and the third name the block that metadata begin in.
PART, BLOCK_BYTES = 4_096, 262_144

LEAVES_ITS_LOG = """
import os, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("INSERT INTO meta VALUES ('note', 'committed')")
os._exit(0)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A catalog with a set of one key, closed."""
    path = tmp_path / "catalog.duckdb"
    catalog = Catalog.open(path)
    set_id = catalog.write(lambda b: events.ensure_set(b, DynamicPartitions("files")))
    catalog.write(lambda b: events.add_keys(b, set_id, ["a"]))
    catalog.close()
    return path


def tear(path: Path) -> None:
    """Write into the last part of the block of the metadata, in which there are none yet."""
    with path.open("r+b") as file:
        content = file.read(3 * PART)
        headers = [struct.unpack_from("<QQ", content, place + 8) for place in (PART, 2 * PART)]
        block = max(headers)[1] & ((1 << 56) - 1)
        file.seek(3 * PART + (block + 1) * BLOCK_BYTES - PART)
        file.write(bytes(range(256)) + bytes(PART - 512) + bytes(range(256)[::-1]))


@pytest.mark.parametrize("first", ["read", "write"])
def test_a_half_written_block_is_what_it_was_and_what_was_committed_is_there(
    path: Path, first: str, caplog: pytest.LogCaptureFixture
) -> None:
    subprocess.run([sys.executable, "-c", LEAVES_ITS_LOG, path], check=True, timeout=60)
    assert path.with_name(f"{path.name}.wal").stat().st_size
    tear(path)
    catalog = Catalog.open(path)
    note = "SELECT value FROM meta WHERE name = 'note'"
    asked = catalog.read if first == "read" else catalog.write
    assert asked(lambda b: b.value(note)) == "committed"
    assert "left half written by a process that was killed" in caplog.text
    set_id = catalog.read(lambda b: b.value("SELECT set_id FROM partition_sets WHERE name = 'files'"))
    catalog.write(lambda b: events.add_keys(b, set_id, ["b"]))
    assert catalog.read(lambda b: queries.load_members(b, set_id, 0, 9)) == ["a", "b"]
    catalog.close()
    again = Catalog.open(path)
    assert again.read(lambda b: b.value(note)) == "committed"
    again.close()


def test_a_damaged_block_without_a_checkpoint_is_left_as_it_is(path: Path) -> None:
    tear(path)
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="cannot be read as a catalog and is left as it is"):
        Catalog.open(path)
    assert path.read_bytes() == before
