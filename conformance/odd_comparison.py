"""Compares two executions of an odd notebook: all that a reader of the notebook could see, but what its run makes new.

Made new are addresses, the folder, the process in the names of temporary files, and random identifiers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from conformance.odd_notebooks.notebook import OddNotebook, Outputs

_MADE_NEW = (
    (re.compile(r"\b0x[0-9a-f]{6,16}\b"), "0xADDRESS"),
    (re.compile(r"/ipykernel_\d+/"), "/ipykernel_PID/"),
)
_IDENTIFIER = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])")
_WIDGETS = "application/vnd.jupyter.widget-state+json"
#: The names of widgets that are the same but for those that they refer to are told apart by these, so far away.
_ROUNDS = 4
_MOST_SHOWN = 60
#: What papermill and nbpart write into a notebook beside its outputs.
_OF_PAPERMILL, _OF_ITS_CELLS = {"papermill", "nbpart"}, {"papermill", "execution"}
_MARK_OF_PAPERMILL = "papermill-error-cell-tag"
Parts = dict[str, Any]


def parts_of(odd: OddNotebook, executed: Mapping[str, Any], folder: str) -> Parts:
    """What is compared, by its name: each cell, the notebook's metadata and how it ended. `folder`: where it ran."""
    cells = [cell for cell in executed["cells"] if _MARK_OF_PAPERMILL not in cell["metadata"].get("tags", ())]
    parts: Parts = {f"cell {number}": _cell(odd, cell) for number, cell in enumerate(cells, 1)}
    parts["metadata"] = _without(executed["metadata"], _OF_PAPERMILL)
    parts["ending"] = [] if odd.ending_differs else executed["ending"]
    identifiers = name_widgets(executed["metadata"].get("widgets", {}).get(_WIDGETS, {}).get("state", {}))
    return {name: _replace(part, folder, identifiers) for name, part in parts.items()}


def name_widgets(state: Mapping[str, Any]) -> dict[str, str]:
    """A name for each identifier of a widget by what the widget is, as the order in which they were made is not kept.

    Widgets that are the same in all that they refer to have the same.
    """
    state = json.loads(json.dumps(state, sort_keys=True))
    names = dict.fromkeys(state, "")
    for _ in range(_ROUNDS):
        texts = {key: _with_names(json.dumps(model), names) for key, model in state.items()}
        of_its_kind: dict[str, set[str]] = {}
        for key, text in texts.items():
            of_its_kind.setdefault(state[key]["model_name"], set()).add(text)
        ranked = {kind: sorted(found) for kind, found in of_its_kind.items()}
        names = {key: f"{(kind := state[key]['model_name'])} {ranked[kind].index(texts[key])}" for key in state}
    return names


def _with_names(text: str, names: Mapping[str, str]) -> str:
    return _IDENTIFIER.sub(lambda found: names.get(found[0], "ID"), text)


def first_difference(one: Any, other: Any, path: str = "") -> str | None:
    """Where two parts differ first, and by what; None where they do not."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            if key not in one or key not in other:
                return f"{path}{key}: only {'in the second' if key in other else 'in the first'}"
            if found := first_difference(one[key], other[key], f"{path}{key}, "):
                return found
        return None
    if isinstance(one, list) and isinstance(other, list):
        for index, (left, right) in enumerate(zip(one, other, strict=False)):
            if found := first_difference(left, right, f"{path}{index}, "):
                return found
        if len(one) != len(other):
            more = (one if len(one) > len(other) else other)[min(len(one), len(other))]
            return f"{path}{len(one)} / {len(other)} of them, more: {_short(more)}"
        return None
    if type(one) is type(other) and one == other:
        return None
    if isinstance(one, str) and isinstance(other, str):
        place = next((n for n, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
        begin = max(0, (min(len(one), len(other)) if place is None else place) - 20)
        return f"{path}at {begin}: {_short(one[begin:])} / {_short(other[begin:])}"
    return f"{path}{_short(one)} / {_short(other)}"


def _cell(odd: OddNotebook, cell: Mapping[str, Any]) -> dict[str, Any]:
    outputs: Outputs = cell.get("outputs", [])
    for normalization in odd.may_differ:
        outputs = normalization(outputs)
    return {
        "source": cell["source"],
        "count": cell.get("execution_count"),
        "metadata": _without(cell["metadata"], _OF_ITS_CELLS),
        "outputs": outputs,
    }


def _without(record: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in names}


def _replace(part: Any, folder: str, identifiers: dict[str, str]) -> Any:
    """With what a run makes new replaced; identifiers by their number in the order in which they come."""
    if isinstance(part, dict):
        changed: dict[str, Any] = {}
        for key, value in part.items():
            name = _replace(key, folder, identifiers)
            while name in changed:  # as those of widgets that are the same
                name += " again"
            changed[name] = _replace(value, folder, identifiers)
        return changed
    if isinstance(part, list):
        return [_replace(each, folder, identifiers) for each in part]
    if not isinstance(part, str):
        return part
    text = part.replace(folder, "FOLDER")
    for pattern, by in _MADE_NEW:
        text = pattern.sub(by, text)
    return _IDENTIFIER.sub(lambda found: identifiers.setdefault(found[0], f"ID{len(identifiers)}"), text)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return ascii(text[:_MOST_SHOWN]) + ("..." if len(text) > _MOST_SHOWN else "")
