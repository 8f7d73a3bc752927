"""What the mapping `where` refuses, with a sentence, and what it keeps to in size and time."""

from __future__ import annotations

from typing import Any

import pytest

from nbpart.catalog import Batch, condition_pairs, condition_query, pair_search
from nbpart.catalog.condition_pairs import check_where, find_pairs, find_related
from nbpart.catalog.join_sides import open_join
from nbpart.catalog.pair_search import PairSearch
from nbpart.catalog.queries.cells import member_ids
from nbpart.errors import ConditionError
from nbpart.partitions.mapping import Where, where
from tests.catalog.test_joins import CASES, check_relation
from tests.catalog.test_joins import world as world
from tests.catalog.worlds import World


def check(world: World, text: str, reader: str | None, source: str) -> None:
    reader_id = 0 if reader is None else world.ids[reader]
    world.catalog.read(lambda batch: check_where(batch, open_join(batch, where(text), reader_id, world.ids[source])))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("upstream.fold <> this.fld", r"no column 'this.fld', did you mean 'this.fold'\?, at character 18"),
        ("fold = 1", r"fold stands without its side: write upstream.fold or this.fold, at character 1\.$"),
        ("up.fold = 1", "no column 'up.fold'"),
        ("upstream = this", "no column 'upstream'"),
        ("upstream.partition_key.fold = 1", "no column 'upstream.partition_key.fold'"),
        ("upstream.fold = this.partition_key", "upstream.fold has whole numbers and this.partition_key has texts"),
        ("this.fold between upstream.fold and upstream.partition_key", "compare columns of one type"),
        ("upstream.partition_key = 1", "upstream.partition_key has texts, which are no numbers: write '1'"),
        ("upstream.fold", "which are no condition"),
        ("upstream.fold = now()", "now is another one each time, .*: give a date, at character 17"),
        ("upstream.fold = current_date", "current_date is another one each time"),
        ("upstream.fold = $k", "no value can be given beside it: write the value into the text"),
        ("upstream.fold = (select 1)", "holds a subquery, which no condition may hold"),
        ("random() < 0.5", "random is no function that a condition may call"),
        ("upstream.fold = 1 order by 1", "only a condition can stand there"),
        ("true; drop table keys", "holds what no condition may hold"),
        ("(upstream.partition_key || 'a')::int = this.fold", "Could not convert string '0a'"),
        ("upstream.fold = 'a' or", "syntax error"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(world: World, text: str, says: str) -> None:
    with pytest.raises(ConditionError, match=says) as caught:
        check(world, text, "folds", "folds")
    assert "\n" not in str(caught.value)


def test_a_reader_without_partitions_has_no_columns(world: World) -> None:
    check(world, "upstream.kind = 'x'", None, "shops")
    with pytest.raises(ConditionError, match="this has no columns, since what it stands for has no partitions"):
        check(world, "upstream.kind = this.kind", None, "shops")


BOUNDED = (
    "upstream.shop = this.shop and upstream.day <> this.day",
    "(this.day_start <= upstream.day_start) and true",
    "upstream.day between this.day - 6 and this.day",
    "lower(upstream.shop) is not distinct from lower(this.shop)",
)
OPAQUE = (
    "upstream.shop <> this.shop",
    "upstream.shop = this.shop or upstream.day = this.day",
    "not upstream.shop = this.shop",
    "upstream.shop = 'a' and this.shop = 'b'",
    "upstream.day - this.day = 1",
    "concat(upstream.shop, this.shop) = this.shop",
)


def test_only_what_equates_or_orders_both_sides_is_asked_of_large_sets(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition_pairs, "MAX_COMPARED", 100)
    for text in BOUNDED:
        check(world, text, "day_shop", "day_shop")
    for text in OPAQUE:
        with pytest.raises(ConditionError, match=r"each pair of 42 keys and 42, and 100 pairs are possible"):
            check(world, text, "day_shop", "day_shop")


@pytest.fixture(params=["in the lease", "off the lease"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where pairs are looked for."""
    if request.param == "off the lease":
        keep_all_pairs(monkeypatch)
    return str(request.param)


def keep_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FEW_PAIRS", "FEW_BOUNDED_PAIRS", "FEW_KEYS"):
        monkeypatch.setattr(condition_pairs, name, -1)


@pytest.mark.usefixtures("place")
def test_too_many_pairs_are_refused_with_their_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (condition_query, pair_search):
        monkeypatch.setattr(module, "MAX_PAIRS", 5)

    def ask(batch: Batch, most: int = 3) -> Any:
        join = open_join(batch, where("upstream.fold <> this.fold"), world.ids["folds"], world.ids["folds"])
        ids = member_ids(batch, world.ids["folds"])
        return find_pairs(batch, join, ids, ids[:most])

    with pytest.raises(ConditionError, match="it relates 6 pairs of keys, and 5 are possible"):
        world.catalog.read(ask)
    for module in (condition_query, pair_search):
        monkeypatch.setattr(module, "MAX_PAIRS", 6)
    (few_readers, few_inputs), (readers, inputs) = world.catalog.read(lambda batch: (ask(batch, 2), ask(batch)))
    assert len(readers) == len(inputs) == 6
    assert set(zip(few_readers.tolist(), few_inputs.tolist(), strict=True)) < set(
        zip(readers.tolist(), inputs.tolist(), strict=True)
    )


@pytest.mark.usefixtures("place")
def test_a_condition_that_takes_too_long_is_interrupted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (condition_query, pair_search):
        monkeypatch.setattr(module, "MOST_S", 0.05)
    monkeypatch.setattr(condition_pairs, "FEW_S", 0.05)
    slow = " or ".join(
        f"regexp_matches(upstream.partition_key || this.partition_key, '({n}|a)*c{n}$')" for n in range(1_000)
    )

    def ask(batch: Batch) -> Any:
        join = open_join(batch, where(slow), world.ids["hours"], world.ids["hours"])
        ids = member_ids(batch, world.ids["hours"])
        return find_pairs(batch, join, ids, ids)

    with pytest.raises(
        ConditionError, match=r"it took longer than 0.05 s: let a column of both be equal or in a range"
    ):
        world.catalog.read(ask)
    monkeypatch.undo()
    check(world, "upstream.fold <> this.fold", "folds", "folds")


def test_a_slow_condition_of_small_sets_is_searched_for_off_the_lease(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition_pairs, "FEW_S", 0.001)
    searches: list[PairSearch] = []
    run = PairSearch.run

    def count(search: PairSearch) -> Any:
        searches.append(search)
        return run(search)

    monkeypatch.setattr(PairSearch, "run", count)
    never = " or ".join(f"regexp_matches(upstream.partition_key || this.partition_key, 'c{n}$')" for n in range(30))

    def ask(batch: Batch) -> Any:
        join = open_join(batch, where(f"upstream.window_start < this.window_start or {never}"), hours, hours)
        check_where(batch, join)
        ids = member_ids(batch, hours)
        return len(ids), find_pairs(batch, join, ids, ids), find_related(batch, join, readers=ids[-1:])

    hours = world.ids["hours"]
    for access in (world.catalog.read, world.catalog.read, world.catalog.write):
        count_of_hours, (readers, _), before_last = access(ask)
        assert len(readers) == count_of_hours * (count_of_hours - 1) // 2
        assert len(before_last) == count_of_hours - 1
    assert len(searches) == 1


CONDITIONS = [case for case in CASES if isinstance(case[0], Where)]


@pytest.mark.parametrize("case", CONDITIONS, ids=[case[0].text for case in CONDITIONS])
def test_what_is_kept_is_what_the_reference_reads(
    world: World, monkeypatch: pytest.MonkeyPatch, case: tuple[Any, Any, Any]
) -> None:
    keep_all_pairs(monkeypatch)
    for _ in ("found", "kept"):
        check_relation(world, *case)
