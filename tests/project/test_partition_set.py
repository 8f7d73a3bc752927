from __future__ import annotations

import logging
import os
from datetime import date
from typing import Any, Literal

import pandas as pd
import pytest

import nbpart
from nbpart import DeclarationError, Param, ParameterError, PartitionKeyError, UnknownNameError
from tests.recording import record


def test_add_returns_new_keys_and_keeps_their_order(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    assert files.add("b.csv", "a.csv") == ["b.csv", "a.csv"]
    assert files.add(["a.csv", "c.csv", "c.csv"], "d.csv") == ["c.csv", "d.csv"]
    assert files.add("a.csv") == files.add() == files.add([]) == []
    assert list(files) == ["b.csv", "a.csv", "c.csv", "d.csv"]
    assert len(files) == 4
    assert files.page(1, 2) == ["a.csv", "c.csv"]
    assert files.page(4) == []
    assert list(ws.dynamic_partitions("files")) == list(files)


def test_a_key_can_be_tested_for_membership(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a", "b")
    assert "a" in files
    assert ["a", "b"] in files
    for absent in ("c", ["a", "c"], [], "", 3, None, "\n", {"lr": 1}):
        assert absent not in files


def test_an_invalid_key_is_refused_and_nothing_is_added(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    for wrong in ("", "a\nb", "x" * 2000, 3):
        with pytest.raises(PartitionKeyError):
            files.add("good", wrong)
    assert list(files) == []


@pytest.mark.parametrize("key", ["../../x", "a/b", "CON", "x'; drop table runs;--", "🦆", "<script>", "x" * 500])
def test_any_printable_text_is_a_valid_key(ws: nbpart.Workspace, key: str) -> None:
    files = ws.dynamic_partitions("files")
    assert files.add(key) == [key]
    assert key in files
    _register_echo(ws, files)
    record(ws, "echo", key, {"key": key})
    assert ws.load("echo", key) == {"key": key}
    assert ws.sql("select partition_key from echo").fetchall() == [(key,)]
    assert ws.partition_status("echo").partition_key.tolist() == [key]
    assert {p.parent.parent for p in (ws.root / "data").rglob("*.json")} == {ws.root / "data" / "echo"}


def test_a_removed_key_keeps_its_history(ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nbpart")
    files = ws.dynamic_partitions("files")
    files.add("a", "b")
    _register_echo(ws, files)
    run = record(ws, "echo", "a", {"n": 1})
    run_id = ws.runs("echo", "a").run_id[0]
    assert run.partition_key == "a"
    assert files.remove("a", "nowhere") == ["a"]
    assert (list(files), "a" in files) == (["b"], False)
    assert ws.partition_status("echo").partition_key.tolist() == ["b"]
    assert ws.runs("echo", "a").run_id.tolist() == [run_id]
    assert ws.load("echo", "a", run=run_id) == {"n": 1}
    with pytest.raises(UnknownNameError, match="no partition 'a'"):
        ws.load("echo", "a")
    assert not caplog.messages
    assert files.add("a", "c") == ["a", "c"]
    assert caplog.messages == ["files: 'a' had been removed before; added again with its history."]
    assert list(files) == ["b", "a", "c"]
    assert ws.load("echo", "a") == {"n": 1}
    assert ws.partition_status("echo").status.tolist() == ["missing", "materialized", "missing"]


def test_removing_while_iterating(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    keys = [f"k{n}" for n in range(25)]
    files.add(keys)
    for key in files:
        files.remove(key)
    assert list(files) == []


def test_equal_parameters_make_equal_keys(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
    assert trials.add(lr=0.01, depth=3) == ["depth=3,lr=0.01"]
    assert trials.add({"depth": 3, "lr": 1e-2}, "lr=0.010,depth=3") == []
    assert trials.add({"depth": 3, "lr": 1}, [{"depth": 4, "lr": 1}]) == ["depth=3,lr=1.0", "depth=4,lr=1.0"]
    assert trials.row("depth=3,lr=0.01") == trials.row({"lr": 0.01, "depth": 3}) == {"depth": 3, "lr": 0.01}
    assert "lr=0.01,depth=3" in trials
    assert {"lr": 0.01, "depth": 3} in trials
    assert {"lr": 0.01} not in trials
    assert trials.remove(lr=0.01, depth=3) == ["depth=3,lr=0.01"]
    with pytest.raises(UnknownNameError, match=r"no key 'depth=3,lr=0\.01'; did you mean 'depth=3,lr=1\.0'"):
        trials.row("depth=3,lr=0.01")
    with pytest.raises(ParameterError, match="not both"):
        trials.add("depth=3,lr=1.0", lr=2)
    with pytest.raises(ParameterError, match="'depth' has no value"):
        trials.add(lr=2)


def test_a_grid_is_every_combination(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
    assert len(trials.add_grid(lr=[0.01, 0.1], depth=[3, 5])) == 4
    assert trials.add_grid(lr=0.1, depth=(3, 7)) == ["depth=7,lr=0.1"]
    with pytest.raises(ParameterError, match="no values"):
        trials.add_grid(lr=[], depth=3)
    assert len(trials) == 5


def test_rows_of_a_frame_or_dicts(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions(
        "trials",
        params={"n": int, "lr": float, "day": date, "limit": int | None, "kind": Param(Literal["a", "b"], default="b")},
    )
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "lr": [1, 2],
            "day": pd.to_datetime(["2013-01-01", "2013-01-02"]),
            "limit": [5, None],
            "kind": [None, "a"],
        }
    )
    assert frame["limit"].dtype == float
    added = trials.add_rows(frame)
    assert [trials.row(key) for key in added] == [
        {"n": 1, "lr": 1.0, "day": date(2013, 1, 1), "limit": 5, "kind": "b"},
        {"n": 2, "lr": 2.0, "day": date(2013, 1, 2), "limit": None, "kind": "a"},
    ]
    assert trials.add_rows(frame) == []
    assert trials.add_rows(frame[["n", "lr", "day", "kind"]].assign(limit=pd.array([5, None], dtype="Int64"))) == []
    assert len(trials.add_rows([{"n": 3, "lr": 1, "day": "2013-01-01", "limit": 1}])) == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (pd.DataFrame({"n": [1, None]}), "row 1: Parameter 'n' has no value"),
        (pd.DataFrame({"n": [1.5]}), "row 0: Parameter 'n' takes int, not 1.5"),
        (pd.DataFrame({"n": [1], "m": [2]}), "row 0: There is no parameter 'm'"),
        (["n=1"], "row 0 is no dict"),
        ([{"n": 1}, {"n": "x"}], "row 1: Parameter 'n' takes int"),
    ],
)
def test_an_error_names_the_wrong_row_and_nothing_is_added(ws: nbpart.Workspace, rows: Any, message: str) -> None:
    trials = ws.dynamic_partitions("trials", params={"n": int})
    with pytest.raises(ParameterError, match=message):
        trials.add_rows(rows)
    assert len(trials) == 0


def test_plain_keys_have_no_parameters(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a")
    assert (files.params, files.row("a")) == ({}, {})
    for call in (lambda: files.add_grid(lr=[1]), lambda: files.add_rows([{"lr": 1}])):
        with pytest.raises(DeclarationError, match="'files' have no parameters"):
            call()
    with pytest.raises(ParameterError, match="no parameters"):
        files.add(lr=1)


def test_a_new_parameter_needs_a_default_which_old_keys_get(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add(lr=0.1)
    with pytest.raises(ParameterError, match="'depth' is new"):
        ws.dynamic_partitions("trials", params={"lr": float, "depth": int})
    wider = ws.dynamic_partitions("trials", params={"lr": float, "depth": Param(int, default=3)})
    assert wider.add({"lr": 0.1}, {"lr": 0.1, "depth": 3}) == []
    assert wider.add(lr=0.1, depth=5) == ["depth=5,lr=0.1"]
    assert wider.row("lr=0.1") == {"lr": 0.1, "depth": 3}
    _register_echo(ws, wider)
    assert ws.partition_status("echo")[["partition_key", "depth", "lr"]].values.tolist() == [
        ["lr=0.1", 3, 0.1],
        ["depth=5,lr=0.1", 5, 0.1],
    ]
    # left out, what was declared holds
    assert ws.dynamic_partitions("trials").row({"lr": 0.1}) == {"lr": 0.1, "depth": 3}
    with pytest.raises(ParameterError, match="'lr' is gone"):
        ws.dynamic_partitions("trials", params={"depth": Param(int, default=3)})
    ws.dynamic_partitions("files").add("a")
    with pytest.raises(ParameterError, match="keys without parameters"):
        ws.dynamic_partitions("files", params={"lr": float})


def test_requests_for_sensors_are_built(ws: nbpart.Workspace) -> None:
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    assert trials.build_add_request([{"lr": 1}], "lr=2").keys == ("lr=1.0", "lr=2.0")
    assert trials.build_delete_request({"lr": 1}).set_name == "trials"


def test_the_repr(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add([f"k{n}" for n in range(7)])
    assert repr(files) == "<7 dynamic partitions 'files': 'k0', 'k1', 'k2', 'k3', 'k4', …>"
    assert ws.partition_sets.keys() == {"files"}


def _register_echo(ws: nbpart.Workspace, partitions: Any) -> None:
    def echo(partition_key: str) -> dict[str, str]:
        return {"key": partition_key}

    ws.asset(echo, partitions=partitions)


def test_a_thousand_membership_tests_are_right_and_make_few_queries(
    ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, elsewhere = ws.dynamic_partitions("files"), ws.dynamic_partitions("files")
    names = [f"é/{n}" for n in range(300)]
    elsewhere.add(names[::2])
    turns, read = [], ws.project.catalog.read
    monkeypatch.setattr(ws.project.catalog, "read", lambda work, **how: turns.append(1) or read(work, **how))
    assert [name in files for name in names] == [n % 2 == 0 for n in range(300)]
    assert len(turns) < 20
    elsewhere.remove(names[0])
    elsewhere.add(names[1])
    assert [name in files for name in names[:3]] == [False, True, True]
    assert [name in files for name in names] == [n == 1 or (n % 2 == 0 and n > 0) for n in range(300)]
    assert "" not in files


def test_a_bad_file_name_in_a_list_is_left_out_with_a_warning(
    ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["a.csv", os.fsdecode(b"caf\xe9.csv"), "b\nc.csv", "d.csv"]
    keys = ws.dynamic_partitions("listed")
    assert keys.add(names) == ["a.csv", "d.csv"]
    assert "2 of 4 names cannot be partition keys" in caplog.text
    assert "'caf\\udce9.csv', 'b\\nc.csv'" in caplog.text
    assert keys.build_add_request(names).keys == ("a.csv", "d.csv")
    with pytest.raises(PartitionKeyError, match="U\\+DCE9"):
        keys.add(names[1])
    with pytest.raises(PartitionKeyError, match="empty text"):
        keys.add(["e", ""])
    assert list(keys) == ["a.csv", "d.csv"]
