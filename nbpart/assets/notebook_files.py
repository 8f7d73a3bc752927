"""Reading notebook files as leniently as Jupyter does, with errors that say what is wrong with a file."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbpart.assets.nbformat_import import load_nbformat
from nbpart.assets.text_notebooks import TEXT_SUFFIXES, parse_text
from nbpart.errors import DeclarationError, ExtraRequiredError

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_MINOR = 5


def read_notebook_file(path: str | os.PathLike[str]) -> Any:
    """The notebook in a file; see `read_notebook`. A script in cells and Markdown are read as notebooks too.

    Raises OSError, ValueError where the file is no notebook, and ExtraRequiredError for text without jupytext.
    """
    place = Path(path)
    return read_notebook_content(place.read_bytes(), place.suffix)


def read_notebook_content(content: bytes, suffix: str) -> Any:
    """The notebook that is the content of a file whose name ends so; see `read_notebook_file`."""
    if suffix in TEXT_SUFFIXES:
        return load_nbformat().from_dict(_mend(parse_text(content, suffix)))
    return read_notebook(content)


def read_notebook(content: bytes) -> Any:
    """The notebook of any format that is the content of a file, as a NotebookNode of format 4.5.

    What is missing, null or of another type in its metadata is left out, as front ends have it; a byte order mark and
    line ends of Windows do not count. Cells without an id, or with one that stands twice, are given one, the same each
    time. Raises ValueError that says what is wrong where it is no notebook.
    """
    nbformat = load_nbformat()
    try:
        data = json.loads(content)  # which finds out the encoding by itself
    except RecursionError as error:
        raise ValueError("its JSON is nested too deeply") from error
    if not isinstance(data, dict):
        raise ValueError(f"it holds a JSON {type(data).__name__} and not a notebook")
    major = _read_major(data)
    if major == 4:
        return nbformat.from_dict(_mend(data))
    try:
        upgraded = nbformat.convert(nbformat.reader.reads(json.dumps(data)), 4)
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"a notebook of format {major} that cannot be read: {reason}") from error
    for cell in upgraded.cells:
        cell.pop("id", None)
    return nbformat.from_dict(_mend(upgraded))


def read_declared_notebook(asset: str, path: Path) -> Any:
    """The notebook of an asset as in `read_notebook_file`; DeclarationError that names both for what is none."""
    if not path.is_file():
        raise DeclarationError(f"asset {asset!r}: there is no notebook at {path}.")
    try:
        return read_notebook_file(path)
    except ExtraRequiredError as error:
        raise ExtraRequiredError(f"asset {asset!r}, {path.name}: {error}") from error
    except (OSError, ValueError) as error:
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0][:200]
        raise DeclarationError(f"asset {asset!r}: {path} is no notebook that Jupyter could read ({reason}).") from error


def _read_major(data: Mapping[str, Any]) -> int:
    major = data.get("nbformat")
    if isinstance(major, str | float) and str(major).partition(".")[0].isdigit():
        major = int(str(major).partition(".")[0])
    if not isinstance(major, int) or isinstance(major, bool):
        if "cells" not in data and "worksheets" not in data:
            raise ValueError("it has neither cells nor a format, so it is no notebook")
        major = 4 if "cells" in data else 3
    if major > 4:
        raise ValueError(f"it is of notebook format {major}, which is newer than 4")
    return major


def _mend(data: Mapping[str, Any]) -> dict[str, Any]:
    cells = data.get("cells")
    if not isinstance(cells, list):
        raise ValueError("it has no list of cells")
    mended = [_mend_cell(cell, number) for number, cell in enumerate(cells, 1)]
    _give_ids(mended)
    metadata = _mend_metadata(data.get("metadata"))
    return {"cells": mended, "metadata": metadata, "nbformat": 4, "nbformat_minor": _MINOR}


def _mend_metadata(given: Any) -> dict[str, Any]:
    metadata = dict(given) if isinstance(given, Mapping) else {}
    for name in ("kernelspec", "language_info"):
        if name in metadata:
            metadata[name] = _keep_texts(metadata[name], ("name", "display_name", "language"))
            if not metadata[name].get("name") and not metadata[name].get("language"):
                del metadata[name]
    if "kernelspec" in metadata:
        metadata["kernelspec"].setdefault("display_name", metadata["kernelspec"].get("name", ""))
    for name in ("papermill", "nbpart", "widgets"):
        if not isinstance(metadata.get(name, {}), Mapping):
            del metadata[name]
    for name in ("orig_nbformat", "orig_nbformat_minor", "signature"):
        metadata.pop(name, None)
    return metadata


def _keep_texts(given: Any, names: Iterable[str]) -> dict[str, Any]:
    """A mapping without those of these names that are no text; {} for what is no mapping."""
    if not isinstance(given, Mapping):
        return {}
    return {name: value for name, value in given.items() if name not in names or isinstance(value, str)}


def _mend_cell(given: Any, number: int) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError(f"its cell {number} is a JSON {type(given).__name__}")
    kind = given.get("cell_type")
    if not isinstance(kind, str):
        raise ValueError(f"its cell {number} has no type")
    cell = dict(given)
    cell["source"] = _read_source(given.get("source"), number)
    cell["metadata"] = _mend_cell_metadata(given.get("metadata"))
    if not isinstance(cell.get("attachments", {}), Mapping):
        del cell["attachments"]
    if kind == "code":
        outputs, count = given.get("outputs"), given.get("execution_count")
        cell["outputs"] = [o for o in outputs if isinstance(o, Mapping)] if isinstance(outputs, list) else []
        cell["execution_count"] = count if isinstance(count, int) else None
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    return cell


def _read_source(given: Any, number: int) -> str:
    lines = [given] if isinstance(given, str) else given or []
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ValueError(f"the source of its cell {number} is no text")
    return "".join(lines).replace("\r\n", "\n")


def _mend_cell_metadata(given: Any) -> dict[str, Any]:
    metadata = dict(given) if isinstance(given, Mapping) else {}
    if "tags" in metadata:
        tags = metadata["tags"]
        tags = [tags] if isinstance(tags, str) else tags if isinstance(tags, list) else []
        metadata["tags"] = [tag for tag in tags if isinstance(tag, str)]
    if not isinstance(metadata.get("papermill", {}), Mapping):
        del metadata["papermill"]
    metadata.pop("trusted", None)
    return metadata


def _give_ids(cells: list[dict[str, Any]]) -> None:
    taken = {cell["id"] for cell in cells if isinstance(cell.get("id"), str)}
    seen: set[str] = set()
    for number, cell in enumerate(cells, 1):
        own = cell.get("id")
        if not isinstance(own, str) or not _ID.fullmatch(own) or own in seen:
            free = (f"cell-{number}{end}" for end in itertools.chain([""], (f"-{n}" for n in itertools.count(2))))
            own = next(name for name in free if name not in taken)
        cell["id"] = own
        seen.add(own)
        taken.add(own)
