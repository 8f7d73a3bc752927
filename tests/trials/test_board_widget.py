"""The live board of a real workspace, without a browser."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

import nbpart
from nbpart.errors import DeclarationError
from tests.backfill.pools import Stage
from tests.recording import record
from tests.widgets.pages import Page

HOSTILE = 'it\'s <b>"bold"</b>; drop table keys --'
PARAMS = {
    "lr": nbpart.loguniform(1e-4, 1e-1),
    "depth": nbpart.Param(int | None, default=None),
    "order": nbpart.choice(["plain", HOSTILE]),
    "flag": bool,
    "day": date,
    "at": datetime,
}
POINTS = [
    (0.001, 3, "plain", True, "2013-01-01", "2013-01-01T05:00"),
    (0.01, None, HOSTILE, False, "2013-01-02", "2013-01-02T06:30"),
    (0.1, 9, HOSTILE, True, "2013-01-03", "2013-01-03T00:00"),
]


@pytest.fixture
def board(ws: nbpart.Workspace) -> Iterator[nbpart.trials.Board]:
    trials = ws.dynamic_partitions("trials", params=PARAMS)
    trials.add_rows([dict(zip(PARAMS, point, strict=True)) for point in POINTS])

    @ws.asset(partitions=trials, metrics={"accuracy": "max"})
    def model(run: Any) -> dict[str, int]:
        return {}

    for point, accuracy in zip(POINTS[:2], [0.5, math.inf], strict=True):
        record(ws, "model", dict(zip(PARAMS, point, strict=True)), accuracy=accuracy, rows=3)
    made = ws.compare("model")
    yield made
    made.widget.close()


def choose(page: Page, keys: Any = (), ranges: Any = None, labels: Any = None) -> dict[str, Any]:
    payload = {"keys": list(keys), "ranges": ranges or {}, "labels": labels or {}, "by": "page"}
    assert page.ask("choose", payload)["ok"]
    return dict(next(m["payload"]["chosen"] for m in reversed(page.messages) if m.get("kind") == "chosen"))


DAY_2 = 1_357_084_800_000


@pytest.mark.parametrize(
    ("ranges", "labels", "n"),
    [
        ({"lr": [0.005, None]}, {}, 2),
        ({"lr": [0.001, 0.01]}, {}, 2),
        ({"depth": [None, None]}, {}, 2),
        ({"depth": [3.5, 9]}, {}, 1),
        ({"accuracy": [0.5, None]}, {}, 2),
        ({"accuracy": [0.5, 0.6]}, {}, 1),
        ({"metric.rows": [2.5, None]}, {}, 2),
        ({"duration_s": [0, None]}, {}, 2),
        ({"day": [DAY_2, None]}, {}, 2),
        ({"at": [None, DAY_2 + 23_400_000]}, {}, 2),
        ({}, {"order": [HOSTILE]}, 2),
        ({}, {"order": ["plain", HOSTILE]}, 3),
        ({}, {"flag": ["true"], "status": ["materialized"]}, 1),
        ({}, {"order": []}, 0),
        ({"lr": [0.005, None]}, {"flag": ["true"]}, 1),
    ],
)
def test_a_brush_is_a_condition_that_chooses_the_same(
    ws: nbpart.Workspace, board: nbpart.trials.Board, ranges: Any, labels: Any, n: int
) -> None:
    told = choose(Page(board.widget), ranges=ranges, labels=labels)
    assert sorted(board.selection) == sorted(ws.partition_status("model", where=board.where).partition_key)
    assert told["count"] == len(board.selection) == n
    assert told["code"] == f"ws.backfill('model', where={board.where!r})"


def test_rows_that_are_chosen_come_before_a_brush(ws: nbpart.Workspace, board: nbpart.trials.Board) -> None:
    keys = [key for key in board.frame.partition_key if "lr=0.1" in key]
    choose(Page(board.widget), keys=keys, ranges={"lr": [None, 0.01]})
    assert board.selection == keys
    assert ws.partition_status("model", where=board.where).partition_key.tolist() == keys


def test_what_is_chosen_is_what_is_run(ws: nbpart.Workspace, board: nbpart.trials.Board) -> None:
    ws.project.make_pool = Stage(lambda spec: "done").make_pool
    page = Page(board.widget)
    with pytest.raises(DeclarationError, match="nothing is chosen on the board of model"):
        board.backfill()
    assert (board.where, board.selection) == ("", [])
    choose(page, labels={"order": [HOSTILE]})
    ran = board.backfill(max_workers=1).wait(progress=False)
    assert ran.counts()["succeeded"] == 1, "what is up to date is not run again"
    page.wait_for(lambda m: m.get("kind") == "board")
    choose(page, ranges={"accuracy": [None, None]})
    assert len(board.selection) == 2
    assert sum(board.backfill(max_workers=1).wait(progress=False).counts().values()) == 2


def test_pages_get_numbers_as_bytes_and_follow_the_catalog(ws: nbpart.Workspace, board: nbpart.trials.Board) -> None:
    page = Page(board.widget)
    state = board.widget.state()
    columns = state["board"]["columns"]
    values = np.frombuffer(state["values"], "<f8").reshape(len(columns), 3)
    names = [column["name"] for column in columns]
    assert values[names.index("lr")] == pytest.approx([0.01, 0.001, 0.1])
    assert {column["name"]: column["log"] for column in columns}["lr"]
    assert state["board"]["best"] == 0
    record(ws, "model", dict(zip(PARAMS, POINTS[2], strict=True)), accuracy=0.7)
    patch = page.wait_for(lambda m: m.get("kind") == "board")
    buffers = page.buffers[page.messages.index(patch)]
    sent = np.frombuffer(buffers[0], "<f8").reshape(len(columns), 3)
    assert sent[names.index("accuracy")].tolist() == [math.inf, 0.7, 0.5]


def test_its_runs_can_be_read_and_what_is_asked_wrongly_is_refused(
    ws: nbpart.Workspace, board: nbpart.trials.Board
) -> None:
    page = Page(board.widget)
    run_id = board.frame.run_id[0]
    run = page.ask("read_run", {"run_id": run_id})["payload"]
    assert (run["id"], run["status"], run["notebook"]) == (run_id, "succeeded", None)
    asked = {"run_ids": [run_id], "metric": "", "by_time": False, "smoothing": 0}
    assert page.ask("read_curves", asked)["payload"]["lines"] == []
    stopped = page.ask("stop_run", {"run_id": run_id})
    assert "is succeeded: only what runs can be stopped" in stopped["error"]["message"]
    for action, payload in [
        ("read_run", {"run_id": HOSTILE}),
        ("read_curves", {**asked, "run_ids": [HOSTILE]}),
        ("read_curves", {**asked, "run_ids": [run_id] * 101}),
        ("stop_run", {"run_id": HOSTILE}),
        ("choose", {"keys": [3], "ranges": {}, "labels": {}, "by": "x"}),
        ("choose", {"keys": [], "ranges": {"lr": [math.nan, None]}, "labels": {}, "by": "x"}),
    ]:
        assert not page.ask(action, payload)["ok"], action


def test_an_asset_without_partitions_has_a_board(ws: nbpart.Workspace) -> None:
    @ws.asset(metrics={"loss": "min"})
    def report(run: Any) -> dict[str, int]:
        return {}

    record(ws, "report", loss=0.5)
    board = ws.compare("report")
    page = Page(board.widget)
    assert board.widget.state()["board"]["keys"] == [None]
    choose(page, ranges={"loss": [None, None]})
    assert board.where == "loss is not null"
    board.widget.close()


def test_notebooks_stand_side_by_side_and_nothing_in_them_is_run(
    ws: nbpart.Workspace, board: nbpart.trials.Board
) -> None:
    keys = board.frame.partition_key
    with pytest.raises(DeclarationError, match="6 notebooks do not fit beside each other: name one to 5 keys"):
        board.side_by_side([keys[0]] * 6)
    with pytest.raises(DeclarationError, match="0 notebooks"):
        board.side_by_side([])
    with pytest.raises(nbpart.errors.UnknownNameError, match="has no key"):
        board.side_by_side(["lr=0.5,depth=3,order=plain,flag=true,day=2013-01-01,at=2013-01-01T05:00"])
    with pytest.raises(nbpart.errors.MissingInputError, match="was made by no run"):
        board.side_by_side([key for key in keys if "lr=0.1," in f"{key},"])


def test_a_board_in_a_terminal_is_its_repr(board: nbpart.trials.Board, capsys: pytest.CaptureFixture[str]) -> None:
    board._ipython_display_()
    assert capsys.readouterr().out.startswith("<model: 2 of 3 partitions made")


def patient(run: Any, lr: float) -> dict[str, int]:
    import time

    step = 0
    for step in range(4000):
        run.log(loss=1 / (step + 1), step=step)
        time.sleep(0.01)
        if run.should_stop():
            break
    return {"steps": step}


@pytest.mark.kernel
def test_curves_grow_while_a_run_goes_on_and_a_button_ends_it(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add(lr=0.1)
    ws.asset(patient, partitions=trials, metrics={"loss": "min"})
    board = ws.compare("patient")
    page = Page(board.widget)
    backfill = ws.backfill("patient")
    end = time.monotonic() + 60
    lines: list[dict[str, Any]] = []
    seen = []
    while len(seen) < 2 or seen[-1] <= seen[0]:
        assert time.monotonic() < end
        if run_ids := [run_id for run_id in board.frame.run_id if isinstance(run_id, str)]:
            asked = {"run_ids": run_ids, "metric": "", "by_time": True, "smoothing": 0.3}
            answer = page.ask("read_curves", asked)["payload"]
            lines = answer["lines"]
            seen += [line["total"] for line in lines]
    assert (answer["metric"], answer["names"], lines[0]["live"]) == ("loss", ["loss"], True)
    told = page.ask("stop_run", {"run_id": run_ids[0]})
    assert "was asked to end early" in told["payload"].get("message", ""), told
    backfill.wait(progress=False).raise_for_failures()
    assert board.best is None, "what was stopped early is never best"
    ended = page.ask("read_curves", asked)["payload"]["lines"]
    kept = ws.get_run(run_ids[0]).curves
    assert [(line["total"], line["live"]) for line in ended] == [(len(kept), False)]
    board.widget.close()


@pytest.mark.kernel
def test_executed_notebooks_stand_side_by_side(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float, "name": str})
    trials.add_grid(lr=[0.1, 0.2], name=[HOSTILE])

    @ws.asset(partitions=trials)
    def model(run: Any, lr: float, name: str) -> dict[str, float]:
        print("trained with", lr, name)
        return {"lr": lr}

    ws.backfill("model", max_workers=2).wait(progress=False).raise_for_failures()
    board = ws.compare("model")
    page = board.side_by_side(board.frame.partition_key)
    html = page._repr_html_()
    assert html.count("trained with 0.1") == html.count("trained with 0.2") == 1
    assert html.count("def model(") == 1, "what all have in common is shown once"
    assert "<b>" not in html.split("</style>")[-1]
