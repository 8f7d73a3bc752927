"""An executed notebook as text, in the form in which nbformat writes one."""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4.rwbase import split_lines, strip_transient


def write_notebook(notebook: Any) -> str:
    """What `nbformat.writes` gives, without its check of the form, and without a copy of all that the notebook holds.

    nbformat encodes by Python code that walks a notebook piece by piece; for a notebook of a few cells that was a
    tenth of all that its run cost. Raises what nbformat raises for a value that is no JSON.
    """
    pieces: list[str] = []
    try:
        shown = strip_transient(split_lines(_copy_what_is_split(notebook)))  # type: ignore[no-untyped-call]
        _encode(shown, "\n", pieces.append)
        return "".join(pieces)
    except TypeError:  # bytes, or a key that is no text
        text: str = nbformat.writes(nbformat.from_dict(notebook))  # type: ignore[no-untyped-call]
        return text


def _copy_what_is_split(notebook: Any) -> Any:
    """A notebook in which texts can be replaced by their lines while the given one stays as it is."""
    copied = _copy(notebook)
    copied["metadata"] = _copy(copied["metadata"])
    copied["cells"] = [_copy(cell) for cell in copied["cells"]]
    for cell in copied["cells"]:
        cell["metadata"] = _copy(cell["metadata"])
        if "attachments" in cell:
            cell["attachments"] = _copy({name: _copy(bundle) for name, bundle in cell["attachments"].items()})
        if "outputs" in cell:
            cell["outputs"] = [_copy(output) for output in cell["outputs"]]
            for output in cell["outputs"]:
                if "data" in output:
                    output["data"] = _copy(output["data"])
    return copied


def _copy(mapping: Any) -> Any:
    copied = NotebookNode()  # type: ignore[no-untyped-call]
    dict.update(copied, mapping)  # a node would go through what it is given
    return copied


def _encode(value: Any, newline: str, write: Callable[[str], None]) -> None:
    """As `json.dumps` with an indent of 1 and its keys sorted; newline: with the indent of what holds the value."""
    if isinstance(value, str):
        write(encode_basestring(value))
    elif not isinstance(value, dict | list | tuple):
        write(json.dumps(value))
    elif not value:
        write("{}" if isinstance(value, dict) else "[]")
    elif isinstance(value, dict):
        start, inner = "{", f"{newline} "
        for key in sorted(value):
            write(f"{start}{inner}{encode_basestring(key)}: ")
            _encode(value[key], inner, write)
            start = ","
        write(f"{newline}}}")
    else:
        start, inner = "[", f"{newline} "
        for item in value:
            write(f"{start}{inner}")
            _encode(item, inner, write)
            start = ","
        write(f"{newline}]")
