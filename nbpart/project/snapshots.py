"""Snapshots of code: the notebook that the runs of an asset execute, and the local modules that it imports."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbpart.assets.code import CodeVersion
from nbpart.assets.definition import AssetDefinition
from nbpart.assets.modules.scripts import is_script
from nbpart.partitions.names import MAX_NAME_BYTES
from nbpart.storage import write_bytes_atomic
from nbpart.storage.own_files import make_folder


def write_snapshots(
    root: Path, definition: AssetDefinition, notebook: Mapping[str, Any] | None, code: CodeVersion | None
) -> None:
    """Write the snapshots of an asset's code below the workspace ``root``; files that are there with that text stay."""
    if definition.snapshot is not None:
        text = json.dumps(notebook, indent=1, ensure_ascii=False)
        _write_once(root, root / definition.snapshot, text)
    for module in code.modules if code else ():
        _write_once(root, root / name_module_snapshot(module.name, module.source), module.source)


def name_module_snapshot(name: str, source: str) -> str:
    """The path of a module's snapshot, relative to the workspace: the same for the same name and source."""
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    if is_script(name):
        digest = hashlib.sha256(f"{name}\n{source}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        name = "_script"
    if len(name.encode()) > MAX_NAME_BYTES:  # packages in packages; the digest of both tells them apart
        digest = hashlib.sha256(f"{name}\n{source}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        name = name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    return f"code/_modules/{name}-{digest}.py"


def _write_once(root: Path, path: Path, text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    make_folder(root, path.parent)
    if path.is_symlink() or not path.exists() or path.read_bytes() != content:
        write_bytes_atomic(path, content)
