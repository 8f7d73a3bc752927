"""Versions of code as the workspace kept them: the notebook that ran, and the local modules beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbpart.assets.code_changes import KeptCode
from nbpart.assets.definition import AssetDefinition
from nbpart.assets.notebook_files import read_notebook
from nbpart.backfill.registry import Node
from nbpart.catalog import Batch
from nbpart.catalog.queries.origins import find_version
from nbpart.storage.own_files import find_own, read_own

#: So much of a notebook or module is compared.
_MOST_BYTES = 1 << 26


def read_kept_code(batch: Batch, root: Path, node: Node, version: str | None) -> KeptCode | None:
    """A version of an asset's code as the workspace kept it; None where it is not known."""
    stored = find_version(batch, node.asset_id, version)
    return None if stored is None else read_code(root, AssetDefinition.from_json(stored))


def read_code(root: Path, definition: AssetDefinition) -> KeptCode:
    """A version of code as the workspace kept it; what is gone or cannot be read is left out."""
    kept = _read(root, definition.snapshot)
    modules = {name: _read(root, snapshot) for name, (snapshot, _) in definition.modules.items()}
    sources = {name: _decode(content) for name, content in modules.items() if content is not None}
    return KeptCode(
        definition,
        None if kept is None else _parse_notebook(kept),
        {name: source for name, source in sources.items() if source is not None},
    )


def _read(root: Path, path: str | None) -> bytes | None:
    if path is None:
        return None
    try:
        return read_own(find_own(root, path, "a version of code"), _MOST_BYTES)
    except OSError:
        return None


def _parse_notebook(content: bytes) -> Any:
    try:
        return read_notebook(content)
    except (ValueError, RecursionError):  # somebody wrote over it
        return None


def _decode(content: bytes) -> str | None:
    try:
        return content.decode("utf-8", errors="surrogatepass")
    except UnicodeDecodeError:
        return None
