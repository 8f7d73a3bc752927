"""What each widget and its pages say to each other: the one list of actions and patches, for both sides.

Python answers what stands here and nothing else; the types by which JavaScript asks are made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbpart.states import STATUS_CODES
from nbpart.widgets import payloads, schema
from nbpart.widgets.explorer_model import STATUS_CHOICES
from nbpart.widgets.heatmap_state import MAX_KEYS, MAX_RANGES
from nbpart.widgets.schema import Check

_NUMBER = schema.whole_number(0, 2**53)
_PLACE = schema.whole_number(0, 2**31)
_RUN_ID = schema.text(200)


@dataclass(frozen=True, slots=True)
class Action:
    """What a page may ask for: the fields of its request, and what the answer has beside what every answer has.

    One that is ``slow`` is answered on a thread of its own, so that other widgets get their answers meanwhile.
    ``has_options`` says that the request may carry options of a backfill beside its fields, by their names.
    """

    fields: Mapping[str, Check] = field(default_factory=dict)
    answer: type = payloads.EmptyJson
    slow: bool = False
    has_options: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """A widget's state, the patches of it by kind, and the actions.

    A kind of ``partial`` carries some fields of its payload.
    """

    state: type
    patches: Mapping[str, type]
    actions: Mapping[str, Action]
    partial: frozenset[str] = frozenset()


_VIEW = {"view": schema.text(100)}
#: Of every widget.
SHARED: Mapping[str, Action] = {
    "sync": Action({"seq": _NUMBER}, payloads.SyncJson),
    "view_opened": Action(_VIEW),
    "view_closed": Action(_VIEW),
}

GRAPH = Contract(
    state=payloads.GraphState,
    patches={"graph": payloads.GraphPatch, "counts": payloads.CountsPatch},
    actions={
        "fold": Action({"group": schema.text(), "folded": schema.boolean}),
        "focus": Action({"name": schema.text()}),
    },
)

MONITOR = Contract(
    state=payloads.MonitorState,
    patches={"progress": payloads.MonitorViewJson},
    partial=frozenset({"progress"}),
    actions={
        "cancel": Action(answer=payloads.ActionResultJson, slow=True),
        "retry_failed": Action(answer=payloads.ActionResultJson, slow=True),
        "resume": Action(answer=payloads.ActionResultJson, slow=True),
        "show": Action({"backfill_id": schema.text(100)}, slow=True),
    },
)

_AT = {"view": _PLACE, "band": _PLACE}
_CHOICE = {
    "color_by": schema.text(200),
    "sort_by": schema.optional(schema.text(200)),
    "statuses": schema.list_of(schema.whole_number(0, len(STATUS_CODES) - 1), len(STATUS_CODES)),
    "text": schema.text(200, empty=True),
}
_SELECTED = {
    "rows": schema.list_of(_PLACE),
    "ranges": schema.list_of(schema.pair_of(_PLACE), MAX_RANGES),
}
HEATMAP = Contract(
    state=payloads.HeatmapState,
    patches={
        "view": payloads.HeadJson,
        "cells": payloads.CellsPatch,
        "selection": payloads.SelectionPatch,
    },
    actions={
        "choose": Action(_CHOICE, slow=True),
        "details": Action({**_AT, "row": _PLACE, "place": _PLACE}, payloads.DetailsJson, slow=True),
        "keys": Action({**_AT, "places": schema.list_of(_PLACE, MAX_KEYS)}, payloads.KeysJson, slow=True),
        "select": Action({**_AT, **_SELECTED}, payloads.HighlightsJson),
        "sort": Action(slow=True),
        "clear": Action(),
        "unfocus": Action(slow=True),
    },
)

_PLANNED = {
    "number": _NUMBER,
    "inputs": schema.boolean,
    "readers": schema.boolean,
    "status": schema.one_of(*STATUS_CHOICES),
}
_NAMED = {"partitions": schema.text(500)}
_GRID = {**_NAMED, "axes": schema.mapping_of(schema.text(10_000, empty=True))}
_FILE = {"run_id": schema.optional(_RUN_ID), "file": schema.optional(schema.text(500, empty=True))}
_BACKFILL = {"backfill_id": _RUN_ID}
EXPLORER = Contract(
    state=payloads.ExplorerState,
    patches={"panel": payloads.PanelJson},
    partial=frozenset({"panel"}),
    actions={
        "clear": Action(),
        "open_run": Action({"run_id": schema.optional(_RUN_ID)}),
        "log": Action({"run_id": _RUN_ID, "after": schema.optional(_NUMBER)}, payloads.LogJson, slow=True),
        "preview": Action({"number": _NUMBER, **_FILE}, payloads.DataJson, slow=True),
        "executed": Action({"run_id": _RUN_ID}, payloads.ExecutedJson, slow=True),
        "plan": Action(_PLANNED, payloads.PlanJson, slow=True),
        "backfill": Action(_PLANNED, payloads.ActionResultJson, slow=True, has_options=True),
        "refresh": Action(answer=payloads.ActionResultJson, slow=True),
        "cancel": Action(_BACKFILL, payloads.ActionResultJson, slow=True),
        "retry_failed": Action(_BACKFILL, payloads.ActionResultJson, slow=True),
        "resume": Action(_BACKFILL, payloads.ActionResultJson, slow=True),
        "add_keys": Action({**_NAMED, "text": schema.text(5_000_000)}, payloads.ActionResultJson, slow=True),
        "measure_grid": Action(_GRID, payloads.MeasureJson),
        "add_grid": Action(_GRID, payloads.ActionResultJson, slow=True),
        "remove": Action({"number": _NUMBER, "n": _NUMBER}, payloads.ActionResultJson, slow=True),
    },
)

#: By the name of the widget's bundle.
CONTRACTS: Mapping[str, Contract] = {"explorer": EXPLORER, "graph": GRAPH, "heatmap": HEATMAP, "monitor": MONITOR}
