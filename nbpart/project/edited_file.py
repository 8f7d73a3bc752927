"""The file of a person that an edit begins from and is saved to, and where the source of a function is."""

from __future__ import annotations

import ast
import os
import stat
from pathlib import Path
from typing import Any

from nbpart.assets.definition import AssetDefinition
from nbpart.assets.names import Definition, parse
from nbpart.assets.notebook_files import read_declared_notebook, read_notebook_content
from nbpart.assets.sources import read_source
from nbpart.project.working_copy import MOST_BYTES
from nbpart.storage import write_atomic
from nbpart.storage.own_files import find_own, read_own


def read_base(definition: AssetDefinition, root: Path) -> tuple[bytes, Any]:
    """The content of the person's file, and its notebook; of a function those of the notebook that runs it."""
    if definition.kind == "notebook":
        place = Path(definition.path or "")
        read_declared_notebook(definition.name, place)  # which says what is wrong with it
        content, suffix = read_file(place), place.suffix
    else:
        snapshot = find_own(root, definition.snapshot or "", f"asset {definition.name!r}")
        content, suffix = read_own(snapshot, MOST_BYTES), ".ipynb"
    return content, read_notebook_content(content, suffix)


def read_file(place: Path) -> bytes:
    """The content of a person's file."""
    return place.read_bytes()


def replace_content(place: Path, content: bytes) -> None:
    """Write a person's file in one step, with the permissions that it has; a link to it stays a link."""
    real = Path(os.path.realpath(place))
    mode = stat.S_IMODE(real.stat().st_mode)

    def write(temporary: Path) -> None:
        temporary.write_bytes(content)
        temporary.chmod(mode)

    write_atomic(real, write)


def locate_source(definition: AssetDefinition) -> str:
    """Where the source of a function is, as the rest of a sentence."""
    name = definition.origin.removeprefix(f"{definition.module}.").partition(".")[0]
    if not definition.module:
        name = definition.origin.rpartition(".")[2]
        return f"edit the cell that defines {name!r} and execute that; what was tried here is not saved."
    path = Path(definition.modules[definition.module][1])
    try:
        body: list[ast.stmt] = parse(read_source(path)).body
    except (OSError, SyntaxError):
        body = []
    found = next((each for each in body if isinstance(each, Definition) and each.name == name), None)
    return f"edit it at {path}{f':{found.lineno}' if found else ''}; what was tried here is not saved."
