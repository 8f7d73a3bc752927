"""An executed notebook as text, in the form in which nbformat writes one."""

from __future__ import annotations

import json
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
    try:
        return _encode(strip_transient(split_lines(_copy_what_is_split(notebook))), "\n")  # type: ignore[no-untyped-call]
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


def _encode(value: Any, newline: str) -> str:
    """As `json.dumps` with an indent of 1 and its keys sorted; newline: with the indent of what holds the value."""
    if isinstance(value, str):
        return encode_basestring(value)
    if not isinstance(value, dict | list | tuple):
        return json.dumps(value)
    inner = newline + " "
    if isinstance(value, dict):
        parts = [f"{encode_basestring(key)}: {_encode(value[key], inner)}" for key in sorted(value)]
        begin, end = "{", "}"
    else:
        parts = [_encode(item, inner) for item in value]
        begin, end = "[", "]"
    return f"{begin}{inner}{f',{inner}'.join(parts)}{newline}{end}" if parts else begin + end
