"""Pairs of keys that conditions relate: searched for off the lease, kept as long as both sets are what they were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nbpart.assets.definition import Input
from nbpart.catalog import AssetRow, Batch, Catalog, condition_pairs, events, queries
from nbpart.catalog.check import check, repair
from nbpart.catalog.condition_pairs import find_pairs, find_related
from nbpart.catalog.join_sides import open_join
from nbpart.catalog.pair_search import PairSearch
from nbpart.catalog.queries.cells import member_ids
from nbpart.catalog.set_tables import build_columns
from nbpart.errors import CatalogError, DeclarationError
from nbpart.partitions import DynamicPartitions
from nbpart.partitions.mapping import Mapping, where

SHEETS = DynamicPartitions("sheets", columns={"level": int, "note": str})
TRIALS = DynamicPartitions("trials", columns={"level": int})
CONDITION = "upstream.level <> this.level"


class Related:
    """Two sets and an asset of each, of which one reads the other by a condition; ``searches`` are counted."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog, self.searches = catalog, 0
        self.sheets, self.trials = (catalog.write(lambda b, d=d: events.ensure_set(b, d)) for d in (SHEETS, TRIALS))
        self.levels: dict[int, dict[str, int]] = {self.sheets: {}, self.trials: {}}
        for n in range(4):
            self.add(self.sheets, f"sheet-{n}", n % 3)
            self.add(self.trials, f"trial-{n}", n % 2)
        self.register(where(CONDITION))

    def register(self, mapping: Mapping) -> None:
        inputs = (Input("sheet", mapping),)
        rows = [AssetRow("sheet", "function", self.sheets, "c", {}),
                AssetRow("model", "function", self.trials, "c", {}, inputs)]  # fmt: skip
        self.catalog.write(lambda batch: events.register_assets(batch, rows))

    def add(self, set_id: int, key: str, level: int, catalog: Catalog | None = None) -> None:
        (catalog or self.catalog).write(lambda batch: self.add_in(batch, set_id, key, level))

    def add_in(self, batch: Batch, set_id: int, key: str, level: int) -> None:
        definition = SHEETS if set_id == self.sheets else TRIALS
        events.add_keys(batch, set_id, [key], build_columns(definition.columns, [{"level": level, "note": ""}]))
        self.levels[set_id][key] = level

    def wanted(self) -> set[tuple[str, str]]:
        """The pairs (trial, sheet) in plain Python."""
        sheets, trials = self.levels[self.sheets], self.levels[self.trials]
        return {(t, s) for t, mine in trials.items() for s, its in sheets.items() if mine != its}

    def ask(self, batch: Batch) -> set[tuple[str, str]]:
        join = open_join(batch, where(CONDITION), self.trials, self.sheets)
        found = find_pairs(batch, join, member_ids(batch, self.trials), member_ids(batch, self.sheets))
        texts = [queries.key_texts(batch, ids).tolist() for ids in found]
        return set(zip(*texts, strict=True))

    def read(self) -> set[tuple[str, str]]:
        return self.catalog.read(self.ask)

    def kept(self) -> list[tuple[Any, ...]]:
        return self.catalog.read(
            lambda batch: batch.rows(
                """SELECT s.condition, s.pairs, count(p.reader_id) FROM pair_searches AS s
                LEFT JOIN condition_pairs AS p USING (search_no) GROUP BY ALL ORDER BY 1"""
            )
        )


@pytest.fixture
def related(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Related:
    monkeypatch.setattr(condition_pairs, "FEW_PAIRS", 0)
    related = Related(catalog)
    run = PairSearch.run

    def count(search: PairSearch) -> Any:
        related.searches += 1
        return run(search)

    monkeypatch.setattr(PairSearch, "run", count)
    return related


def test_they_are_searched_for_once_and_kept(related: Related) -> None:
    sequence = related.catalog.sequence()
    for _ in range(3):
        assert related.read() == related.wanted()
    assert related.searches == 1
    assert related.kept() == [(CONDITION, len(related.wanted()), len(related.wanted()))]
    assert related.catalog.sequence() == sequence, "nothing that anybody sees is another than before"


def test_another_process_uses_what_is_kept(related: Related) -> None:
    related.read()
    other = Catalog.open(related.catalog.path)
    assert other.read(related.ask) == related.wanted()
    other.close()
    assert related.searches == 1


def change_level(related: Related) -> None:
    columns = build_columns([SHEETS.columns[0]], [{"level": 7}])
    related.catalog.write(lambda batch: events.set_columns(batch, related.sheets, ["sheet-1"], columns))
    related.levels[related.sheets]["sheet-1"] = 7


def remove(related: Related) -> None:
    related.catalog.write(lambda batch: events.remove_keys(batch, related.trials, ["trial-2"]))
    del related.levels[related.trials]["trial-2"]


CHANGES: list[Callable[[Related], object]] = [
    lambda related: related.add(related.sheets, "new", 1),
    lambda related: related.add(related.trials, "new", 1),
    change_level,
    remove,
]


@pytest.mark.parametrize("change", CHANGES, ids=["input added", "reader added", "column changed", "reader removed"])
def test_a_change_of_either_set_has_them_searched_for_again(
    related: Related, change: Callable[[Related], object]
) -> None:
    related.read()
    change(related)
    for _ in range(2):
        assert related.read() == related.wanted()
    assert related.searches == 2
    assert related.kept() == [(CONDITION, len(related.wanted()), len(related.wanted()))]


def test_a_column_that_the_condition_does_not_name_changes_nothing(related: Related) -> None:
    related.read()
    columns = build_columns([SHEETS.columns[1]], [{"note": "seen"}])
    assert related.catalog.write(lambda batch: events.set_columns(batch, related.sheets, ["sheet-1"], columns)) == 1
    assert related.read() == related.wanted()
    assert related.searches == 1


def test_a_key_that_left_its_set_is_still_related(related: Related) -> None:
    related.read()
    ids = related.catalog.read(lambda batch: queries.key_ids(batch, related.sheets, ["sheet-2", "sheet-0"]))
    related.catalog.write(lambda batch: events.remove_keys(batch, related.sheets, ["sheet-2"]))

    def ask(batch: Batch) -> Any:
        join = open_join(batch, where(CONDITION), related.trials, related.sheets)
        readers, inputs = find_pairs(batch, join, member_ids(batch, related.trials), ids)
        return queries.key_texts(batch, readers).tolist(), inputs.tolist(), find_related(batch, join, inputs=ids[:1])

    readers, inputs, related_ids = related.catalog.read(ask)
    pairs = set(zip(readers, inputs, strict=True))
    assert {key for key, one in pairs if one == ids[0]} == {"trial-0", "trial-1", "trial-2", "trial-3"}
    assert {key for key, one in pairs if one == ids[1]} == {"trial-1", "trial-3"}
    assert len(related_ids) == 4


def test_a_write_sees_the_keys_that_it_adds_itself(related: Related) -> None:
    def work(batch: Batch) -> set[tuple[str, str]]:
        related.add_in(batch, related.sheets, "in the same write", 9)
        return related.ask(batch)

    assert related.catalog.write(work) == related.wanted()
    assert related.searches == 1
    assert related.read() == related.wanted()
    assert related.searches == 1, "the write kept them"


def test_others_use_the_catalog_during_a_search(related: Related, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process changes meanwhile counts, also where that happens each time."""
    other, run = Catalog.open(related.catalog.path, timeout_s=5), PairSearch.run
    searches = []

    def change(search: PairSearch) -> Any:
        searches.append(search)
        with monkeypatch.context() as patch:
            patch.setattr(PairSearch, "run", run)
            related.add(related.sheets, f"meanwhile-{len(searches)}", 5, other)
        return run(search)

    monkeypatch.setattr(PairSearch, "run", change)
    assert related.read() == related.wanted()
    assert len(searches) == 3
    monkeypatch.setattr(PairSearch, "run", run)
    assert related.read() == related.wanted()
    other.close()


def test_work_that_hides_the_search_runs_again_all_the_same(related: Related) -> None:
    def work(batch: Batch) -> set[tuple[str, str]]:
        try:
            return related.ask(batch)
        except Exception as error:
            raise CatalogError("it failed") from error

    assert related.catalog.read(work) == related.wanted()


def test_what_cannot_be_kept_is_used_all_the_same(related: Related, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(search: PairSearch, batch: Batch, found: Any) -> None:
        raise CatalogError("read only")

    monkeypatch.setattr(PairSearch, "keep", refuse)
    assert related.read() == related.wanted()
    assert related.kept() == []


def test_those_of_a_condition_that_nobody_reads_by_are_dropped(related: Related) -> None:
    related.read()
    related.register(where(CONDITION))
    assert len(related.kept()) == 1
    related.register(where("upstream.level = this.level"))
    assert related.kept() == []
    assert related.catalog.read(lambda batch: batch.value("SELECT count(*) FROM condition_pairs")) == 0


def test_removing_the_asset_drops_them(related: Related) -> None:
    related.read()
    related.catalog.write(lambda batch: events.remove_asset(batch, "model"))
    assert related.kept() == []


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (
            "DELETE FROM condition_pairs WHERE reader_id = (SELECT min(reader_id) FROM condition_pairs)",
            ("8 pairs", "10, of which 8 are kept"),
        ),
        (
            "UPDATE condition_pairs SET input_id = input_id + 1000 WHERE rowid = 0",
            ("10 pairs", "10, of which 9 are kept"),
        ),
        ("UPDATE pair_searches SET search_no = 8", ("0 pairs", "10, of which 0 are kept")),
    ],
)
def test_catalog_check_finds_and_drops_wrong_ones(related: Related, damage: str, says: tuple[str, str]) -> None:
    related.read()
    assert related.catalog.read(check) == []
    related.catalog.write(lambda batch: batch.execute(damage))
    found = related.catalog.read(check)
    assert {(one.asset, one.column) for one in found} <= {("model", "pairs"), ("", "pairs")}
    assert (found[0].recorded, found[0].rebuilt) == says
    assert related.catalog.read(check) == found, "a check mends nothing"
    related.catalog.write(repair)
    assert related.catalog.read(check) == []
    assert related.read() == related.wanted()


def test_a_set_that_grows_too_large_for_a_condition_is_refused(
    related: Related, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condition_pairs, "MAX_COMPARED", 20)
    related.add(related.sheets, "fifth", 1)
    with pytest.raises(
        DeclarationError,
        match=r"asset 'model', which reads 'sheet': the condition .* each pair of 6 keys and 4, and 20 pairs",
    ):
        related.add(related.sheets, "sixth", 1)
    assert len(related.levels[related.sheets]) == 5
    assert related.read() == related.wanted()
    related.register(where("upstream.level = this.level"))
    related.add(related.sheets, "sixth", 1)


def test_the_search_reaches_no_file(related: Related, tmp_path: Path) -> None:
    """A condition was checked before; the instance that runs it could not read anything either."""
    text = tmp_path / "secret.csv"
    text.write_text("level\n1\n")
    search = related.catalog.read(lambda batch: condition_pairs.PairQuery(
        batch, open_join(batch, where(CONDITION), related.trials, related.sheets)).make_search("v"))  # fmt: skip
    hostile = "upstream.level in (FROM read_csv('" + str(text) + "'))"
    object.__setattr__(search.condition, "text", hostile)
    with pytest.raises(Exception, match="disabled by configuration"):
        search.run()
    assert np.array_equal(search.copies["this"].column_names, ["key id", "level"])
