"""What Python sends is what JavaScript reads, field by field, in both directions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nbpart.assets.definition import AssetDefinition
from nbpart.backfill.options import OPTIONS
from nbpart.catalog import Batch, events
from nbpart.catalog.queries.live import StepAt
from nbpart.partitions import Parameters
from nbpart.states import StepStatus
from nbpart.widgets import schema
from nbpart.widgets.actions import MadeShown, PartitionShown, RunBrief, RunShown
from nbpart.widgets.explorer import Explorer
from nbpart.widgets.explorer_model import BACKFILL_FIELDS, PanelModel, SetForm
from nbpart.widgets.graph_model import Edge, build_graph, edge_json
from nbpart.widgets.heatmap import found_json
from nbpart.widgets.heatmap_bands import Choice
from nbpart.widgets.heatmap_state import HeatmapState
from nbpart.widgets.link import LinkedWidget
from nbpart.widgets.monitor import BackfillMonitor
from nbpart.widgets.monitor_model import MonitorModel
from tests.widgets import heat_scenes as scenes
from tests.widgets.test_monitor import FakeActions

SOURCES = Path(__file__).parents[2] / "frontend" / "src"


def sources(widget: str) -> tuple[str, ...]:
    """The files of a widget, below `SOURCES`."""
    return (f"{widget}.js", *sorted(path.relative_to(SOURCES).as_posix() for path in (SOURCES / widget).glob("*.js")))


EXPLORER, HEATMAP, GRAPH_VIEW, MONITOR_VIEW = map(sources, ("explorer", "heatmap", "graph", "monitor"))
NAMES = re.compile(r"(?:^|,)\s*(?:\.\.\.)?(\w+)")
#: What every array, text or number has.
BUILT_IN = {
    "concat", "every", "filter", "find", "findIndex", "flatMap", "forEach", "includes", "indexOf", "join", "length",
    "map", "push", "reduce", "replace", "slice", "some", "split", "subarray", "trim", "toLowerCase",
}  # fmt: skip


@cache
def script(name: str) -> str:
    """The text of a file without its comments and plain texts; what stands in a template stays."""
    text = (SOURCES / name).read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"(?m)(^|\s)//.*$", "", text)
    return re.sub(r"'(?:[^'\\\n]|\\.)*'", "''", text)


@dataclass(frozen=True)
class Reader:
    """Where a record is read and what it is called there: variables, and what stands before a ``{ a, b }`` of it."""

    where: tuple[str, ...]
    called: str
    before: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()  # what the page adds to it

    def reads(self) -> set[str]:
        found: set[str] = set()
        for text in map(script, self.where):
            found |= set(re.findall(rf"(?<!\w)(?:{self.called})\??\.(\w+)", text))
            patterns = [rf"{{([^{{}}]*)}} = (?:[\w.]*\.)?(?:{self.called})\)?;"]
            patterns += [rf"{{([^{{}}]*)}} of (?:[\w.]*\.)?{self.called}s\)"]
            patterns += [rf"{re.escape(before)}\(?\{{([^{{}}]*)}}" for before in self.before]
            for inside in itertools.chain.from_iterable(re.findall(pattern, text) for pattern in patterns):
                found |= set(NAMES.findall(inside))
        return found - BUILT_IN - self.own


AT = datetime(2026, 1, 2, tzinfo=UTC)
FILE = {"name": "f", "format": "figure", "path": "p", "bytes": 1}
MADE = MadeShown(AT.isoformat(), "r", 1.0, 2, 3, (FILE,), {"m": 1})
RUN = RunShown("r", "a", "k", "failed", 1, AT.isoformat(), 1.0, "e", "t", "n", True, MADE, "code")
BRIEF = RunBrief("r", "failed", 1, None, None, "e")
PARTITION = PartitionShown("a", "k", "stale", "why", {}, MADE, "r", (BRIEF,), "c", "b")
STEP = StepAt("a", "k", "r", AT, "e", "n")
ONE_EACH = dict.fromkeys(StepStatus, 1)
MONITOR = MonitorModel("id", "sel", "running", "here", 1, ONE_EACH, 1.0, 1.0, 1.0, AT, (STEP,), (STEP,))
FORM = SetForm("s", Parameters.declare({"lr": float}))
BACKFILL = {name: MONITOR.to_json(Path("/ws"))[name] for name in BACKFILL_FIELDS}
PANEL = PanelModel(partition=PARTITION, run=RUN, sets=(FORM,), backfills=(BACKFILL,)).to_json()
MONITOR_JSON = {**MONITOR.to_json(Path("/ws")), "earlier": None}
DEFINITIONS = [AssetDefinition("a", "function", group="g"), AssetDefinition("b", "function")]
GRAPH = build_graph(DEFINITIONS, {}).to_json()
EDGE = Edge(0, 1, ((0.0, 0.0),))


@pytest.fixture(scope="module")
def heat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a heatmap sends, by the names of `HEAT`."""
    catalog = scenes.rich_scene(tmp_path_factory.mktemp("rich"))
    state = HeatmapState(catalog, choice=Choice(color_by="accuracy"))
    view = state.view()
    head = view.head
    [band] = [band for band in head["bands"] if band["grid"]]
    _, highlights = state.select(head["view"], 1, [0], [(0, 1)])
    found = state.details(head["view"], 0, 0, 0)
    assert found is not None
    yield {
        "view": {"head": None, "cells": None}, "head": head, "band": band, "row": band["rows"][0], "grid": band["grid"],
        "scale": band["scale"], "found": found_json(found), "highlight": highlights[0],
        "selection": state.view().head["selection"],
        # and what `PartitionHeatmap.unselect` tells
        "patch": state._patch([], {}).head | {"selection": None},
    }  # fmt: skip
    catalog.close()


LOOK = ("explorer/data.js", "explorer/facts.js")
FORMS = ("explorer/adding.js", "explorer/backfills.js", "explorer/forms.js")
#: What each record is called in the files that read it; who names a variable otherwise names it here.
READERS: Mapping[str, Reader] = {
    "panel": Reader(
        EXPLORER, "panel", ("function drawHead(", "function drawCounts(", "function drawPartition(", "    show(")
    ),
    "chosen": Reader(EXPLORER, "chosen", ("turnTo: ",)),
    "set": Reader(FORMS, "set", ("sets.some(", "sets.find(", "sets.map(")),
    "field": Reader(
        FORMS, "parameter", ("set.params.map(", "fields.map(", "function axisBox(", "fields.some("), frozenset({"box"})
    ),
    "partition": Reader(EXPLORER, "partition"),
    "run": Reader(EXPLORER, "run"),
    "brief": Reader(LOOK, "brief"),
    "made": Reader(LOOK, "made"),
    "file": Reader(LOOK, "file", ("made.files.filter(", "others.map(", "for (const ")),
    "backfill": Reader(FORMS, "one", ("backfills.map(",)),
    "backfill may": Reader(FORMS, r"one\.may"),
    "monitor": Reader(MONITOR_VIEW, r"now|link\.state\.backfill"),
    "monitor may": Reader(MONITOR_VIEW, "may", ("const buttons = ",)),
    "step": Reader(MONITOR_VIEW, "step"),
    "graph": Reader(GRAPH_VIEW, r"graph(?!\.cards)"),
    "card": Reader(GRAPH_VIEW, r"card|now|cards\[\w+\]|from"),
    "edge": Reader(GRAPH_VIEW, r"edge|edges\[\w+\]", ("edges.forEach(",)),
    "group": Reader(GRAPH_VIEW, "group", ("groups.map(",)),
    "view": Reader(("heatmap/state.js",), "view(?=$)", ("function decodeView(",)),
    "head": Reader(HEATMAP, "head"),
    "band": Reader(HEATMAP, r"band|news|head\.bands\[[\w.]*\]", ("measureDown(view, pen, ",)),
    "row": Reader(HEATMAP, r"rows\[[\w.]*row\]", ("band.rows.map(",)),
    "grid": Reader(HEATMAP, "grid", ("const describeAxes = ",)),
    "scale": Reader(HEATMAP, r"scale|scales\[0\]"),
    "found": Reader(HEATMAP, "found"),
    "highlight": Reader(HEATMAP, "highlight", ("answer.highlights.map(",)),
    "selection": Reader(HEATMAP, "selection"),
    "patch": Reader(("heatmap/state.js",), "payload"),
    "whole": Reader(("shared/link.js",), "whole"),
    "message": Reader(("shared/link.js",), "message"),
    "error": Reader(("shared/link.js",), r"message\.error"),
}


@pytest.fixture(scope="module")
def sent(heat: dict[str, Any]) -> dict[str, set[str]]:
    """The fields of each record that Python sends."""
    partition, monitor = PANEL["partition"], MONITOR_JSON
    records = heat | {
        "panel": PANEL, "chosen": PANEL["chosen"], "set": PANEL["sets"][0], "field": PANEL["sets"][0]["params"][0],
        "partition": partition, "run": PANEL["run"], "brief": partition["runs"][0], "made": partition["made"],
        "file": partition["made"]["files"][0], "backfill": BACKFILL, "backfill may": BACKFILL["may"],
        "monitor": monitor, "monitor may": monitor["may"], "step": monitor["failures"][0] | monitor["running"][0],
        "message": {**schema.success("1", schema.Answer()), **schema.failure("1", ""), **schema.patch(1, "k", {})},
        "error": schema.failure("1", "")["error"], "whole": {"seq": None, "state": None},
        "graph": GRAPH, "card": GRAPH["cards"][0], "edge": edge_json(EDGE), "group": GRAPH["groups"][0],
    }  # fmt: skip
    return {name: set(record) for name, record in records.items()}


@pytest.mark.parametrize("record", READERS)
def test_what_is_sent_is_read_and_what_is_read_is_sent(record: str, sent: dict[str, set[str]]) -> None:
    assert READERS[record].reads() == sent[record]


#: The calls by which a page asks for an action, after which it names it.
ASKS = re.compile(r"\b(?:request|ask|act|button)\((?:[^()']*,\s*)?(?:'[^']*',\s*)?'(\w+)'")


@pytest.fixture
def widgets(tmp_path: Path) -> Iterator[dict[tuple[str, ...], LinkedWidget]]:
    catalog = scenes.rich_scene(tmp_path)

    def begin(batch: Batch) -> str:
        other = events.start_coordinator(batch, "elsewhere", 1, "elsewhere.lock", "test")
        steps = pd.DataFrame({"asset_id": [1], "key_id": [1], "reason": ["missing"]})
        return events.start_backfill(batch, "x", {}, other, steps)[1]

    explorer = Explorer(catalog, FakeActions())  # type: ignore[arg-type]
    monitor = BackfillMonitor(catalog, FakeActions(), catalog.write(begin))  # type: ignore[arg-type]
    yield {EXPLORER: explorer.panel, HEATMAP: explorer.heatmap, GRAPH_VIEW: explorer.graph, MONITOR_VIEW: monitor}
    monitor.close()
    explorer.close()
    catalog.close()


def test_what_pages_ask_for_is_answered_and_what_is_answered_is_asked_for(
    widgets: dict[tuple[str, ...], LinkedWidget],
) -> None:
    shared = {"sync", "seen", "gone"}
    for where, widget in widgets.items():
        text = "\n".join((SOURCES / name).read_text(encoding="utf-8") for name in where)
        if where != HEATMAP:  # which decodes its state first
            read = set(re.findall(r"link\.state\.(\w+)", text)) | set(re.findall(r"{ (\w+) } = link\.state;", text))
            assert read == set(widget.state()), where
        actions = widget.actions
        # of two that one call chooses between both are named there
        chosen = re.findall(r"\['(\w+)', {", text)
        assert {*ASKS.findall(text), *chosen} == actions.keys() - shared, where
        for action in actions.keys() - shared:
            # the options of a backfill are named by what Python sends of them
            named = actions[action] - OPTIONS.keys()
            missing = {name for name in named if not re.search(rf"\b{name}\b", text)}
            assert not missing, f"{action} takes {missing}, which no page gives"
