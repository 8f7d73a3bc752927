"""The actions of a workspace's widgets, on a real workspace."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from nbpart.errors import ConditionError, DeclarationError, MissingInputError, UnknownNameError
from nbpart.widgets.actions import Actions
from nbpart.workspace.actions import WorkspaceActions
from nbpart.workspace.view import make_graph, make_monitor
from tests.recording import record

#: Keys of which other tools made two, or a range.
ODD = ['{"scenario":1, "version":1}', '{"scenario":1', '"version":1}', "a..b", "a", "b"]
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def actions(ws: nbpart.Workspace) -> Actions:
    files = ws.dynamic_partitions("files")

    @ws.asset(partitions=files)
    def frames(partition_key: str) -> pd.DataFrame:
        import pandas as pd

        print("working on", partition_key)
        if partition_key == "bad":
            raise ValueError("a <b>bad</b> file")
        return pd.DataFrame({"n": range(100), "key": partition_key})

    @ws.asset(partitions=files)
    def sizes(frames) -> dict:  # type: ignore[no-untyped-def, type-arg]
        return {"rows": len(frames)}

    return WorkspaceActions(ws.project)


def test_keys_are_added_and_removed_with_their_code(actions: Actions, ws: nbpart.Workspace) -> None:
    done = actions.add_keys("files", ["a", HOSTILE])
    assert (done.keys, done.message) == (("a", HOSTILE), "2 keys added.")
    assert done.code == f"ws.partition_sets['files'].add(['a', {HOSTILE!r}])"
    assert actions.add_keys("files", ["a", "b"]).message == "1 key added; 1 was there already."
    gone = actions.remove_keys("files", [HOSTILE], delete_data=False, reason="", dry_run=False)
    assert gone.code == f"ws.partition_sets['files'].remove({HOSTILE!r})"
    assert list(ws.partition_sets["files"]) == ["a", "b"]
    with pytest.raises(UnknownNameError, match="did you mean 'files'"):
        actions.add_keys("file", ["a"])


def test_a_grid_of_parameters_is_added(actions: Actions, ws: nbpart.Workspace) -> None:
    ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
    done = actions.add_grid("trials", {"lr": [0.1, 0.2], "depth": [3]})
    assert done.keys == ("depth=3,lr=0.1", "depth=3,lr=0.2")
    assert done.code == "ws.partition_sets['trials'].add_grid(lr=[0.1, 0.2], depth=3)"


def test_a_sample_is_added(actions: Actions, ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": nbpart.uniform(0, 1), "kind": str})
    done = actions.add_sample("trials", 3, 0, {"kind": HOSTILE})
    assert done.keys == tuple(trials)
    assert (done.message, actions.add_sample("trials", 5, 0, {"kind": HOSTILE}).message) == (
        "3 keys added.",
        "2 keys added; 3 were there already.",
    )
    assert done.code == f"ws.partition_sets['trials'].add_sample(3, sampler_seed=0, values={{'kind': {HOSTILE!r}}})"
    assert eval(done.code, {"ws": ws}) == []
    ws.dynamic_partitions("all", params={"k": nbpart.integers(1, 9)})
    assert actions.add_sample("all", 9, None, {}).code == "ws.partition_sets['all'].add_sample(9)"


def test_the_shown_code_does_the_same_as_the_action(actions: Actions, ws: nbpart.Workspace) -> None:
    actions.add_keys("files", ["a", "b"])
    plan = actions.plan(["frames"], ["a"], ["outdated"])
    assert plan.code == "ws.plan('frames', keys='a')"
    again = eval(plan.code, {"ws": ws})
    assert len(again) == plan.steps == 1
    assert plan.head == (("frames", "a", "never run"),)
    assert dict(plan.reasons) == {"missing": 1}
    several = actions.plan(["frames", "sizes"], None, ["missing", "failed"])
    assert several.code == "ws.plan(['frames', 'sizes'], status=['missing', 'failed'])"
    assert len(eval(several.code, {"ws": ws})) == several.steps == 4


def test_a_condition_is_counted_and_its_columns_are_listed(actions: Actions, ws: nbpart.Workspace) -> None:
    ws.dynamic_partitions("files").add(*ODD)
    record(ws, "frames", "a", pd.DataFrame({"n": [1]}), loss=0.5)
    columns = dict(actions.list_columns(["frames"]))
    assert list(columns)[:2] == ["partition_key", "status"]
    assert columns["loss"] == "number"
    assert "loss" not in dict(actions.list_columns(["frames", "sizes"]))
    assert "loss" in dict(actions.list_columns(["*"]))
    for key in ODD:
        where = f"partition_key = '{key}'"
        for keys, condition in (([key], ""), (None, where), (ODD, where)):
            found = actions.describe_choice(["frames"], keys, condition)
            plan = eval(found.code.replace("ws.plan(", "ws.plan(status='all', selection="), {"ws": ws})
            assert (found.count, list(plan.frame["partition_key"])) == (1, [key])
    none = actions.describe_choice(["frames"], None, "")
    assert (none.count, none.code) == (None, "ws.plan('frames')")
    with pytest.raises(ConditionError, match="at character"):
        actions.describe_choice(["frames"], None, "loss < 'x")
    with pytest.raises(UnknownNameError, match="Did you mean 'loss'"):
        actions.plan(["frames"], None, ["outdated"], "los < 1")
    plan = actions.plan(["frames"], ODD[:3], ["outdated"], "loss is null")
    assert (plan.steps, plan.code) == (3, f"ws.plan('frames', keys={ODD[:3]!r}, where='loss is null')")


def test_a_backfill_is_started_and_its_partitions_are_shown(actions: Actions, ws: nbpart.Workspace) -> None:
    actions.add_keys("files", ["a", "bad"])
    done = actions.backfill(["*"], None, ["outdated"], {"max_workers": 2})
    assert done.code == "ws.backfill('*', max_workers=2)"
    assert done.backfill_id is not None
    ws.backfills[done.backfill_id].wait(progress=False)

    good = actions.read_partition("frames", "a")
    assert (good.status, good.code) == ("materialized", "ws.load('frames', 'a')")
    assert good.materialization is not None
    assert (good.materialization.rows, good.materialization.run_id, good.run_id) == (
        100,
        good.runs[0].run_id,
        good.runs[0].run_id,
    )
    run = actions.read_run(good.runs[0].run_id)
    assert run.notebook is not None
    assert Path(run.notebook).exists()
    assert (run.materialization, run.has_log) == (good.materialization, True)
    assert "working on a" in actions.read_log(run.run_id).text
    assert len(eval(good.code, {"ws": ws})) == 100

    bad = actions.read_partition("frames", "bad")
    assert (bad.status, bad.runs[0].error, bad.materialization) == ("failed", "ValueError: a <b>bad</b> file", None)
    assert "ValueError" in actions.read_run(bad.runs[0].run_id).traceback

    table = actions.preview_data("frames", "a")
    assert (table.kind, table.columns, len(table.rows)) == ("table", ("n", "key"), 50)
    assert len(table.types) == 2
    assert len(actions.read_executed_notebook(run.run_id).cells) >= 2
    assert table.description == "100 rows, 2 columns; the first 50 and 2 are shown"
    assert actions.preview_data("sizes", "a").text == '{\n  "rows": 100\n}'
    with pytest.raises(MissingInputError, match="frames/bad has no data yet"):
        actions.preview_data("frames", "bad")
    nothing = actions.backfill(["frames"], ["a"], ["outdated"], {})
    assert (nothing.backfill_id, "up to date" in nothing.message) == (None, True)

    again = actions.retry_failed(done.backfill_id)
    assert again.backfill_id is not None
    ws.backfills[again.backfill_id].wait(progress=False)
    assert actions.cancel(again.backfill_id).code == f"ws.backfills[{again.backfill_id!r}].cancel()"


def test_verbs_ask_with_the_number_and_spell_their_line(
    actions: Actions, ws: nbpart.Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(dry_run: bool, reason: str = "") -> dict[str, Any]:
        return {"dry_run": dry_run, "reason": reason}

    files = ws.partition_sets["files"]
    files.add("a", HOSTILE)
    for key in ("a", HOSTILE):
        for n in range(3):
            record(ws, "frames", key, pd.DataFrame({"n": [n]}))
        record(ws, "sizes", key, {"rows": 1})
    old = actions.prune(["frames"], None, "", keep=1, **asked(True))
    assert re.fullmatch(
        r"Delete 4 files \([\d.]+ \w+\)\? The newest run and data of each partition stay, and what is current\.",
        old.message,
    )
    assert (old.count, old.code) == (4, "ws.prune(keep=1, assets='frames')")
    assert len(eval(old.code.replace(")", ", dry_run=True)"), {"ws": ws})) == 4
    stray = ws.root / "data" / "frames" / "stray.txt"
    stray.write_text("x")
    os.utime(stray, (0, 0))
    everything = actions.prune(["*"], None, "", keep=2, **asked(True, "room"))
    assert "Delete 3 files" in everything.message
    assert "1 unknown to the catalog" in everything.message
    assert everything.code == "ws.prune(keep=2, reason='room')"
    with pytest.raises(DeclarationError, match="keep at least 1"):
        actions.prune(["frames"], None, "", keep=0, **asked(True))
    current = actions.prune(["frames"], [HOSTILE], "", keep=0, **asked(True))
    assert re.match(
        r"Delete the data of 1 partition of frames, 3 files \(.*\)\? It stays materialized,", current.message
    )
    done = actions.prune(["frames"], [HOSTILE], "", keep=0, **asked(False, "room"))
    assert re.match(r"Pruned 1 partition of frames; 3 files \(.*\) deleted\.", done.message)
    assert done.code == f"ws.prune(keep=0, assets='frames', keys={HOSTILE!r}, reason='room')"
    assert ws.history("frames", HOSTILE).loc[0, ["event", "reason"]].tolist() == ["pruned", "room"]
    none = actions.prune(["frames"], [HOSTILE], "", keep=0, **asked(True))
    assert (none.count, none.message.startswith("Would have pruned nothing; 1 without data to prune")) == (0, True)

    wiped = actions.wipe(["sizes"], ["a"], "", data=True, **asked(True))
    assert wiped.message == "Wipe 1 partition of sizes? 1 file to delete."
    assert wiped.code == "ws.wipe('sizes', keys='a', data=True)"

    monkeypatch.chdir(project)
    (project / "old").mkdir()
    hint = actions.adopt("sizes", "", version="hash", **asked(True))
    assert (hint.count, hint.code) == (0, "")
    assert hint.message.startswith("Which files? Their path, with {partition_key} where they differ; a relative one")
    assert str(project) in hint.message
    with pytest.raises(MissingInputError, match="there are no files"):
        actions.adopt("sizes", "old/{partition_key}.json", version="hash", **asked(True))
    for key in ("a", "new"):
        (project / "old" / f"{key}.json").write_text("{}")
    question = actions.adopt("sizes", "old/{partition_key}.json", version="hash", **asked(True))
    assert (question.message, question.count) == (
        "Adopt the files of 2 partitions of sizes? 1 new key to add to files.",
        2,
    )
    adopted = actions.adopt("sizes", "old/{partition_key}.json", version="size+mtime", **asked(False, "of last year"))
    assert adopted.message == "Adopted 2 partitions of sizes; 1 new key added to files."
    assert adopted.code == (
        "ws.adopt('sizes', 'old/{partition_key}.json', version='size+mtime', reason='of last year')"
    )
    assert eval(adopted.code, {"ws": ws}).verb == "adopted"

    plain = actions.remove_keys("files", ["a"], delete_data=False, **asked(True))
    assert (plain.message, plain.count) == ("Remove 'a' from files? The history and the data stay.", 1)
    grave = actions.remove_keys("files", ["a", HOSTILE], delete_data=True, **asked(True, "withdrawn"))
    assert grave.message.startswith(
        "Remove 2 keys from files and delete all that runs left of them: 4 partitions with data, "
    )
    assert f"Nothing brings them back. Adopted files stay, delete them yourself: {project}" in grave.message
    assert list(files) == ["a", HOSTILE, "new"]
    last = actions.remove_keys("files", ["a", HOSTILE], delete_data=True, **asked(False, "withdrawn"))
    assert last.message.startswith("Erased 2 keys, 4 partitions with data, ")
    assert last.code == (f"ws.partition_sets['files'].remove('a', {HOSTILE!r}, delete_data=True, reason='withdrawn')")
    assert (list(files), (project / "old" / "a.json").exists()) == (["new"], True)


def test_an_asset_says_by_number_why_it_is_not_up_to_date(actions: Actions, ws: nbpart.Workspace) -> None:
    ws.partition_sets["files"].add("a", "b", "c", HOSTILE)
    assert actions.explain_asset("sizes") == ("4 missing (first: a): never run",)
    ws.source("inbox", "inbox/{partition_key}", partitions=ws.partition_sets["files"])
    [absent] = actions.explain_asset("inbox")
    assert absent.startswith("4 missing (first: a): waiting: there is no file at ")
    for key in ("b", "c", HOSTILE):
        record(ws, "frames", key, pd.DataFrame({"n": [1]}))
        record(ws, "sizes", key, "1")
    assert actions.explain_asset("sizes") == ("1 missing (a): never run",)
    for key in ("c", HOSTILE):
        record(ws, "frames", key, pd.DataFrame({"n": [2]}))
    changed, missing = actions.explain_asset("sizes")
    assert changed.startswith("2 stale (first: c): input frames[c] changed ")
    assert missing == "1 missing (a): never run"
    assert actions.explain_asset("frames") == ("1 missing (a): never run",)

    @ws.asset
    def report(sizes) -> str:  # type: ignore[no-untyped-def]
        return "done"

    assert actions.explain_asset("report") == ("missing: never run",)
    with pytest.raises(UnknownNameError):
        actions.explain_asset("none")


def test_a_long_key_leaves_room_for_the_reason(actions: Actions, ws: nbpart.Workspace) -> None:
    key = f"begin-{'k' * 300}-end"
    ws.partition_sets["files"].add(key)
    record(ws, "frames", key, pd.DataFrame({"n": [1]}))
    record(ws, "sizes", key, "1")
    record(ws, "frames", key, pd.DataFrame({"n": [2]}))
    [told] = actions.explain_asset("sizes")
    assert len(told) < 120
    assert told.startswith("1 stale (begin-kk")
    assert "kk-end]" in told
    assert " changed " in told


def test_widgets_are_made_of_a_workspace(actions: Actions, ws: nbpart.Workspace) -> None:
    graph = make_graph(ws.project)
    assert [card.name for card in graph.model.cards] == ["frames", "sizes"]
    graph.close()
    with pytest.raises(UnknownNameError):
        make_monitor(ws.project, "none")
