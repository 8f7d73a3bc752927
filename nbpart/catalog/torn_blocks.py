"""Catalogs of which a block was half written when its process was killed.

A checkpoint of DuckDB writes its new metadata beside the old into a block that holds both, with one checksum, and then
the header that names the new. A process that is killed while it writes such a block leaves old and new parts under a
checksum that fits neither, and DuckDB opens the file no more. What the header names is whole: nobody changed it, the
half written rest is what the next checkpoint writes again, and what was committed is in the log, which goes only when
a checkpoint is done. So the checksum of what is there makes the file what it was before that checkpoint.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from nbpart.errors import CatalogError

log = logging.getLogger("nbpart")

_MISMATCH = re.compile(r"computed checksum (\d+) does not match stored checksum (\d+) in block at location (\d+)")
_CHECKSUM_BYTES = 8


@dataclass(frozen=True)
class TornBlock:
    """A block by its place in the file, the checksum that stands there, and that of what it holds."""

    place: int
    stored: int
    computed: int


class TornBlockError(CatalogError):
    """A catalog has such a block, and the log of the checkpoint that did not end."""

    def __init__(self, message: str, block: TornBlock) -> None:
        super().__init__(message)
        self.block = block


def find_torn_block(error: Exception, catalog: Path) -> TornBlock | None:
    """The block that keeps a file from being attached; None where no checkpoint was under way: then it is damaged."""
    found = _MISMATCH.search(str(error))
    wal = catalog.with_name(f"{catalog.name}.wal")
    if found is None or not wal.is_file() or not wal.stat().st_size:
        return None
    computed, stored, place = map(int, found.groups())
    return TornBlock(place, stored, computed)


def mend(catalog: Path, block: TornBlock) -> None:
    """Write the checksum of what a block holds, under the exclusive lease; nothing where somebody else did so."""
    descriptor = os.open(catalog, os.O_RDWR | os.O_NOFOLLOW)
    try:
        if os.pread(descriptor, _CHECKSUM_BYTES, block.place) != block.stored.to_bytes(_CHECKSUM_BYTES, "little"):
            return
        os.pwrite(descriptor, block.computed.to_bytes(_CHECKSUM_BYTES, "little"), block.place)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    log.warning(
        "The catalog %s was left half written by a process that was killed; it is again what was committed.", catalog
    )
