from __future__ import annotations

from typing import Any

import pytest

import nbpart
from nbpart import DeclarationError, NbpartError, ParameterError, PartitionKeyError, UnknownNameError
from tests.recording import record


def by_file(partition_key: str) -> dict[str, str]:
    return {}


def by_trial(lr: float) -> dict[str, float]:
    return {}


def total(by_file: Any) -> dict[str, int]:
    return {}


def cleaned(by_file: dict[str, str]) -> dict[str, str]:
    return {}


def report(cleaned: Any) -> dict[str, int]:
    return {}


def landed(inbox: Any) -> dict[str, int]:
    return {}


def scaled(partition_key: str, factor: int = 2) -> dict[str, int]:
    return {}


def region(partition_key: str) -> dict[str, str]:
    return {}


@pytest.fixture
def ws(ws: nbpart.Workspace) -> nbpart.Workspace:
    files, trials = ws.dynamic_partitions("files"), ws.dynamic_partitions("trials", params={"lr": float})
    files.add("a", "b", "c")
    trials.add_grid(lr=[0.1, 0.2])
    ws.asset(by_file, partitions=files)
    ws.asset(by_trial, partitions=trials)
    ws.asset(region, partitions=["north", "south"])
    ws.asset(total)
    return ws


def steps(plan: nbpart.Plan) -> list[tuple[str, str | None]]:
    return list(plan.frame[["asset", "partition_key"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("asset", "keys", "chosen"),
    [
        ("by_file", "b", ["b"]),
        ("by_file", ["c", "a"], ["a", "c"]),
        ("by_file", (k for k in "ab"), ["a", "b"]),
        ("by_trial", {"lr": 0.1}, ["lr=0.1"]),
        ("by_trial", [{"lr": 0.2}, "lr=0.10"], ["lr=0.1", "lr=0.2"]),
        ("region", "south", ["south"]),
        ("by_file", [], []),
        ("*", [], []),
    ],
)
def test_keys_select_partitions(ws: nbpart.Workspace, asset: str, keys: Any, chosen: list[str]) -> None:
    plan = ws.plan(asset, keys=keys)
    assert [key for _, key in steps(plan)] == chosen
    assert list(plan.frame.columns) == ["asset", "partition_key", "reason"]
    assert len(plan) == len(chosen)


def test_what_plus_adds_follows_through_what_is_read(ws: nbpart.Workspace) -> None:
    ws.asset(cleaned, partitions=ws.dynamic_partitions("files"))
    ws.asset(report)
    assert steps(ws.plan("by_file+", keys="a")) == [
        ("by_file", "a"), ("total", None), ("cleaned", "a"), ("report", None),
    ]  # fmt: skip
    assert steps(ws.plan("+cleaned", keys=["a", "c"])) == [
        ("by_file", "a"), ("by_file", "c"), ("cleaned", "a"), ("cleaned", "c"),
    ]  # fmt: skip
    assert steps(ws.plan("cleaned+", keys="a")) == [("cleaned", "a"), ("report", None)]
    assert len(ws.plan("+cleaned", keys=[])) == 0
    assert len(ws.plan(["+cleaned", "by_file"], keys="b")) == 2


def test_of_a_source_that_is_named_the_keys_are_asked_and_what_reads_them_runs(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    (ws.root.parent / "b.txt").write_text("there")
    ws.register(nbpart.source("inbox", "{partition_key}.txt", partitions=files))
    ws.asset(landed, partitions=files)
    assert steps(ws.plan("inbox+", keys="b")) == [("landed", "b")]
    with pytest.raises(UnknownNameError, match="inbox has no partition 'd'"):
        ws.plan("inbox+", keys="d")


def test_a_pattern_leaves_alone_what_has_none_of_the_keys(ws: nbpart.Workspace) -> None:
    plan = ws.plan("*", keys="a")
    assert steps(plan) == [("by_file", "a")]
    assert plan.untouched == ("by_trial", "region", "total")
    note = "untouched: by_trial, region, total, which have none of these keys"
    assert plan.notes == (note,)
    assert repr(plan) == f"{note}\n<Plan '*': 1 steps: 1 missing>"
    assert note in plan._repr_html_()
    assert steps(ws.plan("*", keys=["a", {"lr": 0.1}])) == [("by_file", "a"), ("by_trial", "lr=0.1")]
    assert ws.plan("*").untouched == ws.plan("*", keys=[]).untouched == ws.plan("by_file", keys="a").untouched == ()
    assert steps(ws.plan(["*", "by_file+"], keys="a")) == [("by_file", "a"), ("total", None)]


def test_what_a_pattern_leaves_alone_takes_no_settings(ws: nbpart.Workspace) -> None:
    ws.asset(scaled, partitions=["x"])
    assert ws.plan("*", keys="x").check_options({"settings": {"factor": 3}})
    with pytest.raises(DeclarationError, match="factor"):
        ws.plan("*", keys="a").check_options({"settings": {"factor": 3}})


@pytest.mark.parametrize(
    ("selection", "keys", "message"),
    [
        (["by_file", "by_trial"], ["a", {"lr": 0.1}], "by_file: Partitions 'files': They have no parameters"),
        (["by_file", "region"], "a", "region: .*'a' is no key of .*'north'"),
        (["by_file", "total"], "a", "total has no partitions, so there is no key 'a'"),
        (["*", "region"], "a", "region: .*'a' is no key of"),
        ("*", "d", "none of by_file, by_trial, region, total has a partition 'd'; there is"),
        ("*", ["a", "nort"], "none of .* has a partition 'nort'; did you mean 'north'"),
    ],
)
def test_a_named_asset_has_each_of_the_keys(ws: nbpart.Workspace, selection: Any, keys: Any, message: str) -> None:
    with pytest.raises(NbpartError, match=message):
        ws.plan(selection, keys=keys)


def test_a_partition_set_can_be_passed_as_keys(ws: nbpart.Workspace) -> None:
    assert len(ws.plan("by_file", keys=ws.dynamic_partitions("files"))) == 3


@pytest.mark.parametrize(
    ("asset", "keys", "error", "message"),
    [
        ("by_file", "d", UnknownNameError, "by_file has no partition 'd'; there is 'a', 'b', 'c'"),
        (["by_file", "region"], "nort", UnknownNameError, "none of .* has a partition 'nort'; did you mean 'north'"),
        ("by_trial", {"lr": "fast"}, ParameterError, "'lr' takes float, not 'fast'"),
        ("by_trial", "fast", PartitionKeyError, "does not spell parameters"),
        ("by_file", 5, PartitionKeyError, "5 is of type int"),
        ("by_file", {"lr": 1}, ParameterError, "'files': They have no parameters"),
        ("total", "a", UnknownNameError, "total has no partitions"),
    ],
)
def test_a_key_that_no_asset_has_raises_an_error_that_names_it(
    ws: nbpart.Workspace, asset: Any, keys: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ws.plan(asset, keys=keys)


def test_statuses_select_partitions(ws: nbpart.Workspace) -> None:
    record(ws, "by_file", "a", {})
    assert steps(ws.plan("by_file")) == [("by_file", "b"), ("by_file", "c")]
    assert steps(ws.plan("by_file", status="materialized")) == [("by_file", "a")]
    assert len(ws.plan("by_file", status="all")) == len(ws.plan("by_file", status=None)) == 3
    assert len(ws.plan("by_file", status=["missing", "materialized"])) == 3
    assert len(ws.plan("by_file", status=("failed", "outdated"))) == 2
    assert len(ws.plan("by_file", status=[])) == 0
    for wrong in ("mising", 5, ["all", "x"]):
        with pytest.raises(DeclarationError, match="status="):
            ws.plan("by_file", status=wrong)


def test_an_asset_can_be_passed_instead_of_its_name(ws: nbpart.Workspace) -> None:
    asset = ws.asset(by_file, partitions=ws.dynamic_partitions("files"))
    record(ws, asset, "a", {"n": 1})
    assert len(ws.plan(asset, keys="b")) == 1
    assert len(ws.plan([asset, "total"])) == 3
    assert ws.load(asset, "a") == asset.load("a") == {"n": 1}
    assert len(ws.runs(asset)) == len(ws.runs(asset=asset, partition_key="a")) == 1
    assert len(ws.partition_status(asset)) == 3
    assert len(ws.table(asset).df()) == 1


def test_a_plan_is_shown_and_refuses_wrong_options(ws: nbpart.Workspace) -> None:
    plan = ws.plan("by_file+")
    assert plan.counts() == {"missing": 4}
    assert repr(plan) == "<Plan 'by_file+': 4 steps: 4 missing>\ntotal reads by_file[a .. c], 3 keys"
    assert plan.assets == ("by_file", "total")
    record(ws, "by_file", "a", {})
    assert len(plan.frame) == 4, "what was planned stays"
    for options in ({"max_workers": 0}, {"max_workers": 1.5}, {"retries": -1}, {"settings": {"factor": 1}}):
        with pytest.raises(DeclarationError):
            plan.run(**options)
    assert len(ws.backfills) == 0
    assert repr(ws.plan("by_file", keys=[])) == "<Plan 'by_file': 0 steps, nothing to do>"


def test_a_glob_a_tag_and_a_group_leave_alone_what_has_none_of_the_keys(ws: nbpart.Workspace) -> None:
    @ws.asset(partitions=ws.partition_sets["files"], tags=["daily"], group="prepare")  # type: ignore[untyped-decorator]
    def by_name(partition_key: str) -> str: ...  # type: ignore[empty-body]

    ws.asset(total, tags="daily", group="prepare")
    for selection in ("by_*", "tag:daily", ["group:prepare", "by_*"]):
        plan = ws.plan(selection, keys="a")
        matched = ws.plan(selection).assets
        assert steps(plan) == [(name, "a") for name in matched if name in ("by_file", "by_name")]
        assert plan.untouched == tuple(name for name in matched if name not in ("by_file", "by_name"))
        assert plan.untouched
    with pytest.raises(UnknownNameError, match="total has no partitions"):
        ws.plan(["tag:daily", "total"], keys="a")
    with pytest.raises(UnknownNameError, match="no partition 'z'"):
        ws.plan("tag:daily", keys="z")


def test_a_label_is_no_part_of_the_code(ws: nbpart.Workspace) -> None:
    before = ws.assets["region"].code_version
    ws.asset(region, partitions=["north", "south"], group="places", tags=["slow"])
    assert (ws.assets["region"].code_version, ws.assets["region"].group) == (before, "places")
    assert ws.plan("group:places").assets == ("region",)
