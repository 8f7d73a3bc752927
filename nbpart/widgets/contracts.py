"""The contract between each widget in Python and its pages: its state, patches and actions.

Python answers these actions and no others. The types of the JavaScript sources are generated from this list.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from nbpart.states import STATUS_CODES
from nbpart.widgets import board_payloads, graph_payloads, payloads, run_payloads, schema, trigger_payloads
from nbpart.widgets.board_model import MOST_ROWS
from nbpart.widgets.curve_lines import MOST_CURVES
from nbpart.widgets.explorer_model import STATUS_CHOICES
from nbpart.widgets.heatmap_selection import MAX_RANGES
from nbpart.widgets.heatmap_state import MAX_KEYS
from nbpart.widgets.schema import Check

_NUMBER = schema.whole_number(0, 2**53)
_PLACE = schema.whole_number(0, 2**31)
_RUN_ID = schema.text(200)
_MOST_FLOAT = sys.float_info.max


@dataclass(frozen=True, slots=True)
class Action:
    """Something that a page can request: the fields of the request, and the type of the answer's payload.

    An action that is ``slow`` runs on a thread of its own, so that others are answered meanwhile. With ``has_options``
    the request may also carry options of a backfill by name.
    """

    fields: Mapping[str, Check] = field(default_factory=dict)
    answer: type = payloads.EmptyJson
    slow: bool = False
    has_options: bool = False


@dataclass(frozen=True, slots=True)
class Contract:
    """The type of a widget's state, the types of its patches by kind, and its actions by name.

    A patch of a kind in ``partial`` has only those fields of its type that changed.
    """

    state: type
    patches: Mapping[str, type]
    actions: Mapping[str, Action]
    partial: frozenset[str] = frozenset()


_VIEW = {"view": schema.text(100)}
#: The actions of every widget.
SHARED: Mapping[str, Action] = {
    "sync": Action({"seq": _NUMBER}, payloads.SyncJson),
    "view_opened": Action(_VIEW),
    "view_closed": Action(_VIEW),
}

GRAPH = Contract(
    state=graph_payloads.GraphState,
    patches={"graph": graph_payloads.GraphPatch, "counts": graph_payloads.CountsPatch},
    actions={
        "fold": Action({"group": schema.text(), "folded": schema.boolean}),
        "focus": Action({"name": schema.text()}),
        "explain": Action({"name": schema.text(), "is_group": schema.boolean}, graph_payloads.CausesJson, slow=True),
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
_OPTIONS = {
    "color_by": schema.text(200),
    "sort_by": schema.optional(schema.text(200)),
    "statuses": schema.list_of(schema.whole_number(0, len(STATUS_CODES) - 1), len(STATUS_CODES)),
    "text": schema.text(200, empty=True),
    "across": schema.optional(schema.text(200)),
    "down": schema.optional(schema.text(200)),
}
_SELECTED = {
    "rows": schema.list_of(_PLACE),
    "ranges": schema.list_of(schema.pair_of(_PLACE), MAX_RANGES),
}
HEATMAP = Contract(
    state=payloads.HeatmapState,
    patches={
        "view": payloads.HeatmapHeadJson,
        "cells": payloads.CellsPatch,
        "selection": payloads.SelectionPatch,
    },
    actions={
        "set_options": Action(_OPTIONS, slow=True),
        "details": Action({**_AT, "row": _PLACE, "place": _PLACE}, payloads.DetailsJson, slow=True),
        "keys": Action({**_AT, "places": schema.list_of(_PLACE, MAX_KEYS)}, payloads.KeysJson, slow=True),
        "select": Action({**_AT, **_SELECTED}),
        "highlights": Action({**_AT, **_SELECTED}, payloads.HighlightsJson, slow=True),
        "sort": Action(slow=True),
        "clear": Action(),
        "unfocus": Action(slow=True),
    },
)

_CHOICE = {
    "selection_number": _NUMBER,
    "inputs": schema.boolean,
    "readers": schema.boolean,
    "where": schema.text(10_000, empty=True),
}
_PLAN = {**_CHOICE, "status": schema.one_of(*STATUS_CHOICES)}
_ASKED = {"reason": schema.text(1_000, empty=True), "dry_run": schema.boolean}
_VERB = {**_CHOICE, **_ASKED}
_ADOPTION = {"path": schema.text(10_000, empty=True), "version": schema.one_of("hash", "size+mtime")}
_SET = {"partitions": schema.text(500), "parent": schema.text(10_000, empty=True)}
_COLUMNS = {"columns": schema.mapping_of(schema.text(10_000, empty=True))}
_GRID = {**_SET, "axes": schema.mapping_of(schema.text(10_000, empty=True))}
_SAMPLE = {
    "n_points": schema.whole_number(1, MAX_KEYS),
    "seed": schema.optional(schema.whole_number(0, 2**53)),
    "values": schema.mapping_of(schema.text(10_000, empty=True)),
}
_FILE = {"run_id": schema.optional(_RUN_ID), "file": schema.optional(schema.text(500, empty=True))}
_BACKFILL = {"backfill_id": _RUN_ID}
_TRIGGER = {"trigger": schema.text(10_000)}
_TRIGGER_ACTIONS: Mapping[str, Action] = {
    "read_ticks": Action(_TRIGGER, trigger_payloads.TicksJson, slow=True),
    "tick": Action(_TRIGGER, slow=True),
    "switch_trigger": Action({**_TRIGGER, "is_on": schema.boolean}, slow=True),
    "watch": Action(slow=True),
    "stop_watching": Action(slow=True),
    "show_backfill": Action(_BACKFILL, slow=True),
}
TRIGGERS = Contract(
    state=trigger_payloads.TriggersState,
    patches={"shown": trigger_payloads.TriggersViewJson},
    actions=_TRIGGER_ACTIONS,
)
_RUN_ACTIONS: Mapping[str, Action] = {
    "read_executed_notebook": Action({"run_id": _RUN_ID}, payloads.ExecutedNotebookJson, slow=True),
    "read_curves": Action(
        {
            "run_ids": schema.list_of(_RUN_ID, MOST_CURVES),
            "metric": schema.text(1_000, empty=True),
            "by_time": schema.boolean,
            "smoothing": schema.number(0, 0.999),
        },
        run_payloads.CurvesJson,
        slow=True,
    ),
    "stop_run": Action({"run_id": _RUN_ID}, slow=True),
}
_KEY = schema.optional(schema.text(10_000))
_END = schema.optional(schema.number(-_MOST_FLOAT, _MOST_FLOAT))
BOARD = Contract(
    state=board_payloads.BoardState,
    patches={"board": board_payloads.BoardPatch, "chosen": board_payloads.ChosenPatch},
    actions={
        # one after the other, as they were made
        "choose": Action(
            {
                "keys": schema.list_of(_KEY, MOST_ROWS),
                "ranges": schema.mapping_of(schema.pair_of(_END)),
                "labels": schema.mapping_of(schema.list_of(schema.text(10_000, empty=True), MOST_ROWS)),
                "by": schema.text(200),
            }
        ),
        "read_run": Action({"run_id": _RUN_ID}, board_payloads.BoardRunJson, slow=True),
        **_RUN_ACTIONS,
    },
)
EXPLORER = Contract(
    state=payloads.ExplorerState,
    patches={"panel": payloads.PanelJson},
    partial=frozenset({"panel"}),
    actions={
        "clear": Action(),
        "show_partition": Action(
            {"asset": schema.text(), "partition_key": schema.optional(schema.text(10_000))}, slow=True
        ),
        "open_run": Action({"run_id": schema.optional(_RUN_ID)}),
        "read_log": Action({"run_id": _RUN_ID, "after": schema.optional(_NUMBER)}, payloads.LogJson, slow=True),
        "preview_data": Action({"selection_number": _NUMBER, **_FILE}, payloads.DataJson, slow=True),
        **_RUN_ACTIONS,
        "describe_choice": Action(
            {"selection_number": _NUMBER, "where": _PLAN["where"]}, payloads.ChoiceJson, slow=True
        ),
        "list_columns": Action({"selection_number": _NUMBER}, payloads.ColumnsJson, slow=True),
        "plan": Action(_PLAN, payloads.PlanJson, slow=True),
        "backfill": Action(_PLAN, payloads.ActionResultJson, slow=True, has_options=True),
        "accept": Action(_VERB, payloads.VerbJson, slow=True),
        "wipe": Action({**_VERB, "data": schema.boolean}, payloads.VerbJson, slow=True),
        "prune": Action({**_VERB, "keep": schema.whole_number(0, 1_000_000)}, payloads.VerbJson, slow=True),
        "adopt": Action({**_VERB, **_ADOPTION}, payloads.VerbJson, slow=True),
        "refresh": Action(answer=payloads.ActionResultJson, slow=True),
        **_TRIGGER_ACTIONS,
        "cancel": Action(_BACKFILL, payloads.ActionResultJson, slow=True),
        "retry_failed": Action(_BACKFILL, payloads.ActionResultJson, slow=True),
        "resume": Action(_BACKFILL, payloads.ActionResultJson, slow=True),
        "add_keys": Action({**_SET, **_COLUMNS, "text": schema.text(5_000_000)}, payloads.ActionResultJson, slow=True),
        "count_grid": Action(_GRID, payloads.GridSizeJson),
        "add_grid": Action({**_GRID, **_COLUMNS}, payloads.ActionResultJson, slow=True),
        "add_sample": Action({**_SET, **_SAMPLE}, payloads.ActionResultJson, slow=True),
        "remove_keys": Action(
            {"selection_number": _NUMBER, "n_keys": _NUMBER, "delete_data": schema.boolean, **_ASKED},
            payloads.VerbJson,
            slow=True,
        ),
    },
)

#: The contracts by the name of the bundle in ``static/``.
CONTRACTS: Mapping[str, Contract] = {
    "board": BOARD,
    "explorer": EXPLORER,
    "graph": GRAPH,
    "heatmap": HEATMAP,
    "monitor": MONITOR,
    "triggers": TRIGGERS,
}
