"""Sets of every kind in a terminal: listed with their columns, and those that are added by hand changed."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest

import nbpart
from nbpart.cli import options
from tests.cli.conftest import Ask
from tests.recording import record


@pytest.fixture
def sets(project: Path, ask: Ask) -> Ask:
    """The project of `ask` with a set of each kind."""
    with nbpart.open(project / "workspace") as ws:
        start = {"start": "2013-11-03", "end": "2013-11-04", "timezone": "America/New_York"}
        ws.partitions(nbpart.HourlyPartitions("hours", **start))
        days = ws.partitions(nbpart.DailyPartitions("days", **start))
        folds = ws.partitions(nbpart.StaticPartitions(range(2), name="folds", column="fold"))
        ws.partitions(nbpart.MultiPartitions({"day": days, "fold": folds}, name="grid"))
        samples = ws.dynamic_partitions("samples", columns={"batch": str, "n": int})
        samples.add_rows([{"sample": "<b>s1</b>", "batch": "A", "n": 3}], key="sample")
        ws.dynamic_partitions("parts", under={"sample": samples}).add({"sample": "<b>s1</b>", "parts": "1"})
    return ask


def list_set(ask: Ask, name: str) -> list[dict[str, object]]:
    return list(json.loads(ask("partitions", "--set", name, "--json").stdout))


def test_all_sets_are_listed_with_their_kind_and_columns(sets: Ask) -> None:
    listed = {row["set"]: row for row in json.loads(sets("partitions", "--json").stdout)}
    assert {name: (row["kind"], row["keys"]) for name, row in listed.items()} == {
        "files": ("dynamic", 2),
        "trials": ("dynamic", 2),
        "hours": ("windows (America/New_York)", 25),
        "days": ("windows (America/New_York)", 1),
        "folds": ("static", 2),
        "grid": ("product of days, folds", 2),
        "samples": ("dynamic", 1),
        "parts": ("dynamic, under samples", 1),
    }
    assert listed["trials"]["parameters"] == ["depth: int", "lr: float"]
    assert listed["samples"]["columns"] == ["batch: str", "n: int"]
    assert "fold: int" in listed["grid"]["columns"]
    assert "hours" in sets("partitions").stdout


def test_keys_are_listed_with_all_columns(sets: Ask) -> None:
    [sample] = list_set(sets, "samples")
    assert (sample.pop("added_by"), sample.pop("added_at") > "2026") == (getpass.getuser(), True)
    assert sample == {"partition_key": "<b>s1</b>", "batch": "A", "n": 3}
    [row, *_] = list_set(sets, "grid")
    assert (row["partition_key"], row["day"], row["fold"]) == ("day=2013-11-03,fold=0", "2013-11-03", 0)
    assert list_set(sets, "parts")[0]["batch"] == "A"
    assert "1 more" in sets("partitions", "--set", "folds", "--limit", "1").stderr


def test_a_set_that_is_asked_for_as_an_asset_is_named(sets: Ask) -> None:
    assert "'hours' is a set of partitions: list it by --set hours." in sets("partitions", "hours", code=2).output


def test_windows_are_shown_in_their_zone_with_its_offset(sets: Ask) -> None:
    lines = [line.split() for line in sets("partitions", "--set", "hours").stdout.splitlines()]
    one, two = lines[2][0], lines[3][0]
    assert (one, two) == ("2013-11-03T01:00", "2013-11-03T01:00-0500")
    assert "01:00-04:00" in lines[2]
    assert "01:00-05:00" in lines[3]
    assert list_set(sets, "hours")[1]["window_start"] == "2013-11-03T01:00:00-04:00"


def test_keys_are_added_with_columns_and_renamed(sets: Ask) -> None:
    added = sets(
        "partitions", "--set", "samples", "--add", "s2", "--add", "s3", "--column", "batch=3", "--column", "n=7"
    )
    assert added.stdout == "added 2 keys to samples: s2, s3\n"
    assert list_set(sets, "samples")[2].items() >= {"partition_key": "s3", "batch": "3", "n": 7}.items()
    again = sets("partitions", "--set", "samples", "--add", "s2", "--column", "n=8")
    assert again.stdout == "added 0 keys to samples; 1 key was there already\n"
    assert "columns of 1 key" in again.stderr
    assert list_set(sets, "samples")[1].items() >= {"partition_key": "s2", "batch": "3", "n": 8}.items()
    renamed = sets("partitions", "--set", "samples", "--rename", "s2", "t2", "--rename", "<b>s1</b>", "\N{SNOWMAN}")
    assert renamed.stdout == "renamed s2 of samples to t2\nrenamed <b>s1</b> of samples to \N{SNOWMAN}\n"
    assert [row["partition_key"] for row in list_set(sets, "parts")] == ["\N{SNOWMAN}/1"]
    assert "'nn'" in sets("partitions", "--set", "samples", "--add", "s4", "--column", "nn=1", code=2).stderr
    assert "int" in sets("partitions", "--set", "samples", "--add", "s4", "--column", "n=many", code=2).stderr
    assert len(list_set(sets, "samples")) == 3


def test_a_sample_is_drawn_once_for_its_seed(sets: Ask, project: Path) -> None:
    with nbpart.open(project / "workspace") as ws:
        files = ws.dynamic_partitions("files")
        params = {"k": nbpart.integers(1, 9), "kind": nbpart.choice(["a", "true"]), "seed": int}
        ws.dynamic_partitions("space", params=params)
        ws.dynamic_partitions("below", params={"k": nbpart.integers(1, 9)}, under={"file": files})
    draw = ("partitions", "--set", "space", "--sample", "6", "--value", "seed=3")
    first = sets(*draw, "--sampler-seed", "0").stdout
    assert first.startswith("added 6 keys to space: ")
    assert sets(*draw, "--sampler-seed", "0").stdout == "added 0 keys to space; 6 keys were there already\n"
    added = json.loads(sets(*draw, "--value", "kind=true", "--method", "halton", "--json").stdout)["added"]
    assert len(added) == 6
    assert {(row["kind"], row["seed"]) for row in list_set(sets, "space")[6:]} == {("true", 3)}
    below = sets("partitions", "--set", "below", "--sample", "2", "--value", "file=a.csv", "--json")
    assert [key.split("/")[0] for key in json.loads(below.stdout)["added"]] == ["a.csv"] * 2
    assert len(list_set(sets, "space")) == 12


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "trials", "--sampler-seed", "1"], "are of a sample: say how large by --sample"),
        (["--sample", "1"], "change a set: name it with --set"),
        (["--set", "trials", "--sample", "1"], "has no distribution to draw from"),
        (["--set", "trials", "--sample", "1", "--value", "depth"], "--value 'depth' is not NAME=VALUE"),
        (["--set", "trials", "--sample", "1", "--value", "deph=1"], "did you mean 'depth'"),
        (["--set", "trials", "--sample", "2", "--value", "depth=1", "--value", "lr=1"], "and there are 1"),
        (["--set", "files", "--sample", "2"], "have no parameters"),
    ],
)
def test_a_sample_that_cannot_be_drawn(sets: Ask, arguments: list[str], says: str) -> None:
    assert says in sets("partitions", *arguments, code=2).stderr


def test_keys_are_replaced_by_the_lines_of_a_file_or_of_stdin(sets: Ask, project: Path) -> None:
    (project / "listing").write_bytes("\ufeffb.csv\r\na.csv\r\n\r\n".encode())
    replaced = sets("partitions", "--set", "files", "--replace", "listing", "--reason", "not in it")
    assert replaced.stdout == "files has 2 keys now; added 1 key: b.csv; removed 1 key: bad\\u202e.csv\n"
    assert [row["partition_key"] for row in list_set(sets, "files")] == ["b.csv", "a.csv"]
    refused = sets("partitions", "--set", "files", "--replace", "-", stdin="", code=2)
    assert "--at-most" in refused.stderr
    assert len(list_set(sets, "files")) == 2
    emptied = sets("partitions", "--set", "files", "--replace", "-", "--at-most", "2", "--json", stdin="")
    assert json.loads(emptied.stdout)["removed"] == ["b.csv", "a.csv"]
    assert list_set(sets, "files") == []


def test_sets_that_make_their_keys_say_where_these_come_from(sets: Ask) -> None:
    for name, words in {"hours": "windows of time", "grid": "add to its dimensions", "folds": "fixed list"}.items():
        for change in (["--add", "x"], ["--replace", "-"]):
            assert words in sets("partitions", "--set", name, *change, code=2, stdin="").stderr


def test_all_that_runs_left_of_a_key_is_deleted_after_asking(
    project: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with nbpart.open(project / "workspace") as ws:
        ws.partition_sets["files"].add("b.csv")
        for key in ("a.csv", "b.csv"):
            record(ws, "sizes", key, {"size": 1})
            record(ws, "report", key, f"of {key}")
    data = project / "workspace" / "data"
    words = ("partitions", "--set", "files", "--remove", "a.csv", "--delete-data")
    refused = ask(*words, code=1).stderr
    asked = (
        "Remove 'a.csv' from files and delete all that runs left of it: 2 partitions with data, 2 files, in all assets?"
    )
    assert f"{asked} Nothing brings them back. There is no terminal to ask on: say -y" in refused
    monkeypatch.setattr(options, "has_terminal", lambda: True)
    assert "Aborted" in ask(*words, code=1, stdin="n\n").stderr
    assert len(list(data.rglob("a.csv/*"))) == 2, "who says no loses nothing"
    assert "a.csv" in ask("partitions", "--set", "files").stdout
    assert ask(*words, "--reason", "withdrawn", stdin="y\n").stdout == (
        "erased 1 key, 2 partitions with data, 2 files\n"
    )
    with nbpart.open(project / "workspace") as ws:
        assert ws.history("sizes", "a.csv").loc[0, ["event", "reason"]].tolist() == ["erased", "withdrawn"]
    assert not list(data.rglob("a.csv/*"))
    assert len(list(data.rglob("b.csv/*"))) == 2
    assert "a.csv" not in ask("partitions", "--set", "files").stdout
    assert json.loads(ask(*words[:4], "b.csv", *words[5:], "-y", "--json").stdout)["removed"] == ["b.csv"]
    assert not list(data.rglob("b.csv/*"))
    for option in (["--delete-data"], ["--reason", "why"]):
        assert "name them with --remove" in ask("partitions", "--set", "files", *option, code=2).stderr
