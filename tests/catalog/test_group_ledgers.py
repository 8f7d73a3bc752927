"""What is kept of groups of keys stays what they come to, whatever happens to keys, columns and definitions."""

# ruff: noqa: S608  the SQL is made of constants of the package and of the tests
from __future__ import annotations

import pyarrow as pa
import pytest

from nbpart.assets.definition import Input
from nbpart.catalog import events, group_ledgers, queries
from nbpart.catalog.check import repair
from nbpart.catalog.expressions import order_free_hash
from nbpart.catalog.records import AssetRow, InputRead
from nbpart.catalog.set_tables import columns_table
from nbpart.partitions import DynamicPartitions
from nbpart.partitions.mapping import by
from tests.catalog.story import Story

SHOPS = DynamicPartitions("shops")
SAMPLES = DynamicPartitions("samples", columns={"shop": str})
MOVED = DynamicPartitions("other", columns={"shop": str})
KEPT = "groupings"


class Shops(Story):
    """Samples, each of a shop; an asset reads those of its own shop."""

    def open(self) -> None:
        self.shops, self.samples, self.other = (
            self.catalog.write(lambda b, one=one: events.ensure_set(b, one))  # type: ignore[misc]
            for one in (SHOPS, SAMPLES, MOVED)
        )
        self.catalog.write(lambda b: events.add_keys(b, self.shops, ["A", "B"]))
        self.add_samples(s1="A", s2="A", s3="B")
        self.register("sample", set_id=self.samples)
        self.read("shop")
        for key in ("s1", "s2", "s3"):
            self.make("sample", key, key)
        for shop in ("A", "B"):
            self.report(shop)

    def read(self, column: str) -> None:
        """Register the asset that reads, by a column of the samples and its own key."""
        row = AssetRow("report", "function", self.shops, "c1", {}, [Input("sample", by(**{column: "partition_key"}))])
        self.ids["report"] = self.catalog.write(lambda b: events.register_assets(b, [row]))["report"].asset_id
        self.codes["report"], self.inputs["report"], self.sets["report"] = "c1", [], self.shops

    def claim(self, asset: str, *keys: str | None, coordinator: int | None = None) -> list[int | None]:
        self.claimed = self.sets[asset]
        return super().claim(asset, *keys, coordinator=coordinator)

    def key_id(self, key: str | None) -> int:
        sql = "SELECT key_id FROM keys WHERE key = ? AND set_id = ?"  # of the set that is meant: shops can be samples
        return int(self.catalog.read(lambda b: b.value(sql, key or "", self.claimed)))

    def add_samples(self, **shops: str) -> None:
        columns = pa.table({"shop": list(shops.values())})
        self.catalog.write(lambda b: events.add_keys(b, self.samples, list(shops), columns))

    def set_shop(self, key: str, shop: str | None) -> None:
        columns = pa.table({"shop": pa.array([shop], pa.string())})
        self.catalog.write(lambda b: events.set_columns(b, self.samples, [key], columns))

    def report(self, shop: str) -> None:
        """A run of the asset that reads, as of the samples that there are."""
        [run_no] = self.claim("report", shop)
        assert run_no is not None
        self.start(run_no)
        sql = f"""SELECT count(*), {order_free_hash("f.key_id", "f.data_hash")} FROM partition_facts AS f
            JOIN members AS m ON m.key_id = f.key_id AND m.set_id = ?
            JOIN {columns_table(self.samples)} AS c ON c.key_id = f.key_id AND c.shop = ?
            WHERE f.asset_id = ? AND f.data_hash IS NOT NULL"""
        n, data_hash = self.catalog.read(lambda b: b.rows(sql, self.samples, shop, self.ids["sample"]))[0]
        read = InputRead(self.ids["sample"], "sample", None, n, data_hash, 1)
        self.end(run_no, content=f"{shop} of {n}", inputs=[read])

    def shop_statuses(self, *shops: str) -> str:
        assert self.findings() == []
        return self.statuses("report", shops or ("A", "B"))


@pytest.fixture
def shops(catalog: object, monkeypatch: pytest.MonkeyPatch) -> Shops:
    monkeypatch.setattr(group_ledgers, "LARGE", 0)
    monkeypatch.setattr(group_ledgers, "PER_READER", 0)
    story = Shops(catalog)  # type: ignore[arg-type]
    story.open()
    assert story.count(KEPT) == 1
    assert story.shop_statuses() == "materialized materialized"
    return story


def test_a_result_marks_who_reads_its_group_and_an_equal_one_after_it_clears_that(shops: Shops) -> None:
    shops.make("sample", "s1", "new")
    assert shops.shop_statuses() == "stale materialized"
    shops.make("sample", "s1", "s1")
    assert shops.shop_statuses() == "materialized materialized"
    assert shops.count("group_ledgers") == 2


def test_a_bit_above_comes_and_goes_with_those_of_the_group(shops: Shops) -> None:
    shops.register("sample", set_id=shops.samples, code="c2")
    assert shops.shop_statuses() == "stale stale"
    for key in ("s1", "s2"):
        shops.make("sample", key, key)
    assert shops.shop_statuses() == "materialized stale"


def test_keys_that_come_leave_and_come_back_count_in_their_groups(shops: Shops) -> None:
    shops.add_samples(s4="A", s5="C")
    assert shops.count(KEPT) == 1
    assert shops.shop_statuses() == "stale materialized"
    shops.make("sample", "s4", "s4")
    shops.report("A")
    shops.catalog.write(lambda b: events.remove_keys(b, shops.samples, ["s4", "s3"]))
    assert shops.count(KEPT) == 1
    assert shops.shop_statuses() == "stale stale"
    shops.add_samples(s3="A", s4="A")
    assert shops.shop_statuses() == "stale stale"  # one more of A, none of B
    shops.report("B")
    assert shops.shop_statuses() == "stale materialized"


def test_a_key_changes_its_group_with_its_column(shops: Shops) -> None:
    shops.set_shop("s1", "B")
    assert shops.shop_statuses() == "stale stale"
    for shop in ("A", "B"):
        shops.report(shop)
    assert shops.shop_statuses() == "materialized materialized"
    shops.set_shop("s1", None)
    assert shops.shop_statuses() == "materialized stale"


def test_a_key_that_is_compared_by_its_text_has_another_group_after_it_was_renamed(shops: Shops) -> None:
    shops.read("partition_key")
    shops.catalog.write(lambda b: events.rename_key(b, shops.samples, "s1", "A"))
    shops.make("sample", "A", "more")
    assert shops.findings() == []
    bits = "SELECT stale <> 0 FROM partition_facts WHERE asset_id = ? ORDER BY key_id"
    assert shops.catalog.read(lambda b: b.rows(bits, shops.ids["report"])) == [(True,), (True,)]


def test_a_definition_that_loses_and_regains_a_column_keeps_no_old_groups(shops: Shops) -> None:
    bare = DynamicPartitions("samples", columns={"kind": str})
    both = DynamicPartitions("samples", columns={"kind": str, "shop": str})
    shops.register("report", set_id=shops.shops)
    shops.catalog.write(lambda b: events.ensure_set(b, bare))
    shops.catalog.write(lambda b: events.ensure_set(b, both))
    shops.read("shop")
    shops.make("sample", "s1", "new")
    assert shops.findings() == []


def test_an_asset_of_another_set_has_other_groups(shops: Shops) -> None:
    shops.register("sample", set_id=shops.other)
    assert shops.findings() == []
    shops.register("sample", set_id=shops.samples)
    assert shops.shop_statuses() == "materialized materialized"


def test_groups_that_nothing_reads_are_dropped(shops: Shops) -> None:
    shops.catalog.write(lambda b: events.remove_asset(b, "report"))
    assert (shops.count(KEPT), shops.count("group_ledgers")) == (0, 0)


def test_all_of_an_asset_that_moves_to_another_set_before_it_was_made_is_counted_anew(story: Story) -> None:
    empty = story.catalog.write(lambda b: events.ensure_set(b, DynamicPartitions("empty")))
    story.add("x")
    story.register("a")
    story.register("total", ("a", "all"), set_id=0)
    story.make("total", None, "1")
    assert story.status("total", None) == "stale"
    story.register("a", set_id=empty)
    assert story.findings() == []
    assert story.status("total", None) == "materialized"


def test_groups_that_are_wrong_are_found_and_counted_anew(shops: Shops) -> None:
    shops.catalog.write(lambda b: b.execute("UPDATE group_ledgers SET data_hash = data_hash + 1, with_bit = 1"))
    assert {(one.asset, one.column) for one in shops.findings()} == {("sample", "ledger")}
    shops.catalog.write(repair)
    shops.make("sample", "s3", "new")
    assert shops.shop_statuses() == "materialized stale"


def test_small_sets_are_counted_and_keep_nothing(story: Story) -> None:
    shops = Shops(story.catalog)
    shops.open()
    shops.make("sample", "s1", "new")
    assert shops.shop_statuses() == "stale materialized"
    assert shops.count(KEPT) == 0


def test_readers_of_groups_that_have_no_keys_read_nothing(shops: Shops) -> None:
    shops.catalog.write(lambda b: events.add_keys(b, shops.shops, ["Z"]))
    shops.report("Z")
    shops.make("sample", "s3", "new")
    assert shops.shop_statuses("A", "B", "Z") == "materialized stale materialized"
    assert shops.catalog.read(lambda b: queries.key_ids(b, shops.shops, ["Z"]))[0] >= 0
