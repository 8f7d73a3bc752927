"""Deciding which partitions are stale, in the transaction that makes them so.

The code bit says that the current materialization was made by another code version than the asset has now; the input
bit that one of its inputs has other data now than it read; the bit above that an input has no data, or has a bit. What
changes goes through `mark_readers`: partitions that changed come in, and all that lies below them is decided, asset by
asset in the order of the graph.
"""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog.above import create_above, create_above_of_all, sort_assets
from nbpart.catalog.bound_columns import load_bound_columns
from nbpart.catalog.dependencies import StoredDependency, load_dependencies
from nbpart.catalog.expressions import STALE_ABOVE, STALE_CODE, STALE_INPUT, code_differs, quote
from nbpart.catalog.input_changes import create_stale_disagreeing
from nbpart.catalog.join_search import find_readers
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.ledgers import (
    Ledger,
    forget_ledger,
    load_ledger,
    shift_ledger,
    sum_keys,
    sum_members,
)
from nbpart.catalog.set_tables import asset_set_id
from nbpart.partitions.mapping import AllKeys, Same, Whole, reads_newest

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch

_IS_FLIP = "(old = 0) <> (new = 0)"
#: After so many rounds along a dependency of an asset on itself all of its partitions are decided at once.
_ROUNDS = 8


def refresh_code(batch: Batch, asset_ids: Sequence[int]) -> None:
    """Set or clear the code bit of every partition of these assets, and what follows from it."""
    changed = batch.create_temp(
        "recoded",
        f"""SELECT p.rowid AS fact_row, p.asset_id, p.key_id FROM partition_facts AS p JOIN assets AS a USING (asset_id)
        JOIN materializations AS m USING (materialization_id)
        WHERE p.asset_id IN (SELECT unnest(?::INTEGER[]))
          AND (p.stale & {STALE_CODE} <> 0) <> {code_differs("m.code_version")}""",
        list(asset_ids),
    )
    if changed:
        # numbered, since DuckDB 1 counts the question marks of FROM before those of SET
        batch.execute(
            f"""UPDATE partition_facts AS f SET stale = xor(f.stale, {STALE_CODE}), changed = $1
            FROM recoded AS r WHERE f.rowid = r.fact_row""",
            batch.sequence,
        )
        mark_readers(batch, "recoded", with_data=False)


def refresh_inputs(batch: Batch, asset_ids: Sequence[int]) -> None:
    """Set or clear the bits input and above of every partition of these assets, and what follows from them."""
    own = batch.create_temp(
        "reread",
        """SELECT rowid AS fact_row, asset_id, key_id, materialization_id, stale FROM partition_facts
        WHERE materialization_id IS NOT NULL AND asset_id IN (SELECT unnest(?::INTEGER[]))""",
        list(asset_ids),
    )
    if own:
        _Marking(batch).run("SELECT asset_id, key_id, false AS is_data FROM reread WHERE false", "reread")


def mark_readers(
    batch: Batch,
    changed: str,
    *,
    own: str | None = None,
    with_data: bool = True,
    before: Mapping[int, Ledger] | None = None,
) -> None:
    """Set or clear the bits of what reads partitions that changed, directly or in turn.

    `changed` names a temporary table (asset_id, key_id) of these; without `with_data` only their bits changed. `own`
    names one of partitions that were materialized and whose own bits are decided too: (fact_row, asset_id, key_id,
    materialization_id, stale). `before` has what the keys of `own` came to, by asset (see `sum_changing`).
    """
    select = f"SELECT asset_id, key_id, {with_data} AS is_data FROM {quote(changed)}"
    _Marking(batch).run(select, own, before or {})


def sum_changing(batch: Batch, partitions: str) -> dict[int, Ledger]:
    """What partitions come to before they change, of each asset that has a ledger: for `mark_readers`.

    `partitions` names a temporary table (asset_id, key_id).
    """
    ids = f"SELECT DISTINCT asset_id FROM {quote(partitions)}"
    kept = [row[0] for row in batch.rows(f"SELECT asset_id FROM ledgers WHERE asset_id IN ({ids})")]
    return {asset_id: sum_members(batch, asset_id, _keys_of(asset_id, partitions)) for asset_id in kept}


def mark_readers_of_set(batch: Batch, set_id: int, changed: str, *, have_left: bool, are_new: bool = False) -> None:
    """Set or clear the bits of what reads keys of a set that came or left; of what came back the own bits too.

    `changed` names a temporary table with the keys' key_id. Of keys that `are_new` nothing was ever made.
    """
    keys = f"SELECT key_id FROM {quote(changed)}"
    ids = [row[0] for row in batch.rows("SELECT asset_id FROM assets WHERE set_id = ?", set_id)]
    marking = _Marking(batch)
    for asset_id in marking.ledgers.intersection(ids):
        sums = sum_keys(batch, asset_id, keys)
        shift_ledger(batch, asset_id, *((sums, Ledger()) if have_left else (Ledger(), sums)))
    if are_new:  # only what reads other keys than its own reads them
        ids = [asset_id for asset_id in ids if marking.has_other_readers(asset_id)]
    selects = [_select_keys(asset_id, keys, are_new=are_new) for asset_id in ids]
    if not selects:
        return
    if not are_new:
        batch.create_temp(
            "returned",
            f"""SELECT rowid AS fact_row, asset_id, key_id, materialization_id, stale FROM partition_facts
            WHERE materialization_id IS NOT NULL AND key_id IN ({keys}) AND asset_id IN (SELECT unnest(?::INTEGER[]))
              AND {not have_left}""",
            ids,
        )
    marking.run(" UNION ALL ".join(selects), None if are_new else "returned", keeps_ledgers=True)


def mark_changed_columns(batch: Batch, set_ids: Sequence[int]) -> None:
    """Set or clear the bits of what binds a column of these sets by name, or joins by one."""
    sets = set(set_ids)
    bound = {each.asset_id for each in load_bound_columns(batch) if each.set_id in sets}
    joining = {
        each.asset_id
        for each in load_dependencies(batch)
        if not isinstance(each.mapping, Same | Whole | AllKeys) and {each.set_id, each.input_set_id} & sets
    }
    if bound or joining:
        refresh_inputs(batch, sorted(bound | joining))


def _select_keys(asset_id: int, keys: str, *, are_new: bool) -> str:
    has_data = (
        "false"
        if are_new
        else f"""key_id IN (
        SELECT key_id FROM partition_facts WHERE asset_id = {asset_id} AND data_hash IS NOT NULL)"""
    )
    return f"SELECT {asset_id} AS asset_id, key_id, {has_data} AS is_data FROM ({keys})"


def _keys_of(asset_id: int, partitions: str) -> str:
    return f"SELECT key_id FROM {quote(partitions)} WHERE asset_id = {asset_id}"


@dataclass(frozen=True)
class _Frontier:
    """Partitions of an asset that changed: the temporary table ``table`` (key_id, is_data); some with new data."""

    table: str
    has_data: bool


class _Marking:
    """One walk from partitions that changed to all that lies below them; ``ledgers`` are the assets that have one."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._inputs: dict[int, list[StoredDependency]] = {}
        self._readers: dict[int, list[StoredDependency]] = {}
        for each in load_dependencies(batch):
            self._inputs.setdefault(each.asset_id, []).append(each)
            self._readers.setdefault(each.input_id, []).append(each)
        self._frontiers: dict[int, _Frontier] = {}
        self._owners: set[int] = set()
        self.ledgers = {row[0] for row in batch.rows("SELECT asset_id FROM ledgers")}

    def has_other_readers(self, asset_id: int) -> bool:
        """Whether something reads other keys of an asset than its own key."""
        return any(not isinstance(each.mapping, Same | Whole) for each in self._readers.get(asset_id, ()))

    def run(
        self, changed: str, own: str | None, before: Mapping[int, Ledger] | None = None, *, keeps_ledgers: bool = False
    ) -> None:
        """Decide all that follows from `changed`, a query (asset_id, key_id, is_data), and `own`; see `mark_readers`.

        `keeps_ledgers`: those of the assets that changed are right already, but for the bits that are decided here.
        """
        batch, before = self._batch, before or {}
        own_keys = (
            f" UNION ALL SELECT asset_id, key_id, false FROM {quote(own)} WHERE materialization_id IS NOT NULL"
            if own
            else ""
        )
        batch.create_temp("marking_changed", f"{changed}{own_keys}")
        starts = batch.rows("SELECT asset_id, bool_or(is_data) FROM marking_changed GROUP BY asset_id")
        if own:
            self._owners = {asset_id for asset_id, _ in starts}
        for asset_id, has_data in starts:
            table = f"frontier_{asset_id}"
            batch.create_temp(
                table,
                f"""SELECT key_id, bool_or(is_data) AS is_data FROM marking_changed WHERE asset_id = {asset_id}
                GROUP BY key_id""",
            )
            self._frontiers[asset_id] = _Frontier(table, has_data)
            if asset_id in self.ledgers - before.keys() and not keeps_ledgers:
                forget_ledger(batch, asset_id)
                self.ledgers.remove(asset_id)
        for asset_id in self._sort_below([asset_id for asset_id, _ in starts]):
            touched = _keys_of(asset_id, own) if own and asset_id in before else ""
            self._decide(asset_id, own, touched)
            if touched:
                shift_ledger(batch, asset_id, before[asset_id], sum_members(batch, asset_id, touched))

    def _sort_below(self, starts: Iterable[int]) -> list[int]:
        """These assets and all that read them, in turn, each after what it reads."""
        below: set[int] = set()
        queue = list(starts)
        while queue:
            if (asset_id := queue.pop()) not in below:
                below.add(asset_id)
                queue += [each.asset_id for each in self._readers.get(asset_id, ())]
        return sort_assets(self._inputs, below)

    def _decide(self, asset_id: int, own: str | None, touched: str) -> None:
        """Decide the partitions of an asset that `own` names or that read what changed."""
        selects = [_select_own(asset_id, own)] if own and asset_id in self._owners else []
        with_data = bool(selects)
        inputs = self._inputs.get(asset_id, [])
        for place, each in enumerate(inputs):
            if frontier := self._frontiers.get(each.input_id):
                selects.append(self._select_readers(each, frontier, place))
                with_data |= frontier.has_data
        if not selects or not (inputs or self._may_differ(asset_id, own)) or not (count := self._collect(selects)):
            return
        own_inputs = [each for each in inputs if each.input_id == asset_id]
        flipped = self._apply(asset_id, touched, count, with_data=with_data)
        for _ in range(_ROUNDS if own_inputs else 0):
            if not flipped:
                return
            self._batch.create_temp("flipped", f"SELECT key_id FROM decided WHERE {_IS_FLIP}")
            again = [self._select_readers(each, _Frontier("flipped", False), n) for n, each in enumerate(own_inputs)]
            count = self._collect(again)
            flipped = self._apply(asset_id, touched, count, with_data=False) if count else 0
        if flipped and own_inputs:
            self._apply_to_all(asset_id, inputs, touched)

    def _may_differ(self, asset_id: int, own: str | None) -> bool:
        """Whether partitions of an asset without inputs may get or lose bits: it binds columns, or some have bits."""
        if own is None:
            return False
        bits = f"stale & {STALE_INPUT | STALE_ABOVE} <> 0"
        count = self._batch.value(f"SELECT count(*) FROM {quote(own)} WHERE asset_id = ? AND {bits}", asset_id)
        return bool(count or load_bound_columns(self._batch, f"a.asset_id = {asset_id}"))

    def _collect(self, selects: Sequence[str]) -> int:
        """Create the temporary table `marked` of partitions to decide, each once."""
        return self._batch.create_temp(
            "marked",
            f"""SELECT fact_row, any_value(key_id) AS key_id, any_value(materialization_id) AS materialization_id,
                any_value(stale) AS stale, bool_or(is_data) AS is_data
            FROM ({" UNION ALL ".join(selects)}) GROUP BY fact_row""",
        )

    def _select_readers(self, dependency: StoredDependency, frontier: _Frontier, place: int) -> str:
        """A query of the partitions with data that may read, by a dependency, what changed of its input."""
        columns = "f.rowid AS fact_row, f.key_id, f.materialization_id, f.stale"
        made = f"f.asset_id = {dependency.asset_id} AND f.materialization_id IS NOT NULL"
        mapping, table = dependency.mapping, quote(frontier.table)
        if isinstance(mapping, Same):
            is_data = "x.is_data" if frontier.has_data else "false AS is_data"
            return (
                f"SELECT {columns}, {is_data} FROM partition_facts AS f JOIN {table} AS x USING (key_id) WHERE {made}"
            )
        select = f"SELECT {columns}, {frontier.has_data} AS is_data FROM partition_facts AS f WHERE {made}"
        if (
            isinstance(mapping, AllKeys)
            and mapping.new == "stale"
            and not (frontier.has_data or dependency.skips_missing)
        ):
            is_bad = load_ledger(self._batch, dependency.input_id).has_bad
            return f"{select} AND (f.stale & {STALE_ABOVE} <> 0) <> {is_bad}"
        if isinstance(mapping, Whole | AllKeys) or reads_newest(mapping):
            return select
        changed = self._batch.numpy(f"SELECT key_id FROM {table}")["key_id"]
        found = find_readers(self._batch, dependency.join(self._batch), changed)
        stage_numbers(self._batch, f"readers_{place}", found)
        return f"{select} AND f.key_id IN (SELECT id FROM readers_{place})"

    def _apply(self, asset_id: int, touched: str, count: int, *, with_data: bool) -> int:
        """Decide the bits input and above of `marked`, which has `count` rows, some with other inputs `with_data`.

        Returns how many partitions have a bit now that had none, or the other way round.
        """
        batch, differs = self._batch, f"stale & {STALE_INPUT}"
        if with_data:
            batch.create_temp(
                "marked_reads",
                f"SELECT {asset_id} AS asset_id, key_id, materialization_id FROM marked WHERE is_data",
            )
            create_stale_disagreeing(batch, "marked_reads")
            differs = f"""CASE WHEN NOT is_data THEN stale & {STALE_INPUT}
                WHEN key_id IN (SELECT key_id FROM stale_disagreeing) THEN {STALE_INPUT} ELSE 0 END"""
        create_above(batch, self._inputs.get(asset_id, []), "marked", count=count)
        return self._update(
            asset_id,
            f"""SELECT fact_row, key_id, stale AS old, (stale & {~(STALE_INPUT | STALE_ABOVE) & 0xFF} | {differs}
                | CASE WHEN key_id IN (SELECT key_id FROM stale_above) THEN {STALE_ABOVE} ELSE 0 END) AS new
            FROM marked""",
            touched,
        )

    def _apply_to_all(self, asset_id: int, inputs: Sequence[StoredDependency], touched: str) -> None:
        """Decide the bit above of all partitions of an asset that reads itself."""
        create_above_of_all(self._batch, inputs, asset_id, inputs[0].set_id)
        self._update(
            asset_id,
            f"""SELECT f.rowid AS fact_row, key_id, stale AS old, (stale & {~STALE_ABOVE & 0xFF}
                | CASE WHEN key_id IN (SELECT key_id FROM stale_above) THEN {STALE_ABOVE} ELSE 0 END) AS new
            FROM partition_facts AS f WHERE asset_id = {asset_id} AND materialization_id IS NOT NULL
                AND key_id IN (SELECT key_id FROM members WHERE set_id = {inputs[0].set_id})""",
            touched,
        )

    def _update(self, asset_id: int, decided: str, touched: str) -> int:
        """Write what was decided, a query (fact_row, key_id, old, new), and carry what flipped into the frontier.

        Returns how many partitions have a bit now that had none, or the other way round.
        """
        batch = self._batch
        if not batch.create_temp("decided", f"SELECT * FROM ({decided}) WHERE old <> new"):
            return 0
        batch.execute(
            """UPDATE partition_facts AS f SET stale = d.new, changed = $1 FROM decided AS d
            WHERE f.rowid = d.fact_row""",
            batch.sequence,
        )
        table, flips = f"frontier_{asset_id}", f"SELECT key_id, false AS is_data FROM decided WHERE {_IS_FLIP}"
        if asset_id in self._frontiers:
            flipped = batch.execute(f"INSERT INTO {table} {flips}")
        elif flipped := batch.create_temp(table, flips):
            self._frontiers[asset_id] = _Frontier(table, has_data=False)
        if flipped and asset_id in self.ledgers:
            self._count_flips(asset_id, touched)
        return flipped

    def _count_flips(self, asset_id: int, touched: str) -> None:
        """Bring the ledger of an asset up to date with what flipped, but for keys that are counted elsewhere."""
        others = f" AND key_id NOT IN ({touched})" if touched else ""
        members = f"SELECT key_id FROM members WHERE set_id = {asset_set_id(self._batch, asset_id)}"
        row = self._batch.row(
            f"""SELECT count(*) FILTER (new <> 0), count(*) FILTER (new = 0) FROM decided
            WHERE {_IS_FLIP} AND key_id IN ({members}){others}"""
        )
        assert row is not None, "an aggregate has a row"
        shift_ledger(self._batch, asset_id, Ledger(with_bit=row[1]), Ledger(with_bit=row[0]))


def _select_own(asset_id: int, own: str) -> str:
    return f"""SELECT fact_row, key_id, materialization_id, stale, true AS is_data FROM {quote(own)}
        WHERE asset_id = {asset_id} AND materialization_id IS NOT NULL"""
