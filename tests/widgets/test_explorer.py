from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import nbpart
from nbpart.backfill.options import BackfillOptions
from nbpart.catalog import Batch, Moment, events, queries
from nbpart.widgets.actions import DataPreview, ExecutedCell, ExecutedNotebook
from nbpart.widgets.explorer import Explorer
from tests.recording import record, write_notebook
from tests.widgets.pages import Page

HOSTILE = "<img src=x onerror=alert(1)>"
GO_ON = "go-on"


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[nbpart.Workspace]:
    monkeypatch.chdir(tmp_path)
    with nbpart.open("workspace") as workspace:
        files = workspace.dynamic_partitions("files")
        files.add("a", "bad", HOSTILE)
        workspace.dynamic_partitions("trials", params={"lr": float, "depth": int})

        @workspace.asset(partitions=files)
        def raw(partition_key: str) -> pd.DataFrame:
            import pandas as pd

            print("working on", partition_key)
            if partition_key == "bad":
                raise ValueError("a <b>bad</b> file")
            return pd.DataFrame({"n": range(3), "key": partition_key})

        @workspace.asset(partitions=files)
        def sizes(raw) -> dict:  # type: ignore[no-untyped-def, type-arg]
            return {"rows": len(raw)}

        @workspace.asset
        def report(sizes) -> str:  # type: ignore[no-untyped-def]
            return "done"

        yield workspace


@pytest.fixture
def explorer(ws: nbpart.Workspace) -> Iterator[Explorer]:
    explorer = ws.explore()
    yield explorer
    explorer.close()


@pytest.fixture
def page(explorer: Explorer) -> Page:
    return Page(explorer.panel)


def panel_state(explorer: Explorer) -> dict[str, Any]:
    with explorer.panel.lock:
        return dict(explorer.panel.state()["panel"])


def click(explorer: Explorer, row: int, *places: int) -> None:
    """Select places of a row of the first band, as a click does."""
    view = explorer.heatmap._view_state.view().head["view"]
    explorer.heatmap._select(view, 0, [row], [[place, place + 1] for place in places])


def ask(page: Page, explorer: Explorer, action: str, **payload: Any) -> dict[str, Any]:
    answer = page.ask(action, payload)
    assert answer["ok"], answer
    return dict(answer["payload"])


def plan_payload(explorer: Explorer, **more: Any) -> dict[str, Any]:
    number = explorer.panel.model.selection.number
    return {"selection_number": number, "inputs": False, "readers": False, "status": "outdated", "where": ""} | more


def run_all(ws: nbpart.Workspace, selection: str = "*") -> None:
    ws.backfill(selection, max_workers=2).wait(progress=False)


def wait_for_partition(explorer: Explorer, key: str | None) -> dict[str, Any]:
    """What is shown of a partition, once its facts were read."""

    def is_read() -> bool:
        shown = explorer.panel.model.partition
        return shown is not None and shown.partition_key == key

    until(is_read)
    return panel_state(explorer)


def until(wanted: Callable[[], bool], timeout_s: float = 30) -> None:
    """Wait until it is so: changes are delivered a moment after a write."""
    end = time.monotonic() + timeout_s
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.02)


def tell(partition: dict[str, Any]) -> str:
    """Why a partition is what it is, as the panel shows it, with the time left out."""
    return re.sub(r" \d\d:\d\d", "", "".join(text for text, _ in partition["why"]))


def start_backfill_elsewhere(ws: nbpart.Workspace, asset: str, key: str) -> tuple[int, str]:
    """A backfill of one step that another process has begun."""
    asset_id = ws.project.registry()[asset].asset_id

    def work(batch: Batch) -> tuple[int, str]:
        other = events.start_coordinator(batch, "elsewhere", 1, f"elsewhere-1-{'0' * 8}.lock", "test")
        steps = pd.DataFrame(
            {"asset_id": [asset_id], "key_id": [queries.find_key(batch, asset_id, key)], "reason": ["missing"]}
        )
        given, moment = BackfillOptions(max_workers=1).to_json(), Moment(batch.sequence, batch.now)
        return events.start_backfill(batch, asset, given, other, steps, moment)

    return ws.project.catalog.write(work)


def test_it_begins_with_all_assets(explorer: Explorer) -> None:
    now = panel_state(explorer)
    assert (now["selection"]["kind"], now["assets"], sum(now["selection"]["counts"])) == ("all", 3, 7)
    assert [form["name"] for form in now["sets"]] == ["files", "trials"]
    assert [field["name"] for field in now["sets"][1]["params"]] == ["depth", "lr"]


def test_the_last_selection_is_shown_in_graph_heatmap_and_panel(explorer: Explorer) -> None:
    explorer.graph.selection = ["raw", "sizes"]
    assert panel_state(explorer)["selection"]["counts"][0] == 6
    click(explorer, 1, 0, 2)
    chosen = panel_state(explorer)["selection"]
    assert (chosen["kind"], chosen["keys"], chosen["n_keys"], chosen["counts"][0]) == (
        "partitions",
        ["a", HOSTILE],
        2,
        2,
    )
    assert explorer.graph.selection == ["sizes"]
    explorer.graph.selection = ["raw"]
    assert explorer.heatmap.selection is None
    assert panel_state(explorer)["selection"]["title"] == "raw"
    click(explorer, 0, 1)
    explorer.heatmap._clear()
    assert panel_state(explorer)["selection"]["kind"] == "assets"
    explorer.graph.selection = []
    assert panel_state(explorer)["selection"]["kind"] == "all"


def test_one_partition_is_read_on_another_thread(explorer: Explorer, page: Page, ws: nbpart.Workspace) -> None:
    run_all(ws, "raw")
    click(explorer, 0, 1)
    shown = wait_for_partition(explorer, "bad")
    assert shown["partition"]["status"] == "failed"
    assert shown["run"]["error"] == "ValueError: a <b>bad</b> file"
    assert "ValueError" in shown["run"]["traceback"]
    assert "\x1b" not in shown["run"]["traceback"]
    assert Path(shown["run"]["notebook"]).exists()
    cells = ask(page, explorer, "read_executed_notebook", run_id=shown["run"]["id"])["cells"]
    assert any("a <b>bad</b> file" in output.get("text", "") for cell in cells for output in cell["outputs"])


def test_data_and_log_are_asked_for(explorer: Explorer, page: Page, ws: nbpart.Workspace) -> None:
    run_all(ws, "raw")
    click(explorer, 0, 2)
    run = wait_for_partition(explorer, HOSTILE)["run"]
    number = explorer.panel.model.selection.number
    data = ask(page, explorer, "preview_data", selection_number=number, run_id=None, file=None)
    assert (data["columns"], data["rows"][0]) == (["n", "key"], ["0", HOSTILE])
    assert data["types"][0] == "int64"
    log = ask(page, explorer, "read_log", run_id=run["id"], after=None)
    assert f"working on {HOSTILE}" in log["text"]
    assert ask(page, explorer, "read_log", run_id=run["id"], after=log["end"])["text"] == ""
    assert not page.ask("preview_data", {"selection_number": number - 1, "run_id": None, "file": None})["ok"]


def test_a_run_is_opened_as_it_was(explorer: Explorer, page: Page, ws: nbpart.Workspace) -> None:
    run_all(ws, "raw")
    first = ws.runs(asset="raw", partition_key="a")["run_id"].iloc[0]
    ws.materialize("raw", "a")
    click(explorer, 0, 0)
    runs = wait_for_partition(explorer, "a")["partition"]["runs"]
    assert [run["id"] for run in runs][1:] == [first]
    answer = ask(page, explorer, "open_run", run_id=first)
    assert (answer["message"], answer["code"]) == (f"As run {first} left it.", f"ws.get_run({first!r})")
    page.wait_for(lambda m: ((m.get("payload") or {}).get("run") or {}).get("id") == first)
    assert panel_state(explorer)["opened_run_id"] == first
    other = ws.runs(asset="raw", partition_key="bad")["run_id"].iloc[0]
    assert "no run of what is selected" in page.ask("open_run", {"run_id": other})["error"]["message"]
    assert "no run" in page.ask("open_run", {"run_id": HOSTILE})["error"]["message"]
    ask(page, explorer, "open_run", run_id=None)
    assert panel_state(explorer)["opened_run_id"] is None


def test_it_plans_and_runs_what_is_selected(explorer: Explorer, page: Page, ws: nbpart.Workspace) -> None:
    click(explorer, 1, 0)
    plan = ask(page, explorer, "plan", **plan_payload(explorer, inputs=True))
    assert (plan["steps"], plan["message"], plan["code"]) == (2, "2 steps: 2 missing", "ws.plan('+sizes', keys='a')")
    assert plan["head"] == [("raw", "a", "never run"), ("sizes", "a", "never run")]
    number = explorer.panel.model.selection.number
    found = ask(page, explorer, "describe_choice", selection_number=number, where=" partition_key = 'b' ")
    assert (found["count"], found["code"]) == (0, "ws.plan('sizes', keys='a', where=\"partition_key = 'b'\")")
    assert ("status", "text") in ask(page, explorer, "list_columns", selection_number=number)["columns"]
    wrong = page.ask("describe_choice", {"selection_number": number, "where": "statsu = 1"})
    assert "Did you mean 'status'" in wrong["error"]["message"]
    done = ask(page, explorer, "backfill", **plan_payload(explorer, inputs=True), max_workers=2, retries=None)
    assert done["code"] == "ws.backfill('+sizes', keys='a', max_workers=2)"
    page.wait_for(lambda m: any(b["status"] == "succeeded" for b in (m.get("payload") or {}).get("backfills", ())))
    page.wait_for(lambda m: ((m.get("payload") or {}).get("partition") or {}).get("status") == "materialized")
    assert ws.status().loc["sizes", "materialized"] == 1


def test_all_keys_of_a_set_are_planned_without_naming_them(explorer: Explorer, page: Page) -> None:
    view = explorer.heatmap._view_state.view().head["view"]
    explorer.heatmap._select(view, 0, [0], [[0, 3]])
    assert ask(page, explorer, "plan", **plan_payload(explorer))["code"] == "ws.plan('raw')"
    explorer.panel.model = replace(
        explorer.panel.model,
        selection=replace(explorer.panel.model.selection, keys=None, has_all_keys=False, n_keys=10**6),
    )
    assert "one by one" in page.ask("plan", plan_payload(explorer))["error"]["message"]


def test_a_plan_of_what_was_selected_before_is_refused(explorer: Explorer, page: Page) -> None:
    payload = plan_payload(explorer)
    click(explorer, 0, 0)
    assert "has changed since" in page.ask("plan", payload)["error"]["message"]
    assert not page.ask("plan", plan_payload(explorer, status="1; DROP TABLE"))["ok"]


def test_keys_are_added_as_text_and_by_parameters(explorer: Explorer, page: Page, ws: nbpart.Workspace) -> None:
    done = ask(page, explorer, "add_keys", **add_to("files"), text="new\na\n")
    assert (done["message"], done["code"]) == (
        "1 key added; 1 was there already.",
        "ws.partition_sets['files'].add(['new', 'a'])",
    )
    axes = {"lr": "0.1, 0.2", "depth": "1..5"}
    assert ask(page, explorer, "count_grid", partitions="trials", parent="", axes=axes)["n_keys"] == 10
    done = ask(page, explorer, "add_grid", **add_to("trials"), axes=axes)
    assert done["code"] == "ws.partition_sets['trials'].add_grid(depth=range(1, 6), lr=[0.1, 0.2])"
    assert len(ws.partition_sets["trials"]) == 10
    assert eval(done["code"], {"ws": ws}) == []
    page.wait_for(lambda m: sum(((m.get("payload") or {}).get("selection") or {}).get("counts", ())) == 9)
    lacking = {"partitions": "trials", "parent": "", "axes": {"depth": "1"}}
    assert "lr: a value" in page.ask("count_grid", lacking)["error"]["message"]
    assert "no parameters" in page.ask("add_grid", {**add_to("files"), "axes": {}})["error"]["message"]


def test_a_sample_is_added_by_a_form(explorer: Explorer, page: Page, ws: nbpart.Workspace) -> None:
    params = {"lr": nbpart.loguniform(1e-4, 1e-1), "kind": nbpart.choice(["a", "b", None]), "n": int, "d": float}
    space = ws.dynamic_partitions("space", params={**params, "d": nbpart.Param(float, default=0.5)})
    below = ws.dynamic_partitions(
        "below", params={"k": nbpart.integers(1, 3)}, under={"file": ws.partition_sets["files"]}
    )
    page.wait_for(lambda m: "below" in {one["name"] for one in (m.get("payload") or {}).get("sets", ())})
    shown = {one.name: one.to_json() for one in explorer.panel.model.sets}
    assert [(field["name"], field["drawn"], field["choices"]) for field in shown["space"]["params"]] == [
        ("d", "", []),
        ("kind", "choice(['a', 'b', None])", ["a", "b", "null"]),
        ("lr", "loguniform(0.0001, 0.1)", []),
        ("n", "", []),
    ]
    draw = {"partitions": "space", "parent": "", "n_points": 20, "seed": 0}
    done = ask(page, explorer, "add_sample", **draw, values={"n": "3", "lr": ""})
    assert done["message"] == "20 keys added."
    assert done["code"] == "ws.partition_sets['space'].add_sample(20, sampler_seed=0, values={'n': 3})"
    assert set(space.frame["n"]) == {3}
    done = ask(page, explorer, "add_sample", **draw, values={"n": "3"})
    assert done["message"] == "0 keys added; 20 were there already."
    new = {"partitions": "below", "parent": "a", "n_points": 3, "seed": None}
    assert ask(page, explorer, "add_sample", **new, values={})["message"] == "3 keys added."
    assert len(below) == 3

    def refuse(payload: dict[str, Any], **values: str) -> str:
        return str(page.ask("add_sample", {**payload, "values": values})["error"]["message"])

    assert refuse(draw) == "n: a value is needed (int), as nothing says what to draw."
    assert "takes int, not 'x'" in refuse(draw, n="x")
    assert "no parameter 'm'" in refuse(draw, m="x")
    assert "and of 3 only 0 are not in the set yet" in refuse(new)
    assert "no parameters" in refuse({**draw, "partitions": "files"})
    assert "a key of files is needed" in refuse({**new, "parent": ""})


def add_to(partitions: str, parent: str = "", **columns: str) -> dict[str, Any]:
    """What every form that adds keys sends."""
    return {"partitions": partitions, "parent": parent, "columns": columns}


def test_keys_are_added_with_columns_and_below_parents_of_several_levels(
    explorer: Explorer, page: Page, ws: nbpart.Workspace
) -> None:
    samples = ws.dynamic_partitions("samples", columns={"batch": str, "n": int})
    chunks = ws.dynamic_partitions("chunks", under={"sample": samples})
    tiles = ws.dynamic_partitions("tiles", under={"chunk": chunks}, params={"x": int}, columns={"note": str})
    ws.partitions(nbpart.DailyPartitions("days", start="2013-01-01", end="2013-01-04"))
    page.wait_for(lambda m: "days" in {one["name"] for one in (m.get("payload") or {}).get("sets", ())})
    shown = {one.name: one.to_json() for one in explorer.panel.model.sets}
    assert [(f["name"], f["kind"]) for f in shown["samples"]["columns"]] == [("batch", "str"), ("n", "int")]
    assert (shown["chunks"]["parent"], shown["chunks"]["own"]) == ({"column": "sample", "set": "samples"}, "chunks")
    assert (shown["tiles"]["parent"], shown["tiles"]["own"]) == ({"column": "chunk", "set": "chunks"}, "")
    assert not shown["days"]["is_editable"]
    assert "comes when it has ended" in shown["days"]["origin"]
    assert next(iter(shown)) != "days", "sets with a form come first"

    done = ask(page, explorer, "add_keys", **add_to("samples", batch="A, B", n="3"), text="<b>s/1</b>\ns2")
    assert samples.row("s2") == {"batch": "A, B", "n": 3}
    assert eval(done["code"], {"ws": ws}) == []
    done = ask(page, explorer, "add_keys", **add_to("chunks", "<b>s/1</b>"), text="1\n2/3")
    assert list(chunks) == ["<b>s%2F1<%2Fb>/1", "<b>s%2F1<%2Fb>/2%2F3"]
    assert eval(done["code"], {"ws": ws}) == []
    below = add_to("tiles", chunks[1], note="seen")
    counted = {name: value for name, value in below.items() if name != "columns"}
    assert ask(page, explorer, "count_grid", **counted, axes={"x": "1..3"})["first"] == f"{chunks[1]}/x=1"
    done = ask(page, explorer, "add_grid", **below, axes={"x": "1..3"})
    assert done["message"] == "3 keys added."
    assert [row["note"] for row in tiles.frame.to_dict("records")] == ["seen"] * 3
    assert eval(done["code"], {"ws": ws}) == []

    def refuse(action: str, payload: dict[str, Any]) -> str:
        return str(page.ask(action, payload)["error"]["message"])

    assert "a key of chunks is needed" in refuse("add_grid", {**add_to("tiles"), "axes": {"x": "1"}})
    assert "'none'" in refuse("add_keys", {**add_to("chunks", "none"), "text": "1"})
    assert "takes int" in refuse("add_keys", {**add_to("samples", n="many"), "text": "s3"})
    assert "no column 'sex'" in refuse("add_keys", {**add_to("samples", sex="f"), "text": "s3"})
    assert "to which keys can be added" in refuse("add_keys", {**add_to("days"), "text": "2013-01-09"})
    assert (len(samples), len(chunks), len(tiles)) == (2, 2, 3)


def test_keys_are_removed_only_as_they_were_shown(explorer: Explorer, page: Page, ws: nbpart.Workspace) -> None:
    click(explorer, 0, 0, 2)
    number = explorer.panel.model.selection.number
    given = {"delete_data": False, "reason": "", "dry_run": False}
    one = {"selection_number": number, "n_keys": 1, **given}
    assert "2 are selected now" in page.ask("remove_keys", one)["error"]["message"]
    question = ask(page, explorer, "remove_keys", **{**one, "n_keys": 2, "dry_run": True})
    assert (question["message"], question["count"]) == ("Remove 2 keys from files? The history and the data stay.", 2)
    grave = ask(page, explorer, "remove_keys", **{**one, "n_keys": 2, "dry_run": True, "delete_data": True})
    assert "delete all that runs left of them: 0 partitions with data, 0 files, in all assets?" in grave["message"]
    assert (explorer.heatmap.selection is None, len(ws.partition_sets["files"])) == (False, 3)
    done = ask(page, explorer, "remove_keys", **{**one, "n_keys": 2})
    assert done["message"] == "Removed 2 keys; the history and the data stay."
    assert list(ws.partition_sets["files"]) == ["bad"]
    assert explorer.heatmap.selection is None
    explorer.graph.selection = ["raw"]
    number = explorer.panel.model.selection.number
    nothing = {"selection_number": number, "n_keys": 0, **given}
    assert "Select keys" in page.ask("remove_keys", nothing)["error"]["message"]


def test_an_asset_without_partitions_is_selected_in_the_graph(explorer: Explorer, page: Page) -> None:
    explorer.graph.selection = ["report"]
    shown = wait_for_partition(explorer, None)
    assert (shown["partition"]["status"], shown["partition"]["runs"]) == ("missing", [])


def test_a_double_click_shows_one_asset_in_the_heatmap(explorer: Explorer) -> None:
    explorer.graph._focus("sizes")
    assert [[row.name for row in band.rows] for band in explorer.heatmap._view_state.bands] == [["sizes"]]
    assert explorer.heatmap._view_state.view().head["focus"] == ["sizes"]
    explorer.heatmap.focus(None)
    assert [len(band.rows) for band in explorer.heatmap._view_state.bands] == [2, 1]


def test_a_log_is_followed_while_it_grows(explorer: Explorer, page: Page, ws: nbpart.Workspace) -> None:
    files = ws.partition_sets["files"]

    @ws.asset(partitions=files)
    def slow(partition_key: str) -> int:
        import time
        from pathlib import Path

        print("<b>begun</b>", flush=True)
        while not Path("go-on").exists():
            time.sleep(0.05)
        print("ended", flush=True)
        return {}  # type: ignore[return-value]

    backfill = ws.backfill("slow", keys="a")
    page.wait_for(lambda m: any(b["is_active"] for b in (m.get("payload") or {}).get("backfills", ())))
    explorer.graph.selection = ["slow"]
    explorer.panel._show_selection(replace(explorer.panel.model.selection, kind="partition", keys=("a",)))
    run = page.wait_for(lambda m: bool(((m.get("payload") or {}).get("run") or {}).get("has_log")))["payload"]["run"]
    text, after = "", None
    for _ in range(400):
        log = ask(page, explorer, "read_log", run_id=run["id"], after=after)
        text, after = text + log["text"], log["end"]
        if "begun" in text and not Path(GO_ON).exists():
            Path(GO_ON).touch()
        if "ended" in text:
            break
        threading.Event().wait(0.05)
    assert "<b>begun</b>" in text
    assert text.count("ended") == 1
    backfill.wait(progress=False)
    page.wait_for(lambda m: ((m.get("payload") or {}).get("run") or {}).get("is_live") is False)


def test_pictures_are_sent_as_bytes_and_texts_cleaned(
    explorer: Explorer, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = ExecutedNotebook((ExecutedCell("code", HOSTILE, ("\x1b[31mred", b"png")),), 2)
    monkeypatch.setattr(explorer.panel._actions, "read_executed_notebook", lambda run_id: book)
    answer = ask(page, explorer, "read_executed_notebook", run_id="x")
    assert answer["cells"] == [{"kind": "code", "source": HOSTILE, "outputs": [{"text": "red"}, {"image": 0}]}]
    assert (answer["omitted_cells"], page.buffers[-1]) == (2, [b"png"])
    click(explorer, 0, 0)
    monkeypatch.setattr(
        explorer.panel._actions, "preview_data", lambda *_: DataPreview("image", "f.png", "c", image=b"png")
    )
    number = explorer.panel.model.selection.number
    assert ask(page, explorer, "preview_data", selection_number=number, run_id=None, file="roc")["kind"] == "image"


def test_its_static_form_holds_all_three(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data))
    explorer._ipython_display_()
    html = shown[0]["text/html"]
    assert f"nbpart-static-{explorer.panel.static_id}" in html
    assert "<img" not in html
    assert all(part in html for part in ("nbpart-g", "nbpart-heat-static", "All assets"))
    assert shown[1]["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id


def test_refresh_and_plan_say_what_was_edited_and_when_code_was_checked(
    explorer: Explorer, page: Page, ws: nbpart.Workspace, tmp_path: Path
) -> None:
    path = write_notebook(tmp_path / "edited.ipynb", "x = 1")
    ws.notebook(path)
    assert ask(page, explorer, "refresh")["message"] == "Nothing changed."
    seen = panel_state(explorer)["code_checked_at"]
    assert datetime.fromisoformat(seen) == ws.code_checked_at
    write_notebook(path, "x = 2")
    answer = ask(page, explorer, "refresh")
    assert answer["message"].startswith("Edited and taken up: ")
    assert "edited.ipynb (edited)" in answer["message"]
    assert answer["code"] == "ws.refresh()"
    write_notebook(path, "x = 3")
    assert "Edited and taken up: " in ask(page, explorer, "plan", **plan_payload(explorer))["message"]
    path.write_text("{")
    assert "is no notebook" in ask(page, explorer, "refresh")["message"]
    assert not page.ask("plan", plan_payload(explorer))["ok"]
    assert panel_state(explorer)["code_checked_at"] > seen


def test_the_reason_names_what_led_to_it_and_leads_there(
    explorer: Explorer, page: Page, ws: nbpart.Workspace, tmp_path: Path
) -> None:
    files = ws.partition_sets["files"]
    ws.source("inbox", "inbox/{partition_key}", partitions=files)

    @ws.asset(partitions=files)
    def read(inbox) -> dict:  # type: ignore[no-untyped-def, type-arg]
        return {}

    @ws.asset(partitions=files)
    def below(read) -> dict:  # type: ignore[no-untyped-def, type-arg]
        return {}

    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / HOSTILE).write_text("x")
    for asset in ("read", "below"):
        record(ws, asset, HOSTILE, asset)
    (tmp_path / "inbox" / HOSTILE).write_text("more")
    assert "inbox (1 changed" in ask(page, explorer, "refresh")["message"]
    until(lambda: "below" in {asset.name for asset in explorer.panel.model.assets})

    def follow(asset: str, key: str | None) -> dict[str, Any]:
        ask(page, explorer, "show_partition", asset=asset, partition_key=key)
        until(lambda: (shown := explorer.panel.model.partition) is not None and shown.asset == asset)
        return panel_state(explorer)

    shown = follow("below", HOSTILE)
    named = f"read[{HOSTILE}]"
    assert tell(shown["partition"]) == f"stale: input {named} is stale: its source inbox[{HOSTILE}] changed"
    assert [part for part in shown["partition"]["why"] if part[1]] == [
        (named, {"asset": "read", "key": HOSTILE}),
        (f"inbox[{HOSTILE}]", {"asset": "inbox", "key": HOSTILE}),
    ]
    assert (explorer.graph.selection, explorer.heatmap.selection.keys) == (["below"], (HOSTILE,))
    assert explorer.heatmap.state()["head"]["selection"]["ranges"] == [(2, 3)]
    shown = follow("inbox", HOSTILE)  # which no heatmap has
    assert (shown["selection"]["kind"], shown["selection"]["key"]) == ("partition", HOSTILE)
    assert (explorer.graph.selection, explorer.heatmap.selection) == (["inbox"], None)
    assert tell(shown["partition"]) == "materialized: seen"
    number = explorer.panel.model.selection.number
    given = {"delete_data": False, "reason": "", "dry_run": False}
    ask(page, explorer, "remove_keys", selection_number=number, n_keys=1, **given)
    assert panel_state(explorer)["selection"]["title"] == "inbox"
    assert follow("report", None)["partition"]["status"] == "missing"
    gone = {"asset": HOSTILE, "partition_key": "a"}
    assert "no asset" in page.ask("show_partition", gone)["error"]["message"]


def test_what_is_selected_is_accepted_and_wiped_after_a_question(
    explorer: Explorer, page: Page, ws: nbpart.Workspace
) -> None:
    for key in ("a", "bad", HOSTILE):
        record(ws, "raw", key, key)
    record(ws, "sizes", "a", "1")
    record(ws, "raw", "a", "other")

    def act(verb: str, **more: Any) -> dict[str, Any]:
        given = {"inputs": False, "readers": False, "where": "", "reason": "", "dry_run": False}
        number = explorer.panel.model.selection.number
        return page.ask(verb, {"selection_number": number, **given, **more})

    click(explorer, 1, 0)
    asked = act("accept", dry_run=True)["payload"]
    assert (asked["message"], asked["count"]) == ("Accept 1 partition of sizes without a run?", 1)
    done = act("accept", reason="only saved again")["payload"]
    assert (done["message"], done["count"]) == ("Accepted 1 partition of sizes.", 1)
    assert done["code"] == "ws.accept('sizes', keys='a', reason='only saved again')"
    assert ws.history("sizes", "a")["reason"][0] == "only saved again"
    until(lambda: panel_state(explorer)["partition"]["status"] == "materialized")
    again = act("accept", dry_run=True)["payload"]
    assert (again["message"], again["count"]) == ("Would have accepted nothing; 1 already current.", 0)
    click(explorer, 1, 1)
    assert act("accept", dry_run=True)["error"]["message"].startswith("sizes/bad has no data")

    explorer.graph.selection = ["raw"]
    some = "partition_key <> 'bad'"
    assert act("wipe", where=some, data=False, dry_run=True)["payload"]["message"] == "Wipe 2 partitions of raw?"
    done = act("wipe", where=some, data=False)["payload"]
    assert (done["message"], done["code"]) == ("Wiped 2 partitions of raw.", f"ws.wipe('raw', where=\"{some}\")")
    assert ws.status().loc["raw", "missing"] == 2
    claim(ws, "raw", "bad")
    assert "queued or running" in act("wipe", data=False, dry_run=True)["error"]["message"]


def test_old_data_are_pruned_and_files_adopted_of_what_is_selected(
    explorer: Explorer, page: Page, ws: nbpart.Workspace, tmp_path: Path
) -> None:
    for n in range(3):
        record(ws, "raw", HOSTILE, str(n))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "a.json").write_text("{}")

    def act(verb: str, **more: Any) -> dict[str, Any]:
        given = {"inputs": True, "readers": False, "where": "", "reason": "", "dry_run": False}
        number = explorer.panel.model.selection.number
        return page.ask(verb, {"selection_number": number, **given, **more})

    click(explorer, 0, 2)
    question = act("prune", keep=1, dry_run=True)["payload"]
    assert (question["count"], question["message"].startswith("Delete 2 files (")) == (2, True)
    done = act("prune", keep=0, where="partition_key like '<%'")["payload"]
    assert done["message"].startswith("Pruned 1 partition of raw; 3 files (")
    assert f"keys={HOSTILE!r}, where=" in done["code"]
    assert "a whole number from 0" in act("prune", keep=-1)["error"]["message"]
    assert "keep: a whole number" in act("prune", keep=None)["error"]["message"]

    files = {"path": " old/{partition_key}.json ", "version": "hash"}
    assert "without keys, and clear the condition" in act("adopt", **files)["error"]["message"]
    ask(page, explorer, "clear")
    explorer.graph.selection = ["raw"]
    assert "clear the condition" in act("adopt", where="true", **files)["error"]["message"]
    assert "one of hash, size+mtime" in act("adopt", **{**files, "version": "none"})["error"]["message"]
    assert act("adopt", **{**files, "path": " "})["payload"]["message"].startswith("Which files? ")
    assert act("adopt", dry_run=True, **files)["payload"]["message"] == "Adopt the files of 1 partition of raw?"
    done = act("adopt", **files)["payload"]
    assert (done["message"], done["count"]) == ("Adopted 1 partition of raw.", 1)
    assert done["code"] == "ws.adopt('raw', 'old/{partition_key}.json')"
    for several in ([], ["raw", "sizes"]):
        explorer.graph.selection = several
        assert "adopted for one asset" in act("adopt", **files)["error"]["message"]
    explorer.graph.selection = ["report"]
    (tmp_path / "report.txt").write_text("done")
    assert act("adopt", path="", version="hash")["payload"]["message"].startswith("Which file? Its path; ")
    assert act("adopt", path="report.txt", version="hash")["payload"]["count"] == 1


def claim(ws: nbpart.Workspace, asset: str, key: str) -> None:
    """A run that is queued, and never begins."""
    asset_id = ws.project.registry()[asset].asset_id

    def work(batch: Batch) -> None:
        key_id = queries.find_key(batch, asset_id, key)
        claims = {"asset_id": [asset_id], "key_id": [key_id], "code_version": None, "settings": None}
        frame = pd.DataFrame({"backfill_no": None, "step_no": [0]} | claims)
        events.claim_runs(batch, frame, ws.project.coordinator.number)

    ws.project.catalog.write(work)


@pytest.mark.parametrize("sort_by", [None, "key", "status"])
def test_adding_keys_leaves_what_is_selected_as_it_is(
    explorer: Explorer, page: Page, ws: nbpart.Workspace, sort_by: str | None
) -> None:
    explorer.heatmap.show(sort_by=sort_by)
    click(explorer, 0, 0, 1)
    ask(page, explorer, "add_keys", **add_to("files"), text="another\nand-another")
    until(lambda: explorer.heatmap._view_state.bands[0].places.n == 5)
    run_all(ws, "raw")
    until(lambda: panel_state(explorer)["selection"]["counts"][0] == 0)
    now = panel_state(explorer)
    assert (now["selection"]["n_keys"], sum(now["selection"]["counts"]), now["error"]) == (2, 2, "")


def test_adding_to_a_grid_leaves_what_is_selected_as_it_is(
    explorer: Explorer, page: Page, ws: nbpart.Workspace
) -> None:
    trials = ws.partition_sets["trials"]

    @ws.asset(partitions=trials)
    def model(lr: float, depth: int) -> dict:  # type: ignore[type-arg]
        return {"score": lr * depth}

    trials.add_grid(lr=[0.1, 0.2], depth=[1, 2])
    until(
        lambda: len(explorer.heatmap._view_state.bands) == 3 and explorer.heatmap._view_state.bands[1].layout == "grid"
    )
    view = explorer.heatmap._view_state.view().head["view"]
    explorer.heatmap._select(view, 1, [0], [[0, 3]])
    ask(page, explorer, "add_grid", **add_to("trials"), axes={"lr": "0.3", "depth": "1..2"})
    until(lambda: explorer.heatmap._view_state.bands[1].places.n == 6)
    ws.materialize("model", {"lr": 0.1, "depth": 1})
    until(lambda: panel_state(explorer)["selection"]["counts"][0] == 2)
    assert (panel_state(explorer)["selection"]["n_keys"], panel_state(explorer)["error"]) == (3, "")


def test_selected_keys_that_were_removed_are_unselected_with_a_message(
    explorer: Explorer, ws: nbpart.Workspace
) -> None:
    click(explorer, 0, 0, 1)
    ws.partition_sets["files"].remove("bad")
    until(lambda: panel_state(explorer)["selection"]["kind"] == "assets")
    assert explorer.heatmap.selection is None
    assert "select them again" in panel_state(explorer)["error"]


def test_panel_and_heatmap_say_what_blocks_a_partition(explorer: Explorer, page: Page, ws: nbpart.Workspace) -> None:
    run_all(ws, "+sizes")
    click(explorer, 1, 1)
    shown = wait_for_partition(explorer, "bad")["partition"]
    assert (tell(shown), shown["blocked"]) == ("blocked: raw[bad] failed: ValueError: a <b>bad</b> file", "")
    assert "blocked" in explorer.static_html()
    assert "<b>bad" not in explorer.panel.static_html()
    view = explorer.heatmap._view_state.view().head["view"]
    found = explorer.heatmap._details(view, 0, 1, 1).payload["partition"]
    assert found["blocked"] == "raw/bad failed: ValueError: a <b>bad</b> file"


def test_what_was_cut_off_can_be_resumed_from_an_explorer_that_is_opened_later(ws: nbpart.Workspace) -> None:
    number, backfill_id = start_backfill_elsewhere(ws, "raw", "a")
    ws.project.catalog.write(lambda b: events.finish_backfill(b, number, "interrupted"))
    explorer = ws.explore()
    page = Page(explorer.panel)
    [shown] = panel_state(explorer)["backfills"]
    assert (shown["id"], shown["status"], shown["allowed"]["resume"]) == (backfill_id, "interrupted", 1)
    done = ask(page, explorer, "resume", backfill_id=backfill_id)
    assert done["code"] == f"ws.backfills[{backfill_id!r}].resume()"
    ws.backfills[backfill_id].wait(progress=False)
    page.wait_for(lambda m: [b["status"] for b in (m.get("payload") or {}).get("backfills", ())] == ["succeeded"])
    explorer.close()


def test_what_was_asked_for_can_be_begun_or_let_go(explorer: Explorer, page: Page, ws: nbpart.Workspace) -> None:
    asset_id = ws.project.registry()["raw"].asset_id
    key_id = ws.project.catalog.read(lambda b: queries.find_key(b, asset_id, "a"))
    wanted = {asset_id: np.array([key_id])}
    options = BackfillOptions(max_workers=1).to_json()
    ids = [ws.project.catalog.write(lambda b: events.request_backfill(b, "raw", options, wanted))[1] for _ in range(2)]
    page.wait_for(lambda m: len((m.get("payload") or {}).get("backfills", ())) == 2)
    assert [b["status"] for b in panel_state(explorer)["backfills"]] == ["requested"] * 2
    assert "not begun" in panel_state(explorer)["backfills"][0]["waiting_for"]
    assert panel_state(explorer)["backfills"][0]["allowed"]["cancel"] is True
    ask(page, explorer, "cancel", backfill_id=ids[1])
    ask(page, explorer, "resume", backfill_id=ids[0])
    ws.backfills[ids[0]].wait(progress=False)
    assert ws.backfills[ids[1]].status == "cancelled"
    until(lambda: {b["status"] for b in panel_state(explorer)["backfills"]} == {"succeeded", "cancelled"})
    assert ws.partition_status("raw")["status"].tolist()[0] == "materialized"
