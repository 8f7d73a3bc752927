"""What Python sends is what pages read, and what pages ask for is what Python answers.

That pages read no field and ask for nothing that is not there is checked by TypeScript, by the types that are made of
`nbpart.widgets.payloads` and `nbpart.widgets.contracts`; that Python sends these fields, by mypy. The rest is here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

import numpy as np
import pandas as pd
import pytest

from frontend import tools
from nbpart.catalog import Batch, events
from nbpart.widgets.board import BoardWidget
from nbpart.widgets.board_model import BoardModel
from nbpart.widgets.contracts import CONTRACTS, SHARED
from nbpart.widgets.explorer import Explorer
from nbpart.widgets.live_widget import LiveWidget
from nbpart.widgets.monitor import BackfillMonitor
from nbpart.widgets.trigger_table import TriggerTable
from tests.widgets import heatmap_scenes as scenes
from tests.widgets.test_monitor import FakeActions


class FakeBoard:
    """A board without rows."""

    def read_board(self) -> BoardModel:
        return BoardModel("x", (), (), np.zeros(0, dtype=bool), (), None, "")


@cache
def script(widget: str) -> str:
    """The sources of a widget, and those that all share, without comments."""
    folders = (tools.SOURCES / widget, tools.SOURCES / "shared")
    files = [tools.SOURCES / f"{widget}.js", *(path for folder in folders for path in sorted(folder.glob("*.js")))]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return re.sub(r"(?m)(^|\s)//.*$", "", re.sub(r"/\*.*?\*/", "", text, flags=re.S))


def records_in(hint: Any) -> Iterator[type]:
    """Every record in a type, and in its fields."""
    if is_typeddict(hint):
        yield hint
        for inner in get_type_hints(hint).values():
            yield from records_in(inner)
    for inner in get_args(hint):
        yield from records_in(inner)


def sent_by(widget: str) -> list[type]:
    """The records that a widget sends."""
    contract = CONTRACTS[widget]
    answers = [action.answer for action in (*SHARED.values(), *contract.actions.values())]
    found = (record for sent in (contract.state, *contract.patches.values(), *answers) for record in records_in(sent))
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(("widget", "record"), [(w, r) for w in CONTRACTS for r in sent_by(w)])
def test_each_field_that_is_sent_is_read(widget: str, record: type) -> None:
    # nothing waits for the answer of a sync, and what was begun is in the list of backfills at once
    if record.__name__ in ("SyncJson", "ActionResultJson"):
        return
    text = script(widget)
    unread = [name for name in get_type_hints(record) if not re.search(rf"(?:\.|[{{,]\s*){name}\b", text)]
    assert not unread


@pytest.mark.parametrize("widget", CONTRACTS)
def test_each_action_is_asked_for_with_all_its_fields(widget: str) -> None:
    text = script(widget)
    for name, action in CONTRACTS[widget].actions.items():
        assert re.search(rf"'{name}'", text), f"no page asks for {name}"
        assert not [field for field in action.fields if not re.search(rf"\b{field}\b", text)], name


@pytest.fixture
def widgets(tmp_path: Path) -> Iterator[dict[str, LiveWidget]]:
    catalog = scenes.rich_scene(tmp_path)

    def begin(batch: Batch) -> str:
        other = events.start_coordinator(batch, "elsewhere", 1, "elsewhere.lock", "test")
        steps = pd.DataFrame({"asset_id": [1], "key_id": [1], "reason": ["missing"]})
        return events.start_backfill(batch, "x", {}, other, steps)[1]

    explorer = Explorer(catalog, FakeActions())  # type: ignore[arg-type]
    monitor = BackfillMonitor(catalog, FakeActions(), catalog.write(begin))  # type: ignore[arg-type]
    triggers = TriggerTable(catalog, FakeActions())  # type: ignore[arg-type]
    board = BoardWidget(catalog, FakeBoard())  # type: ignore[arg-type]
    yield {
        "board": board,
        "explorer": explorer.panel, "graph": explorer.graph, "heatmap": explorer.heatmap, "monitor": monitor,
        "triggers": triggers,
    }  # fmt: skip
    board.close()
    triggers.close()
    monitor.close()
    explorer.close()
    catalog.close()


def test_each_action_of_a_contract_is_answered_and_nothing_else(widgets: dict[str, LiveWidget]) -> None:
    assert widgets.keys() == CONTRACTS.keys()
    for name, widget in widgets.items():
        contract = CONTRACTS[name]
        assert widget.contract is contract
        assert widget.actions.keys() == {*SHARED, *contract.actions}
        for action, answered in contract.actions.items():
            assert widget.actions[action] >= answered.fields.keys()
            assert answered.has_options or widget.actions[action] == answered.fields.keys()
        assert widget.state().keys() == get_type_hints(contract.state).keys()


def test_actions_and_patches_outside_the_contract_are_refused(widgets: dict[str, LiveWidget]) -> None:
    with pytest.raises(KeyError):
        widgets["graph"].on_request("remove_everything", lambda: None)
    with pytest.raises(KeyError):
        widgets["graph"].send_patch("surprise", {})
