"""What `--keys` of a command chooses: keys, ranges, parts of dates, all keys with some values."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

import nbpart
from tests.cli.conftest import Ask

#: Keys that another tool would split, or take for a range; and one with what a shell and a URL would change.
ODD = ['{"scenario":1, "version":1}', '{"scenario":1', '"version":1}', "a..b", "a", "b", "me@b.c", "a&b", "/x/%r.bin"]


def by_name(partition_key: str) -> dict[str, str]:
    return {"key": partition_key}


def by_hour(partition_key: str) -> dict[str, str]:
    return {"key": partition_key}


def by_shop(day: object, shop: str) -> dict[str, str]:
    return {"shop": shop}


def by_note(note: str | None) -> dict[str, str | None]:
    return {"note": note}


@pytest.fixture
def keys(project: Path, ask: Ask) -> Ask:
    """The project of `ask` with an asset for each kind of set."""
    with nbpart.open(project / "workspace") as ws:
        names = ws.dynamic_partitions("names")
        names.add(*ODD)
        window = {"start": "2024-11-01", "end": "2024-11-06", "timezone": "America/New_York"}
        days = ws.partitions(nbpart.DailyPartitions("days", **window))
        notes = ws.dynamic_partitions("notes", params={"note": str | None})
        notes.add_grid(note=["a&b", "/x/%r.bin", "me@b.c", "null", None])
        ws.asset(by_name, partitions=names)
        ws.asset(by_hour, partitions=nbpart.HourlyPartitions("hours", **window))
        ws.asset(by_shop, partitions=nbpart.MultiPartitions({"day": days, "shop": ["north", "south"]}, name="sales"))
        ws.asset(by_note, partitions=notes)
    return ask


def plan(ask: Ask, selection: str, *chosen: str) -> list[str]:
    """The keys that a plan runs."""
    asked = ask("plan", selection, *(word for one in chosen for word in ("-k", one)), "--json")
    return [row["partition_key"] for row in json.loads(asked.stdout)]


def test_a_key_chooses_itself_alone_whatever_is_in_it(keys: Ask) -> None:
    for key in ODD:
        assert plan(keys, "by_name", key) == [key]
    assert plan(keys, "by_name", *ODD) == ODD


def test_a_range_holds_both_its_ends(keys: Ask) -> None:
    assert plan(keys, "by_name", "a..me@b.c") == ["a", "b", "me@b.c"]
    assert plan(keys, "by_name", "a..b..b") == ["a..b", "a", "b"]
    assert len(plan(keys, "by_hour", "2024-11-02..2024-11-03")) == 49
    assert len(plan(keys, "by_hour", "2024-11-03")) == 25
    assert len(plan(keys, "by_hour", "2024-11-03T01:00..2024-11-03T01:00-0500")) == 2


def test_some_values_choose_all_keys_with_these(keys: Ask) -> None:
    assert len(plan(keys, "by_shop", "shop=north")) == 5
    assert len(plan(keys, "by_shop", "2024-11-01..2024-11-02")) == 4
    assert plan(keys, "by_shop", "shop=south,day=2024-11-01..2024-11-02", "day=2024-11-05, shop=north") == [
        "day=2024-11-01,shop=south",
        "day=2024-11-02,shop=south",
        "day=2024-11-05,shop=north",
    ]


def test_each_key_of_a_table_can_be_pasted(keys: Ask) -> None:
    listed = [row["partition_key"] for row in json.loads(keys("partitions", "by_note", "--json").stdout)]
    assert len(listed) == 5
    for key in listed:
        assert plan(keys, "by_note", key) == [key]


def test_with_no_asset_named_those_without_the_keys_are_left_alone(keys: Ask) -> None:
    asked = keys("plan", "-k", "a..b", "--json")
    assert [(row["asset"], row["partition_key"]) for row in json.loads(asked.stdout)] == [("by_name", "a..b")]
    assert "untouched: sizes, model, by_hour, by_shop, by_note, report, which have none of these keys" in asked.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["by_name", "-k", "a..z"], "by_name has no partition 'z'; there is"),
        (["by_name", "-k", "b..a"], "by_name: The range from 'b' to 'a' runs backwards"),
        (["by_hour", "-k", "2024-11-03..2024-11-02"], "runs backwards"),
        (["by_hour", "-k", "2024-12"], "by_hour has no partition within '2024-12'; they go from '2024-11-01T00:00'"),
        (["by_shop", "-k", "shop=noth"], "did you mean 'north'"),
        (["by_shop", "-k", "shp=north"], "did you mean 'shop'"),
        (["by_note", "by_name", "-k", "a"], "by_note: "),
        (["-k", "nowhere"], "none of sizes"),
    ],
)
def test_what_chooses_nothing_is_refused_in_one_sentence(keys: Ask, words: list[str], message: str) -> None:
    refused = keys("plan", *words, code=2)
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1, shlex.join(words)


def test_a_range_is_removed_from_a_set(keys: Ask) -> None:
    removed = keys("partitions", "--set", "names", "--remove", "a..me@b.c", "--json")
    assert json.loads(removed.stdout)["removed"] == ["a", "b", "me@b.c"]
    assert json.loads(keys("partitions", "--set", "names", "--remove", "a..b", "--json").stdout)["removed"] == ["a..b"]
    refused = keys("partitions", "--set", "names", "--remove", "a&b..nowhere", code=2)
    assert "'names' has no partition 'nowhere'" in refused.stderr


def test_a_condition_chooses_in_every_command_that_lists_or_runs(keys: Ask) -> None:
    where = ["--where", "note = 'a&b' or note is null"]
    chosen = json.loads(keys("plan", "by_note", *where, "--json").stdout)
    assert len(chosen) == 2
    for command in (["partitions", "by_note"], ["partitions", "--set", "notes"]):
        rows = json.loads(keys(*command, *where, "--json").stdout)
        assert [row["partition_key"] for row in rows] == [row["partition_key"] for row in chosen]
    assert json.loads(keys("runs", "by_note", *where, "--json").stdout) == []
    empty = keys("backfill", "by_note", "--where", "note = 'x'")
    assert empty.stderr == "Nothing to do: no partition is chosen by note = 'x'.\n"
