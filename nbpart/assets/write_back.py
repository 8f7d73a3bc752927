"""Writing the cells of an edited copy of a notebook back to the file that a person keeps, and nothing else.

What did not change stays as it is in the file, down to its bytes: cells, their outputs, ids and metadata, the layout of
its JSON, of a text its header and blank lines. A cell that changed has no outputs, since these were of other code.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from nbpart.assets.cells import source_of
from nbpart.assets.notebook_files import read_notebook_content
from nbpart.assets.text_notebooks import TEXT_SUFFIXES, parse_text, read_text, spell_text
from nbpart.errors import DeclarationError

Cell = Mapping[str, Any]
#: What front ends write beside a cell as they show or execute it.
_PASSING = frozenset({"execution", "ExecuteTime", "papermill", "scrolled", "collapsed", "trusted", "vscode", "nbpart"})

_PYTHON = {"display_name": "Python 3", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class WrittenBack:
    """The ``content`` of the file as it shall be; ``changed`` counts its cells that are new or other, ``removed`` those
    that are gone, ``is_moved`` says that cells are in another order."""

    content: bytes
    changed: int = 0
    removed: int = 0
    is_moved: bool = False

    @property
    def is_change(self) -> bool:
        return bool(self.changed or self.removed or self.is_moved)


def write_back(content: bytes, suffix: str, cells: Sequence[Cell]) -> WrittenBack:
    """The file with this content and these cells instead of its own; the same bytes where no cell differs.

    Cells are known by their ids, those of `read_notebook_content`, or else by their source. Raises `DeclarationError`
    for a notebook of an old format, `ValueError` for what is none.
    """
    own: Sequence[Cell] = read_notebook_content(content, suffix)["cells"]
    places = _match(own, cells)
    pairs = [(cell, None if place is None else own[place]) for cell, place in zip(cells, places, strict=True)]
    changed = sum(before is None or _differs(before, cell) for cell, before in pairs)
    kept = [place for place in places if place is not None]
    result = WrittenBack(content, changed, len(own) - len(kept), kept != sorted(kept))
    if not result.is_change:
        return result
    write = _write_text if suffix in TEXT_SUFFIXES else _write_json
    return WrittenBack(write(content, suffix, pairs, places), changed, result.removed, result.is_moved)


def _match(own: Sequence[Cell], cells: Sequence[Cell]) -> list[int | None]:
    """For each cell the place of the one of the file that it is; None for a new one."""
    by_id = {cell["id"]: place for place, cell in enumerate(own)}
    found: list[int | None] = []
    for cell in cells:
        place = by_id.get(cell.get("id"))
        found.append(None if place in found else place)
    free = [place for place in range(len(own)) if place not in found]
    for n, cell in enumerate(cells):
        if found[n] is None:
            equal = (
                p for p in free if (own[p]["cell_type"], source_of(own[p])) == (cell["cell_type"], source_of(cell))
            )
            if (place := next(equal, None)) is not None:
                found[n] = place
                free.remove(place)
    return found


def _differs(before: Cell, after: Cell) -> bool:
    return (
        before["cell_type"] != after["cell_type"]
        or source_of(before) != source_of(after)
        or bool(dict(_metadata_changes(before, after)))
        or before.get("attachments", {}) != after.get("attachments", {})
    )


def _metadata_changes(before: Cell, after: Cell) -> Iterator[tuple[str, Any]]:
    """What a cell's metadata says otherwise than before, None for what is gone, without what front ends note there."""
    old, new = before.get("metadata", {}), after.get("metadata", {})
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in _PASSING and old.get(name) != new.get(name):
            yield name, new.get(name)


def _change(own: dict[str, Any], before: Cell, after: Cell) -> dict[str, Any]:
    """A cell of the file as it is after the edit, in the form that it has there."""
    made = dict(own)
    if source_of(before) != source_of(after) or before["cell_type"] != after["cell_type"]:
        made["source"] = _spell_source(source_of(after), isinstance(own.get("source"), list))
        made["cell_type"] = after["cell_type"]
        made.pop("outputs", None)
        made.pop("execution_count", None)
        if after["cell_type"] == "code":
            made |= {"outputs": [], "execution_count": None}
    metadata = dict(own.get("metadata") or {})
    for name, value in _metadata_changes(before, after):
        metadata |= {name: value}
        if value is None:
            del metadata[name]
    made["metadata"] = metadata
    if before.get("attachments", {}) != after.get("attachments", {}):
        made["attachments"] = after.get("attachments", {})
    # in the order that it has in the file, what is new as Jupyter sorts it
    return {name: made[name] for name in [*(n for n in own if n in made), *sorted(n for n in made if n not in own)]}


def _new_cell(cell: Cell, *, as_lines: bool, with_id: bool) -> dict[str, Any]:
    kept = {name: value for name, value in cell.get("metadata", {}).items() if name not in _PASSING}
    made: dict[str, Any] = {"cell_type": cell["cell_type"], "metadata": kept}
    made["source"] = _spell_source(source_of(cell), as_lines)
    made |= {"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {}
    made |= {"id": cell["id"]} if with_id else {}
    made |= {"attachments": cell["attachments"]} if cell.get("attachments") else {}
    return dict(sorted(made.items()))


def _spell_source(source: str, as_lines: bool) -> str | list[str]:
    return source.splitlines(keepends=True) if as_lines else source


def _write_json(
    content: bytes, _: str, pairs: Sequence[tuple[Cell, Cell | None]], places: Sequence[int | None]
) -> bytes:
    text = content.decode("utf-8-sig")
    notebook: dict[str, Any] = json.loads(text)
    own = notebook.get("cells")
    if not isinstance(own, list):
        raise DeclarationError("is of a notebook format before 4: open it in JupyterLab and save it, then edit it.")
    as_lines = any(isinstance(cell.get("source"), list) for cell in own) or not own
    with_id = any("id" in cell for cell in own) or not own
    notebook["cells"] = [
        _new_cell(cell, as_lines=as_lines, with_id=with_id)
        if before is None or place is None
        else (_change(own[place], before, cell) if _differs(before, cell) else own[place])
        for (cell, before), place in zip(pairs, places, strict=True)
    ]
    indent = re.search(r"^\{\r?\n([ \t]+)\"", text)
    escapes = text.isascii() and "\\u" in text
    spelled = json.dumps(notebook, indent=indent[1] if indent else None, ensure_ascii=escapes)
    spelled += text[len(text.rstrip()) :]
    spelled = spelled.replace("\n", "\r\n") if "\r\n" in text else spelled
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    return mark + spelled.encode("utf-8", "surrogatepass")


def _write_text(
    content: bytes, suffix: str, pairs: Sequence[tuple[Cell, Cell | None]], places: Sequence[int | None]
) -> bytes:
    text, notebook = read_text(content, suffix), parse_text(content, suffix)
    about = notebook["metadata"]
    # jupytext keeps out of a text what it has none of: a header, and metadata of cells, which may come now
    own_filter = {name: value for name, value in about.get("jupytext", {}).items() if name != "cell_metadata_filter"}
    notebook["metadata"] = {**about, "jupytext": own_filter}
    own = notebook["cells"]
    cells = [
        _new_cell(cell, as_lines=False, with_id=False)
        if before is None or place is None
        else _change(dict(own[place]), before, cell)
        for (cell, before), place in zip(pairs, places, strict=True)
    ]
    before, after = spell_text(notebook, suffix), spell_text({**notebook, "cells": cells}, suffix)
    wanted = [(cell["cell_type"], source_of(cell).strip()) for cell in cells]
    # without a header the language of Markdown is that of most of its cells, which may have changed with them
    said = {"kernelspec": _PYTHON, **{name: value for name, value in about.items() if name != "jupytext"}}
    headed = spell_text({**notebook, "metadata": said, "cells": cells}, suffix)
    for spelled in (_apply_changes(text, before, after), after, headed):
        if spelled is not None and _reads_as(spelled, suffix, wanted):
            spelled = spelled.replace("\n", "\r\n") if b"\r\n" in content else spelled
            mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
            return mark + spelled.encode("utf-8")
    raise DeclarationError(
        f"cannot be written as {suffix}: there one of these cells would be read as another, or as several; look for a "
        "line in it that begins a cell."
    )


def _reads_as(text: str, suffix: str, wanted: Sequence[tuple[str, str]]) -> bool:
    """Whether a text is read as cells of these kinds and sources; empty ones do not count."""
    try:
        found = [(cell["cell_type"], source_of(cell).strip()) for cell in parse_text(text.encode(), suffix)["cells"]]
    except ValueError:
        return False
    return [one for one in found if one[1]] == [one for one in wanted if one[1]]


def _apply_changes(text: str, before: str, after: str) -> str | None:
    """The text with what changed from ``before``, which says the same in another layout, to ``after``.

    None where a change stands where the layouts differ.
    """
    own, old, new = (one.splitlines(keepends=True) for one in (text, before, after))
    place_of: dict[int, int] = {len(old): len(own)}
    for block in SequenceMatcher(None, old, own, autojunk=False).get_matching_blocks():
        place_of |= {block.a + n: block.b + n for n in range(block.size)}
    parts: list[str] = []
    done = 0
    for kind, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        begin = place_of.get(first)
        stop = begin if first == last or begin is None else place_of.get(last - 1, -2) + 1
        if begin is None or stop is None or not done <= begin <= stop:
            return None
        parts += [*own[done:begin], *new[start:end]]
        done = stop
    return "".join([*parts, *own[done:]])
