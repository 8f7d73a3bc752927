"""Assets that read each other by mappings: what a plan has, what a run is given, what becomes stale."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

import nbpart
from nbpart.catalog import Catalog
from nbpart.catalog.check import check
from nbpart.errors import CycleError, DeclarationError, MissingInputError, UnknownNameError
from tests.recording import record

NOW = datetime(2024, 3, 6, tzinfo=UTC)
DAYS = nbpart.DailyPartitions("days", start="2024-03-01")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time of all catalogs, also of those that runs by hand open, as a list with one item."""
    now = [NOW]
    begin = Catalog.__init__

    def start(self: Catalog, *args: Any, **more: Any) -> None:
        begin(self, *args, **more)
        self.clock = lambda: now[0]

    monkeypatch.setattr(Catalog, "__init__", start)
    return now


@pytest.fixture
def days(ws: nbpart.Workspace) -> Any:
    return ws.partitions(DAYS)


def steps(plan: nbpart.Plan) -> list[str]:
    return [f"{row.asset}/{row.partition_key}" for row in plan.frame.itertuples()]


def keys(frame: pd.DataFrame) -> list[str]:
    return list(frame["partition_key"])


def stale(ws: nbpart.Workspace, asset: str) -> list[str]:
    found = ws.partition_status(asset)
    return list(found["partition_key"][found["status"] == "stale"])


def make_all(ws: nbpart.Workspace, asset: str, value: Any = "x") -> None:
    for key in ws.partition_status(asset)["partition_key"]:
        record(ws, asset, key, value)


def test_one_asset_is_read_twice_under_two_names(ws: nbpart.Workspace, days: Any) -> None:
    @ws.asset(partitions=days)
    def clean(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset(
        partitions=days,
        deps={"last": nbpart.previous(2, of="clean"), "before": nbpart.overlap(start=-3, end=-3, of="clean")},
    )
    def growth(last: Any, before: Any) -> str: ...  # type: ignore[empty-body]

    assert ws.inputs("growth", "2024-03-05")[["argument", "partition_key"]].values.tolist() == [
        ["last", "2024-03-03"],
        ["last", "2024-03-04"],
        ["before", "2024-03-02"],
    ]
    make_all(ws, "clean")
    run = nbpart.current_run("growth", partition_key="2024-03-05", record=True, workspace=ws.root)
    assert list(run.load("last")) == ["2024-03-03", "2024-03-04"]
    assert list(run.load("before")) == ["2024-03-02"]
    run.save("grown")
    record(ws, "clean", "2024-03-02", "other")
    assert stale(ws, "growth") == ["2024-03-05"]
    record(ws, "growth", "2024-03-05", "grown")
    record(ws, "clean", "2024-03-01", "other")
    assert stale(ws, "growth") == []


def test_a_balance_reads_the_day_before_and_all_later_days_follow_a_repair(ws: nbpart.Workspace, days: Any) -> None:
    @ws.asset(partitions=days, deps={"before": nbpart.previous(of="balance")})
    def balance(before: Any) -> int: ...  # type: ignore[empty-body]

    plan = ws.plan("balance")
    assert [row.partition_key for row in plan.frame.itertuples()] == list(days)
    assert "balance/2024-03-01 has no day before" in plan.reads
    assert plan.waiting_count == 0
    for number, key in enumerate(days):
        run = nbpart.current_run("balance", partition_key=key, record=True, workspace=ws.root)
        before = run.load("before")
        assert before == (None if not number else str(number - 1))
        run.save(str(number))
    assert len(ws.plan("balance")) == 0
    record(ws, "balance", "2024-03-02", "repaired")
    assert steps(ws.plan("balance")) == ["balance/2024-03-03", "balance/2024-03-04", "balance/2024-03-05"]
    assert ws.plan("balance").counts() == {"stale": 1, "reads balance, which this plan makes": 2}


def test_an_asset_that_reads_itself_now_or_later_is_a_cycle(ws: nbpart.Workspace, days: Any) -> None:
    for mapping in (nbpart.same(of="loop"), nbpart.overlap(start=-1, of="loop"), nbpart.all_keys(of="loop")):
        with pytest.raises(CycleError, match="itself"):

            @ws.asset(partitions=days, deps={"before": mapping})
            def loop(before: Any) -> None: ...


def test_what_requires_a_window_that_has_not_ended_waits(clock: list[datetime], ws: nbpart.Workspace) -> None:
    clock[0] = datetime(2025, 1, 1, 6, tzinfo=UTC)
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2025-01-01T04:00"))

    @ws.asset(partitions=hours)
    def raw(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=hours, deps={"raw": nbpart.overlap(0, 1)})
    def smooth(raw: Any) -> str: ...  # type: ignore[empty-body]

    make_all(ws, "raw")
    plan = ws.plan("smooth")
    assert steps(plan) == ["smooth/2025-01-01T04:00"]
    assert plan.waiting.values.tolist() == [
        ["smooth", "2025-01-01T05:00", "needs raw/2025-01-01T06:00, and 2025-01-01T06:00 has not ended"]
    ]
    assert "1 waiting" in repr(plan)
    assert "0 steps, nothing to do yet" in repr(ws.plan("smooth", keys="2025-01-01T05:00"))
    with pytest.raises(MissingInputError, match="2025-01-01T06:00 has not ended"):
        ws.materialize("smooth", "2025-01-01T05:00")
    clock[0] = datetime(2025, 1, 1, 7, tzinfo=UTC)
    assert steps(ws.plan("+smooth")) == [
        "raw/2025-01-01T06:00",
        "smooth/2025-01-01T04:00",
        "smooth/2025-01-01T05:00",
    ]


def test_a_window_that_has_not_ended_is_told_where_its_readers_were_asked_for(
    clock: list[datetime], ws: nbpart.Workspace
) -> None:
    clock[0] = datetime(2023, 4, 13, 17, 5, tzinfo=UTC)
    hours = ws.partitions(nbpart.HourlyPartitions("hours", start="2023-04-12"))
    days = ws.partitions(nbpart.DailyPartitions("days", start="2023-04-12"))

    @ws.asset(partitions=hours)
    def raw(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=days)
    def clean(raw: Any) -> str: ...  # type: ignore[empty-body]

    plan = ws.plan("raw+", keys="2023-04-13T16:00")
    assert steps(plan) == ["raw/2023-04-13T16:00"]
    assert plan.reads == ("clean/2023-04-13 is not there yet, though it reads some of raw: 2023-04-13 has not ended",)
    assert ws.plan("raw+", keys="2023-04-12T16:00").reads[-1].startswith("clean reads raw[2023-04-12T00:00 .. ")
    clock[0] = datetime(2023, 4, 14, tzinfo=UTC)
    assert steps(ws.plan("raw+", keys="2023-04-13T16:00")) == ["raw/2023-04-13T16:00", "clean/2023-04-13"]


def test_what_reads_something_that_waits_waits_too_unless_it_skips(ws: nbpart.Workspace, days: Any) -> None:
    @ws.asset(partitions=days)
    def raw(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=days, deps={"raw": nbpart.overlap(start=-2, outside="block")})
    def rolling(raw: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=days)
    def chart(rolling: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(on_missing_input="skip")
    def report(chart: Any) -> str: ...  # type: ignore[empty-body]

    plan = ws.plan("*")
    assert [s for s in steps(plan) if s.startswith(("rolling", "chart"))] == [
        f"{asset}/2024-03-0{day}" for asset in ("rolling", "chart") for day in (3, 4, 5)
    ]
    assert plan.waiting[["asset", "reason"]].values.tolist() == [
        ["rolling", "needs raw/2024-02-28, and raw begins later"],
        ["rolling", "needs raw/2024-02-29, and raw begins later"],
        ["chart", "needs rolling/2024-03-01, which is waiting itself"],
        ["chart", "needs rolling/2024-03-02, which is waiting itself"],
    ]
    assert steps(plan)[-1] == "report/None"


def test_a_source_without_a_file_lets_its_readers_wait(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a.csv", "b.csv")
    (ws.root.parent / "inbox" / "a.csv").write_text("1")
    ws.source("inbox", "inbox/{partition_key}", partitions=files)

    @ws.asset(partitions=files)
    def clean(inbox: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=files, on_missing_input="skip")
    def lenient(inbox: Any) -> str: ...  # type: ignore[empty-body]

    plan = ws.plan("clean")
    assert steps(plan) == ["clean/a.csv"]
    [reason] = plan.waiting["reason"]
    assert reason.startswith("needs source inbox: there is no file at ")
    assert reason.endswith("b.csv")
    assert steps(ws.plan("lenient")) == ["lenient/a.csv", "lenient/b.csv"]
    (ws.root.parent / "inbox" / "b.csv").write_text("2")
    assert steps(ws.plan("clean")) == ["clean/a.csv", "clean/b.csv"]


def test_parts_of_keys_relate_sets_without_a_word(ws: nbpart.Workspace) -> None:
    folds = ws.partitions(nbpart.StaticPartitions(range(2), name="folds", column="fold"))
    trials = ws.dynamic_partitions("trials", params={"lr": float})
    trials.add(lr=0.1)
    trials.add(lr=0.2)
    cv = ws.partitions(nbpart.MultiPartitions({"trial": trials, "fold": folds}, name="cv"))

    @ws.asset(partitions=folds)
    def split(fold: int) -> dict: ...  # type: ignore[empty-body,type-arg]

    @ws.asset(partitions=cv)
    def fit(split: Any, fold: int, lr: float) -> dict: ...  # type: ignore[empty-body,type-arg]

    @ws.asset(partitions=trials)
    def score(fit: Any) -> dict: ...  # type: ignore[empty-body,type-arg]

    assert keys(ws.inputs("score", {"lr": 0.2})) == ["fold=0,trial=lr%3D0.2", "fold=1,trial=lr%3D0.2"]
    assert keys(ws.readers("split", 1)) == ["fold=1,trial=lr%3D0.1", "fold=1,trial=lr%3D0.2"]
    for fold in (0, 1):
        record(ws, "split", fold, {"n": fold})
    run = nbpart.current_run("fit", partition_key={"fold": 1, "trial": {"lr": 0.1}}, record=True, workspace=ws.root)
    assert run.load("split") == {"n": 1}  # one key, so the value itself
    run.save({"accuracy": 0.5})
    scoring = nbpart.current_run("score", lr=0.1, workspace=ws.root)
    assert dict(scoring.load("fit")) == {"fold=1,trial=lr%3D0.1": {"accuracy": 0.5}}


def test_pairs_make_stale_what_a_new_pair_feeds(ws: nbpart.Workspace, days: Any) -> None:
    received = pd.DataFrame({"upstream": ["2024-03-03", "2024-03-04"], "this": ["2024-03-02", "2024-03-02"]})

    def declare(frame: pd.DataFrame) -> None:
        @ws.asset(name="events", partitions=days, deps={"received": nbpart.pairs(frame)})
        def events(received: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(name="received", partitions=days)
    def made(partition_key: str) -> str: ...  # type: ignore[empty-body]

    declare(received)
    make_all(ws, "received")
    make_all(ws, "events")
    declare(pd.concat([received.iloc[::-1], received.iloc[:1]]))
    assert stale(ws, "events") == []
    declare(pd.concat([received, pd.DataFrame({"upstream": ["2024-03-02"], "this": ["2024-03-01"]})]))
    assert stale(ws, "events") == ["2024-03-01"]


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        (nbpart.only("2024-03-99", of="clean"), "2024-03-99"),
        (nbpart.only("2025-01-01", of="clean"), "does not have"),
        (nbpart.pairs({"upstream": ["2024-03-01"], "this": ["2031-01-01"]}, of="clean"), "2031-01-01"),
        (nbpart.by(day="month", of="clean"), "no column"),
        (nbpart.same(of="lookup"), "no partitions"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_with_both_names(
    ws: nbpart.Workspace, days: Any, mapping: Any, words: str
) -> None:
    @ws.asset(partitions=days)
    def clean(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset
    def lookup() -> str: ...  # type: ignore[empty-body]

    with pytest.raises(DeclarationError, match=words) as refused:

        @ws.asset(partitions=days, deps={"given": mapping})
        def weekly(given: Any) -> str: ...  # type: ignore[empty-body]

    assert "'weekly'" in str(refused.value)
    assert mapping.of in str(refused.value)
    assert "weekly" not in ws.assets


def test_an_argument_that_is_misspelled_is_told_the_nearest_name(ws: nbpart.Workspace, days: Any) -> None:
    with pytest.raises(DeclarationError, match="did you mean 'before'"):

        @ws.asset(partitions=days, deps={"before": nbpart.previous(of="balance")})
        def balance(befor: Any) -> str: ...  # type: ignore[empty-body]

    with pytest.raises(UnknownNameError, match="claen"):

        @ws.asset(partitions=days, deps={"claen": nbpart.overlap(start=-1)})
        def weekly(claen: Any) -> str: ...  # type: ignore[empty-body]


def test_a_mapping_changed_makes_stale_only_what_it_gives_other_inputs(
    ws: nbpart.Workspace, days: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @ws.asset(partitions=days)
    def clean(partition_key: str) -> str: ...  # type: ignore[empty-body]

    def declare(mapping: Any) -> None:
        @ws.asset(name="weekly", partitions=days, deps={"clean": mapping})
        def weekly(clean: Any) -> str: ...  # type: ignore[empty-body]

    declare(nbpart.overlap(start=-1))
    make_all(ws, "clean")
    make_all(ws, "weekly")
    with caplog.at_level(logging.INFO):
        declare(nbpart.overlap(start=-2))
    assert "its code changed" not in caplog.text
    assert stale(ws, "weekly") == ["2024-03-03", "2024-03-04", "2024-03-05"]
    declare(nbpart.overlap(start=-1))
    assert stale(ws, "weekly") == []


def test_the_catalog_rebuilds_what_mappings_made_stale(ws: nbpart.Workspace, days: Any) -> None:
    from nbpart.catalog import check

    shops = ws.dynamic_partitions("shops", columns={"kind": str})
    shops.add_rows(pd.DataFrame({"shop": ["a", "b", "c"], "kind": ["x", "y", "x"]}), key="shop")
    kinds = ws.dynamic_partitions("kinds")
    kinds.add("x", "y")

    @ws.asset(partitions=shops)
    def sold(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=kinds, deps={"sold": nbpart.by(kind="partition_key")})
    def by_kind(sold: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(deps={"sold": nbpart.last()})
    def newest(sold: Any) -> str: ...  # type: ignore[empty-body]

    make_all(ws, "sold")
    make_all(ws, "by_kind")
    record(ws, "newest", None, "x")
    assert (stale(ws, "by_kind"), len(ws.plan("newest"))) == ([], 0)
    record(ws, "sold", "b", "other")
    assert stale(ws, "by_kind") == ["y"]
    shops.add("d")
    record(ws, "sold", "d", "new")
    assert len(ws.plan("newest")) == 1
    shops.remove("a")
    assert stale(ws, "by_kind") == ["x", "y"]
    assert list(ws.project.catalog.read(check.check)) == []


def test_a_mapping_that_lists_keys_follows_when_one_is_renamed(ws: nbpart.Workspace) -> None:
    shops = ws.dynamic_partitions("shops")
    shops.add("a", "b")
    items = ws.partitions(nbpart.MultiPartitions({"shop": shops, "kind": ["x"]}, name="items"))

    @ws.asset(partitions=items)
    def sold(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset(
        partitions=shops,
        deps={
            "listed": nbpart.only("kind=x,shop=a", of="sold"),
            "paired": nbpart.by(
                shop=("partition_key", nbpart.pairs({"upstream": ["a", "b"], "this": ["b", "a"]})), of="sold"
            ),
        },
    )
    def report(listed: Any, paired: Any) -> str: ...  # type: ignore[empty-body]

    make_all(ws, "sold")
    make_all(ws, "report")
    shops.rename("a", "o'a, 1")
    first, second = "kind=x,shop=o'a%2C 1", "kind=x,shop=b"
    assert keys(ws.inputs("report", "b")) == [first, first]
    assert keys(ws.inputs("report", "o'a, 1")) == [first, second]
    assert stale(ws, "report") == []
    assert len(ws.plan("*")) == 0


def test_a_condition_on_the_columns_of_both_says_what_is_read(ws: nbpart.Workspace) -> None:
    from nbpart.catalog import check

    folds = ws.dynamic_partitions("folds", params={"fold": int}, columns={"is_held_out": bool})
    folds.add_rows(pd.DataFrame({"fold": [0, 1, 2], "is_held_out": [False, False, True]}))

    @ws.asset(partitions=folds)
    def split(fold: int) -> str: ...  # type: ignore[empty-body]

    @ws.asset(
        partitions=folds,
        deps={"split": nbpart.where("upstream.fold <> this.fold and not upstream.is_held_out")},
    )
    def train(split: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(deps={"split": nbpart.where("upstream.is_held_out")})
    def test(split: Any) -> str: ...  # type: ignore[empty-body]

    plan = ws.plan("*")
    assert len(plan) == 7
    assert plan.reads == ("train reads split[fold=0 .. fold=1], 2 keys", "test reads split[fold=2]")
    assert keys(ws.inputs("train", "fold=0")) == ["fold=1"]
    assert keys(ws.readers("split", "fold=1")) == ["fold=0", "fold=2"]
    make_all(ws, "split")
    make_all(ws, "train")
    record(ws, "test", None, "x")
    run = nbpart.current_run("train", partition_key="fold=2", record=True, workspace=ws.root)
    assert list(run.load("split")) == ["fold=0", "fold=1"]
    run.save("x")
    assert stale(ws, "train") == []
    record(ws, "split", "fold=1", "other")
    assert stale(ws, "train") == ["fold=0", "fold=2"], "and not fold=1, which does not read itself"
    make_all(ws, "train")

    folds.add_rows(pd.DataFrame({"fold": [3], "is_held_out": [True]}))
    assert (stale(ws, "train"), len(ws.plan("test"))) == ([], 0), "what the plan does not make is left out"
    record(ws, "split", "fold=3", "new")
    assert (stale(ws, "train"), len(ws.plan("test"))) == ([], 1)
    assert "+fold=3" in ws.why("test").text
    folds.remove("fold=0")
    assert stale(ws, "train") == ["fold=1", "fold=2"]
    assert list(ws.project.catalog.read(check.check)) == []


def test_a_new_key_for_which_the_condition_is_true_makes_its_readers_stale(ws: nbpart.Workspace) -> None:
    shops = ws.dynamic_partitions("shops", columns={"kind": str})
    shops.add_rows([{"shop": "a", "kind": "x"}, {"shop": "b", "kind": "y"}], key="shop")
    kinds = ws.dynamic_partitions("kinds")
    kinds.add("x", "y")

    @ws.asset(partitions=shops)
    def sold(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=kinds, deps={"sold": nbpart.where("upstream.kind = this.partition_key")})
    def by_kind(sold: Any) -> str: ...  # type: ignore[empty-body]

    make_all(ws, "sold")
    make_all(ws, "by_kind")
    shops.add_rows([{"shop": "c", "kind": "y"}, {"shop": "d", "kind": None}], key="shop")
    assert stale(ws, "by_kind") == ["y"]
    assert "c" in ws.why("by_kind", "y").text
    shops.remove("c")
    assert stale(ws, "by_kind") == []
    shops.add_rows([{"shop": "b", "kind": "x"}], key="shop")
    assert stale(ws, "by_kind") == ["x", "y"], "what it was true for, and what it is true for now"
    make_all(ws, "by_kind")
    shops.remove("a")
    assert stale(ws, "by_kind") == ["x"]


def test_a_day_that_ends_is_the_last_one_though_nothing_is_there_yet(
    ws: nbpart.Workspace, days: Any, clock: list[datetime]
) -> None:
    @ws.asset(partitions=days)
    def sales(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset(deps={"sold": nbpart.last(of="sales")}, on_missing_input="skip")
    def newest(sold: Any) -> str: ...  # type: ignore[empty-body]

    make_all(ws, "sales")
    record(ws, "newest", None, "newest")
    clock[0] = datetime(2024, 3, 7, 1, tzinfo=UTC)
    assert ws.partition_status("newest")["reason"].tolist() == ["input sales changed"]
    assert ws.project.catalog.read(check) == []


def test_what_was_not_there_and_is_read_in_another_way_is_not_changed_data(ws: nbpart.Workspace) -> None:
    files = ws.dynamic_partitions("files")
    files.add("a", "b")

    @ws.asset(partitions=files)
    def part(partition_key: str) -> str: ...  # type: ignore[empty-body]

    def one(part: Any) -> str: ...  # type: ignore[empty-body]

    ws.register(nbpart.asset(one, partitions=files, on_missing_input="skip"))
    record(ws, "one", "a", "one")
    mapping = {"part": nbpart.all_keys(new="ignore")}
    ws.register(nbpart.asset(one, partitions=files, on_missing_input="skip", deps=mapping))
    assert str(ws.why("one", "a")) == "stale: input part[b] is missing: never run"


def test_a_changed_column_makes_stale_what_is_joined_by_it_and_nothing_else(ws: nbpart.Workspace) -> None:
    batches = ws.partitions(nbpart.DynamicPartitions("batches"))
    samples = ws.partitions(nbpart.DynamicPartitions("samples", columns={"batch": str}))
    batches.add("A", "B", "C")
    rows = pd.DataFrame({"sample": ["s1", "s2", "s3"], "batch": ["A", "A", "C"]})
    samples.add_rows(rows, key="sample")

    @ws.asset(partitions=batches)
    def calibration(partition_key: str) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=samples, deps={"calibration": nbpart.by(partition_key="batch")})
    def measured(calibration: Any) -> str: ...  # type: ignore[empty-body]

    @ws.asset(partitions=batches, deps={"measured": nbpart.by(batch="partition_key")})
    def gathered(measured: Any) -> str: ...  # type: ignore[empty-body]

    for asset in ("calibration", "measured", "gathered"):
        for key in ws.partition_status(asset)["partition_key"]:
            record(ws, asset, key, f"{asset} {key}")
    samples.add_rows(rows.assign(batch=["B", "A", "C"]), key="sample")
    assert stale(ws, "calibration") == []
    assert stale(ws, "measured") == ["s1"]
    assert stale(ws, "gathered") == ["A", "B"]
    assert ws.project.catalog.read(check) == []
    samples.add_rows(rows, key="sample")
    assert [key for asset in ("measured", "gathered") for key in stale(ws, asset)] == []
