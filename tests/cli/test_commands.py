"""Commands that run no notebook, in a workspace whose assets another process registered."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Ask


def test_status_counts(ask: Ask) -> None:
    lines = [line.split() for line in ask("status").stdout.splitlines()]
    assert lines[0] == ["asset", "missing", "queued", "running", "materialized", "failed", "stale"]
    assert sorted(line[:2] for line in lines[1:]) == [["model", "2"], ["report", "2"], ["sizes", "2"]]
    records = json.loads(ask("status", "--json").stdout)
    assert {record["asset"]: record["missing"] for record in records} == {"model": 2, "report": 2, "sizes": 2}
    some = json.loads(ask("status", "m*", "1+report", "--json").stdout)
    assert {record["asset"] for record in some} == {"model", "report", "sizes"}
    assert {record["asset"] for record in json.loads(ask("plan", "siz*", "--json").stdout)} == {"sizes"}
    assert "has the tag 'db'; there is none yet" in ask("status", "tag:db", code=2).stderr


def test_assets_are_described(ask: Ask) -> None:
    shown = ask("assets").stdout
    assert "How long a name is." in shown
    records = {record["name"]: record for record in json.loads(ask("assets", "--json").stdout)}
    assert records["report"]["inputs"] == [{"name": "sizes", "argument": "sizes", "mapping": "same key"}]
    assert records["model"]["partitions"] == "trials"
    assert records["sizes"]["code_version"].startswith(
        next(line for line in shown.splitlines() if line.startswith("sizes")).split()[3]
    )


def test_partitions_are_listed_and_filtered(ask: Ask) -> None:
    assert "bad\\u202e.csv" in ask("partitions", "sizes").stdout
    records = json.loads(ask("partitions", "model", "--json").stdout)
    assert [(r["partition_key"], r["status"], r["lr"], r["depth"]) for r in records] == [
        ("depth=3,lr=0.1", "missing", 0.1, 3),
        ("depth=5,lr=0.2", "missing", 0.2, 5),
    ]
    assert json.loads(ask("partitions", "sizes", "-s", "failed", "-s", "stale", "--json").stdout) == []
    assert len(json.loads(ask("partitions", "sizes", "-s", "outdated", "--json").stdout)) == 2
    cut = ask("partitions", "sizes", "--limit", "1")
    assert "a.csv" in cut.stdout
    assert "bad" not in cut.stdout
    assert "1 more" in cut.stderr


def test_a_set_is_listed_and_changed(ask: Ask) -> None:
    sets = json.loads(ask("partitions", "--json").stdout)
    assert {s["set"]: (s["keys"], s["used_by"]) for s in sets}["files"] == (2, ["sizes", "report"])
    message = ask("partitions", "--set", "files", "--add", "b.csv", "--add", "a.csv").stdout
    assert message == "added 1 key to files: b.csv; 1 key was there already\n"
    assert "removed 1 key from files: a.csv" in ask("partitions", "--set", "files", "--remove", "a.csv").stdout
    keys = [record["partition_key"] for record in json.loads(ask("partitions", "--set", "files", "--json").stdout)]
    assert keys == ["bad\u202e.csv", "b.csv"]
    changed = ask("partitions", "--set", "trials", "--add", "lr=3e-1,depth=4", "--remove", "lr=0.10,depth=3", "--json")
    answer = {"set": "trials", "added": ["depth=4,lr=0.3"], "removed": ["depth=3,lr=0.1"], "renamed": {}}
    assert json.loads(changed.stdout) == answer
    assert "more" in ask("partitions", "--set", "trials", "--limit", "1").stderr


def test_a_plan_gives_each_step_its_reason(ask: Ask) -> None:
    shown = ask("plan", "+report", "-k", "a.csv")
    assert [line.split() for line in shown.stdout.splitlines()[1:]] == [
        ["sizes", "a.csv", "never", "run"],
        ["report", "a.csv", "never", "run"],
    ]
    assert "2 steps" in shown.stderr
    assert len(json.loads(ask("plan", "--json").stdout)) == 6
    assert json.loads(ask("plan", "sizes", "--status", "failed", "--json").stdout) == []
    assert "Nothing to do" in ask("plan", "sizes", "--status", "failed").stderr
    assert [r["partition_key"] for r in json.loads(ask("plan", "model", "-k", "lr=0.1,depth=3", "--json").stdout)] == [
        "depth=3,lr=0.1"
    ]


def test_a_backfill_of_nothing_is_fine(ask: Ask) -> None:
    assert "Nothing to do" in ask("backfill", "sizes", "--status", "failed").stderr
    answer = json.loads(ask("backfill", "sizes", "--status", "failed", "--json").stdout)
    assert answer["backfill_id"] is None
    assert set(answer["counts"].values()) == {0}


def test_sql_answers_as_a_table_and_as_json(ask: Ask) -> None:
    query = (
        "select date '2013-01-31' as day, null as nothing, 'nan'::double as nan, '[1]'::json as j,"
        " {'a': [1, 2]} as s, 7 as n, 8 as n, chr(27) as esc"
    )
    assert json.loads(ask("sql", query, "--json").stdout) == [
        {
            "day": "2013-01-31",
            "nothing": None,
            "nan": None,
            "j": [1],
            "s": {"a": [1, 2]},
            "n": 7,
            "n_1": 8,
            "esc": "\x1b",
        }
    ]
    assert "\\x1b" in ask("sql", query).stdout
    assert json.loads(ask("sql", "-", "--json", stdin="from sizes").stdout) == []
    cut = ask("sql", "from range(200)")
    assert len(cut.stdout.splitlines()) == 101
    assert "more" in cut.stderr
    assert len(json.loads(ask("sql", "from range(200)", "--json").stdout)) == 200
    assert len(json.loads(ask("sql", "from range(200)", "--json", "--limit", "3").stdout)) == 3


WRONG_USE = [
    (["plan", "sizs"], "did you mean 'sizes'"),
    (["backfill", "sizes", "-k", "b.csv"], "b.csv"),
    (["backfill", "sizes", "--setting", "facter=3"], "did you mean 'factor'"),
    (["backfill", "sizes", "-j", "0"], "-j"),
    (["partitions", "sizs"], "did you mean 'sizes'"),
    (["partitions", "sizes", "--status", "broken"], "broken"),
    (["partitions", "--set", "filez"], "did you mean 'files'"),
    (["partitions", "--set", "files", "--add", "a\x1bb"], "U+001B"),
    (["partitions", "--set", "files", "--remove", "c.csv"], "c.csv"),
    (["partitions", "--set", "trials", "--add", "lr=fast"], "lr"),
    (["partitions", "sizes", "--set", "files"], "not both"),
    (["partitions", "--add", "x"], "--set"),
    (["partitions", "--set", "files", "--rename", "c.csv", "d.csv"], "c.csv"),
    (["partitions", "--set", "files", "--rename", "a.csv", "a\x1bb"], "U+001B"),
    (["partitions", "--set", "files", "--rename", "a.csv", "b.csv", "--add", "b.csv"], "only one of these"),
    (["partitions", "--set", "files", "--replace", "-", "--add", "x"], "alone"),
    (["partitions", "--set", "files", "--replace", "no such file"], "no such file"),
    (["partitions", "--set", "files", "--replace", "-"], "at_most=2"),
    (["partitions", "--set", "files", "--at-most", "3"], "--replace"),
    (["partitions", "--set", "files", "--add", "x", "--column", "site=a"], "no columns"),
    (["partitions", "--set", "files", "--column", "site=a"], "--add"),
    (["runs", "sizs"], "did you mean 'sizes'"),
    (["runs", "--backfill", "nope"], "nope"),
    (["show", "nope"], "nope"),
    (["logs", "nope"], "nope"),
    (["resume", "nope"], "nope"),
    (["tick", "inbux"], "did you mean 'inbox'"),
    (["sql", "from sizs"], "sizs"),
    (["sql", "selec 1"], "selec"),
    (["nope"], "nope"),
]


def test_wrong_arguments_print_one_line_and_exit_with_2(ask: Ask) -> None:
    for words, message in WRONG_USE:
        result = ask(*words, code=2)
        assert message in result.stderr, words
        assert result.stdout == "", words
        assert "Traceback" not in result.stderr, words
        errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1, words


def test_a_query_that_fails_while_it_runs_exits_with_1(ask: Ask) -> None:
    assert "Conversion Error" in ask("sql", "select 'a'::int", code=1).stderr


def test_an_error_of_a_sensor_is_printed_with_its_own_traceback(ask: Ask) -> None:
    stderr = ask("tick", "broken", code=1).stderr
    assert "Error: sensor 'broken' raised KeyError" in stderr
    assert "flow.py" in stderr
    assert "ticks.py" not in stderr
    assert "\\x1b" in stderr


def test_without_a_workspace_nothing_is_made(tmp_path: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "elsewhere"
    empty.mkdir()
    for words in (["status"], ["backfill"], ["lab"]):
        stderr = ask(*words, "-w", str(empty / "workspace"), code=1).stderr
        assert "nbpart init" in stderr
    assert os.listdir(empty) == []
    monkeypatch.chdir(empty)
    assert "sizes" in ask("status").stdout, "the workspace above is found"


def test_refresh_registers_edited_code(ask: Ask, project: Path) -> None:
    path = project / "flow.py"
    source = path.read_text()
    assert ask("refresh").stdout == "Nothing changed.\n"
    path.write_text(source.replace("* factor}", "* factor + 1}"))
    assert "edited and taken up: flow.py (sizes)" in ask("refresh").stderr
    path.write_text(source.replace("factor: int = 2", "factor: int = 3"))
    assert json.loads(ask("refresh", "--json").stdout)["edited"] == {"sizes": ["flow.py"]}
    os.utime(project / "workspace" / "code_seen.json", (0, 0))
    assert "to look again: nbpart refresh" in ask("status").stderr
    path.write_text(source + "def f(:\n")
    refused = ask("refresh", code=1)
    assert "flow.py is not valid Python" in refused.stderr
