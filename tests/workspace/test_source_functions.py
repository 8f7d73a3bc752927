"""Sources that are no files: functions say what there is of each key, and read it in the run."""

from __future__ import annotations

import datetime
import json
import logging
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nbpart
from nbpart import CarryError, DeclarationError, MissingInputError, UntrustedWorkspaceError
from nbpart.backfill.source_child import ask_versions
from nbpart.project.trust import forget_workspace
from nbpart.run.source_functions import match_versions
from tests.recording import record
from tests.workspace.payments import TABLE, about_others, fail, leave, newest, no_dict, read_day, total, wait


def write(project: Path, **rows: Any) -> None:
    (project / TABLE).write_text(
        json.dumps({day: {"at": at, "amounts": amounts} for day, (at, amounts) in rows.items()})
    )


@pytest.fixture
def ws(ws: nbpart.Workspace, project: Path) -> nbpart.Workspace:
    days = ws.dynamic_partitions("days")
    days.add("a", "b")
    write(project, a=(1, [1, 2]))
    ws.source("payments", partitions=days, version=newest, load=read_day)
    ws.register(nbpart.asset(total, partitions=days))  # type: ignore[call-overload]
    return ws


def reasons(ws: nbpart.Workspace) -> dict[str, str]:
    frame = ws.plan("total").frame
    return dict(zip(frame.partition_key, frame.reason, strict=True))


def test_what_the_function_leaves_out_is_not_there(ws: nbpart.Workspace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nbpart")
    ws.refresh()
    assert ws.partition_status("payments").status.tolist() == ["materialized", "missing"]
    assert "source payments, newest: asked for 2" in caplog.text


def test_another_version_makes_its_reader_stale(ws: nbpart.Workspace, project: Path) -> None:
    ws.refresh()
    run = nbpart.current_run("total", partition_key="a", record=True)
    assert run.load("payments").amount.tolist() == [1, 2]
    run.save({"eur": 3})
    assert reasons(ws) == {}
    assert ws.plan("total").waiting["partition_key"].tolist() == ["b"]
    write(project, a=(2, [5]), b=(1, [7]))
    assert reasons(ws) == {"a": "source payments changed", "b": "never run"}
    assert ws.load("payments", "b").amount.tolist() == [7]
    write(project, b=(1, [7]))
    assert reasons(ws) == {"b": "never run"}
    assert ws.partition_status("total").status.tolist() == ["stale", "missing"]
    assert ws.plan("total").waiting["partition_key"].tolist() == ["a"]


def test_status_and_a_run_by_hand_ask_nobody(ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    ws.refresh()
    asked: list[str] = []
    monkeypatch.setattr("nbpart.backfill.source_observation.ask_versions", lambda name, *_: asked.append(name) or {})
    ws.status()
    ws.partition_status("total")
    nbpart.current_run("total", partition_key="a")
    assert asked == []
    ws.plan("total")
    assert asked == ["payments"]


def test_a_run_by_hand_calls_nothing_of_a_workspace_that_is_not_trusted(ws: nbpart.Workspace) -> None:
    ws.refresh()
    run = nbpart.current_run("total", partition_key="a")
    forget_workspace(ws.root)
    for load in (lambda: run.load("payments"), lambda: ws.load("payments", "a")):
        with pytest.raises(UntrustedWorkspaceError, match="trust=True"):
            load()


def test_another_function_to_load_it_makes_its_reader_stale(ws: nbpart.Workspace) -> None:
    ws.refresh()
    record(ws, "total", "a", {"eur": 3})

    def read_day(key: str) -> Any:
        return key

    ws.source("payments", partitions=ws.dynamic_partitions("days"), version=newest, load=read_day)
    assert reasons(ws)["a"] == "source payments changed"
    assert ws.load("payments", "a") == "a"


def test_without_load_the_argument_is_the_key(ws: nbpart.Workspace) -> None:
    ws.source("payments", partitions=ws.dynamic_partitions("days"), version=newest)
    ws.refresh()
    assert nbpart.current_run("total", partition_key="a").load("payments") == ws.load("payments", "a") == "a"


def test_many_frames_arrive_as_one(ws: nbpart.Workspace, project: Path) -> None:
    write(project, a=(1, [1, 2]), b=(1, [3]))
    ws.refresh()

    @ws.asset  # type: ignore[untyped-decorator]
    def whole(payments: Any) -> None: ...

    assert nbpart.current_run("whole").load("payments").values.tolist() == [["a", 1], ["a", 2], ["b", 3]]


def test_without_partitions_both_functions_take_nothing(ws: nbpart.Workspace) -> None:
    count = 3

    def version() -> int:
        return count

    def load() -> list[int]:
        return [1, 2, 3]

    ws.source("rates", version=version, load=load)

    @ws.asset  # type: ignore[untyped-decorator]
    def mean(rates: Any) -> None: ...

    ws.refresh()
    assert nbpart.current_run("mean").load("rates") == ws.load("rates") == [1, 2, 3]


@pytest.mark.kernel
def test_a_run_loads_it(ws: nbpart.Workspace) -> None:
    ws.materialize("total", "a")
    assert ws.load("total", "a") == {"eur": 3}
    assert ws.backfill("total").wait(progress=False).status == "succeeded"
    waiting = ws.plan("total").waiting
    assert waiting["reason"].tolist() == ["needs source payments: its function has no version of 'b'"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (fail, "source 'payments': its function fail failed: ValueError: no such table"),
        (leave, r"source 'payments': its function leave ended its process \(exit code 3\)"),
        (wait, "source 'payments': its function wait did not answer within 1 s"),
        (about_others, "its function about_others failed: it gave versions of 'c' and the like, and was asked for 'a'"),
        (no_dict, r"its function no_dict failed: it gave list \[1\] in place of a dict"),
    ],
)
def test_what_goes_wrong_names_source_and_function(
    ws: nbpart.Workspace, function: Any, message: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws.refresh()
    ws.source("payments", partitions=ws.dynamic_partitions("days"), version=function)
    code = ws.project.registry()["payments"].definition.reading.ask  # type: ignore[union-attr]
    with pytest.raises(MissingInputError, match=message):
        ask_versions("payments", code, ["a", "b"], 1 if function is wait else 60)  # type: ignore[arg-type]
    monkeypatch.setattr("nbpart.backfill.source_child.TIMEOUT_S", 1.0 if function is wait else 60.0)
    caplog.set_level(logging.WARNING, "nbpart")
    ws.refresh()
    assert "2 of source payments cannot be read" in caplog.text
    assert ws.partition_status("payments").status.tolist() == ["materialized", "missing"], "it stays as it was"


def test_dates_stand_for_the_keys_that_spell_them() -> None:
    day, hour = datetime.date(2024, 2, 1), datetime.datetime(2024, 2, 1, 5)
    assert match_versions(["2024-02-01"], {day: hour}) == {"2024-02-01": "2024-02-01T05:00:00"}
    assert match_versions(["2024-02-01"], {pd.Timestamp(day): 1}) == {"2024-02-01": "1"}
    assert match_versions(["2024-02"], {day: 1}) == {"2024-02": "1"}
    assert match_versions(["2024-02-01T05:00"], {hour: 1}) == {"2024-02-01T05:00": "1"}
    assert match_versions(["3"], {3: 1, 4: 2}) == {"3": "1"}
    assert match_versions(["a", "b", "c", "d"], {"a": None, "b": float("nan"), "c": pd.NaT}) == {}
    assert match_versions(["a"], {}) == {}


def test_a_workspace_that_is_not_trusted_is_asked_nothing(
    ws: nbpart.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws.refresh()

    def refuse(*_: Any) -> None:
        raise nbpart.UntrustedWorkspaceError("not yours")

    monkeypatch.setattr(ws.project, "_is_vouched_for", False)
    monkeypatch.setattr("nbpart.project.project.is_trusted", lambda *_: False)
    monkeypatch.setattr("nbpart.project.project.require_trust", refuse)
    monkeypatch.setattr("nbpart.backfill.source_observation.ask_versions", lambda *_: pytest.fail("it was asked"))
    ws.plan("total")
    with pytest.raises(nbpart.UntrustedWorkspaceError):
        ws.load("payments", "a")


OPEN_FILE = open(os.devnull)  # noqa: SIM115


@pytest.mark.parametrize(
    ("url", "options", "error", "message"),
    [
        ("x/{partition_key}", {"version": newest}, DeclarationError, "has a url and a function for its version"),
        ("x/{partition_key}", {"load": read_day}, DeclarationError, "load= reads what is no file"),
        (None, {}, DeclarationError, "is nowhere: give it a url, or a function"),
        (None, {"load": read_day}, DeclarationError, "is nowhere"),
        (None, {"version": newest, "load": "x"}, DeclarationError, "load= is a function, not 'x'"),
        (None, {"version": lambda: {}}, DeclarationError, "version=<lambda> is called with the list of keys"),
        (None, {"version": newest, "storage_options": {"a": True}}, DeclarationError, "storage_options are for files"),
        (None, {"version": newest, "load": total.__class__}, DeclarationError, "load=function is called with one key"),
    ],
)
def test_what_cannot_be_such_a_source(
    ws: nbpart.Workspace, url: str | None, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    before = ws.project.catalog.sequence()
    with pytest.raises(error, match=message):
        ws.source("payments", url, partitions=ws.dynamic_partitions("days"), **options)
    assert ws.project.catalog.sequence() == before


def test_a_function_of_a_cell_is_carried_or_refused(ws: nbpart.Workspace) -> None:
    connection = OPEN_FILE

    def ask(keys: list[str]) -> dict[str, str]:
        return dict.fromkeys(keys, connection.name)

    with pytest.raises(CarryError, match=r"source 'payments': The function 'ask' cannot be carried .* an open file"):
        ws.source("payments", partitions=ws.dynamic_partitions("days"), version=ask)
