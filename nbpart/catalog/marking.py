"""The walk from partitions that changed to all that lies below them, asset by asset in the order of the graph."""

# ruff: noqa: S608  what is put into SQL here are names and expressions of this package, never what a user gave
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbpart.catalog.above import create_above, create_above_of_all, sort_assets
from nbpart.catalog.bound_columns import load_bound_columns
from nbpart.catalog.dependencies import StoredDependency, load_dependencies
from nbpart.catalog.expressions import STALE_ABOVE, STALE_INPUT, quote, recorded_hash
from nbpart.catalog.input_changes import create_stale_disagreeing
from nbpart.catalog.join_search import find_readers
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.ledger_shifts import forget_sums, shift_bits
from nbpart.catalog.ledgers import load_ledger
from nbpart.partitions.mapping import AllKeys, Same, Whole, reads_newest

if TYPE_CHECKING:
    from nbpart.catalog.batch import Batch

_IS_FLIP = "(old = 0) <> (new = 0)"
_IS_ABOVE = f"(f.stale & {STALE_ABOVE} <> 0)"
#: After so many rounds along a dependency of an asset on itself all of its partitions are decided at once.
_ROUNDS = 8
#: From so many changed partitions on it is quicker to look at all of an asset than to find theirs.
_MANY = 10_000


@dataclass(frozen=True)
class _Frontier:
    """Partitions of an asset that changed: the query ``select`` (key_id, is_data), and how many rows it has.

    ``is_data`` says that their data changed, ``has_data`` that this is so for some. ``are_members``: they came into
    their set or left it, so that also a mapping may give others than it gave.
    """

    select: str
    count: int
    has_data: bool = False
    are_members: bool = False

    def changes_data(self, dependency: StoredDependency) -> bool:
        """Whether something may read other data by a dependency on them."""
        return self.has_data or (self.are_members and not isinstance(dependency.mapping, Same | Whole | AllKeys))


class Marking:
    """One walk."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._inputs: dict[int, list[StoredDependency]] = {}
        self._readers: dict[int, list[StoredDependency]] = {}
        for each in load_dependencies(batch):
            self._inputs.setdefault(each.asset_id, []).append(each)
            self._readers.setdefault(each.input_id, []).append(each)
        self._frontiers: dict[int, _Frontier] = {}
        self._owners: set[int] = set()
        self._updates = 0
        self._has_own_bits = False
        self._bound = {bound.asset_id for bound in load_bound_columns(batch)}

    def has_other_readers(self, asset_id: int) -> bool:
        """Whether something reads other keys of an asset than its own key."""
        return any(not isinstance(each.mapping, Same | Whole) for each in self._readers.get(asset_id, ()))

    def run(self, changed: str, own: str | None, *, are_members: bool = False) -> None:
        """Decide all that follows from `changed`, a query (asset_id, key_id, is_data) that has each partition once.

        `own` is as for `mark_readers`. `are_members`: they came into their set or left it; ledgers are right already,
        but for the bits that are decided here.
        """
        batch = self._batch
        if own:
            changed = f"""SELECT asset_id, key_id, bool_or(is_data) AS is_data FROM ({changed} UNION ALL
                SELECT asset_id, key_id, false FROM {quote(own)} WHERE materialization_id IS NOT NULL)
            GROUP BY asset_id, key_id"""
        batch.create_temp("marking_changed", changed)
        starts = batch.rows("SELECT asset_id, count(*), bool_or(is_data) FROM marking_changed GROUP BY asset_id")
        for asset_id, count, has_data in starts:
            select = f"SELECT key_id, is_data FROM marking_changed WHERE asset_id = {asset_id}"
            self._frontiers[asset_id] = _Frontier(select, count, has_data, are_members)
            if not are_members:
                forget_sums(batch, asset_id)
        self._decide_below([asset_id for asset_id, *_ in starts], own)

    def run_made(self, made: str, counts: Mapping[int, tuple[int, bool]]) -> None:
        """Decide all that follows from partitions that were made, as `mark_made` is given them."""
        for asset_id, (count, has_data) in counts.items():
            select = f"""SELECT key_id, is_data FROM {quote(made)}
                WHERE asset_id = {asset_id} AND materialization_id IS NOT NULL"""
            self._frontiers[asset_id] = _Frontier(select, count, has_data)
        self._has_own_bits = True
        self._decide_below(counts, made)

    def _decide_below(self, starts: Iterable[int], own: str | None) -> None:
        if own:
            self._owners.update(starts)
        for asset_id in self._sort_below(starts):
            self._decide(asset_id, own)

    def _sort_below(self, starts: Iterable[int]) -> list[int]:
        """These assets and all that read them, in turn, each after what it reads."""
        below: set[int] = set()
        queue = list(starts)
        while queue:
            if (asset_id := queue.pop()) not in below:
                below.add(asset_id)
                queue += [each.asset_id for each in self._readers.get(asset_id, ())]
        return sort_assets(self._inputs, below)

    def _decide(self, asset_id: int, own: str | None) -> None:
        """Decide the partitions of an asset that `own` names or that read what changed."""
        inputs = self._inputs.get(asset_id, [])
        changed = [(each, found) for each in inputs if (found := self._frontiers.get(each.input_id))]
        is_owner = own is not None and asset_id in self._owners
        if not (changed or (is_owner and (inputs or self._may_differ(asset_id, own)))):
            return
        if asset_id not in self._frontiers and self._decide_at_once(asset_id, changed):
            return
        selects = [_select_own(asset_id, own)] if own and is_owner else []
        selects += [self._select_readers(each, frontier, place) for place, (each, frontier) in enumerate(changed)]
        with_data = bool(is_owner) or any(frontier.changes_data(each) for each, frontier in changed)
        if not (count := self._collect(selects)):
            return
        flips = self._apply(asset_id, count, with_data=with_data)
        if own_inputs := [each for each in inputs if each.input_id == asset_id]:
            self._decide_again(asset_id, own_inputs, flips)

    def _decide_again(self, asset_id: int, own_inputs: Sequence[StoredDependency], flips: _Frontier | None) -> None:
        """Decide, in turn, the partitions of an asset that read others of it whose bits flipped."""
        for _ in range(_ROUNDS):
            if flips is None:
                return
            count = self._collect([self._select_readers(each, flips, n) for n, each in enumerate(own_inputs)])
            flips = self._apply(asset_id, count, with_data=False) if count else None
        if flips:
            self._apply_to_all(asset_id, self._inputs[asset_id])

    def _may_differ(self, asset_id: int, own: str | None) -> bool:
        """Whether partitions of an asset without inputs may get or lose bits: it binds columns, or some have bits."""
        if own is None:
            return False
        if asset_id in self._bound or self._has_own_bits:
            return asset_id in self._bound
        bits = f"stale & {STALE_INPUT | STALE_ABOVE} <> 0"
        return bool(self._batch.value(f"SELECT count(*) FROM {quote(own)} WHERE asset_id = ? AND {bits}", asset_id))

    def _decide_at_once(self, asset_id: int, changed: Sequence[tuple[StoredDependency, _Frontier]]) -> bool:
        """Decide the partitions of an asset, of which none changed itself, in one statement; returns whether it could.

        That goes where only bits of what it reads changed, and where all that it reads is all keys of one input.
        """
        if any(each.skips_missing for each, _ in changed):
            return False
        if any(frontier.changes_data(each) for each, frontier in changed):
            is_plain = len(self._inputs[asset_id]) == 1 and asset_id not in self._bound
            if is_plain and changed[0][0].mapping == AllKeys():
                self._update(asset_id, self._select_by_ledger(changed[0][0]))
                return True
            return False
        if any(self._gives_bad_to_all(each, frontier) for each, frontier in changed):
            self._update_above(asset_id, "", "true")
            return True
        if len(self._inputs[asset_id]) > 1:
            return False
        [(each, frontier)] = changed
        if each.mapping == AllKeys():  # nothing bad is left in it
            self._update_above(asset_id, "", "false")
            return True
        if not isinstance(each.mapping, Same):
            return False
        is_many = frontier.count > _MANY
        among = "" if is_many else f" AND key_id IN (SELECT key_id FROM ({frontier.select}))"
        above = f"""(SELECT key_id, stale <> 0 OR data_hash IS NULL AS is_bad FROM partition_facts
            WHERE asset_id = {each.input_id}{among}) AS u"""
        if is_many:
            self._update_above(asset_id, f" FROM {above}", "u.is_bad", " AND f.key_id = u.key_id")
        else:
            self._update(
                asset_id,
                f"""SELECT f.rowid AS fact_row, f.key_id, f.stale AS old, xor(f.stale, {STALE_ABOVE}) AS new
                FROM partition_facts AS f JOIN {above} ON f.key_id = u.key_id
                WHERE f.asset_id = {asset_id} AND f.materialization_id IS NOT NULL AND {_IS_ABOVE} <> u.is_bad""",
            )
        return True

    def _select_by_ledger(self, dependency: StoredDependency) -> str:
        """A query of what is decided for an asset that reads all keys of an input and nothing else."""
        ledger = load_ledger(self._batch, dependency.input_id)
        made = f"f.asset_id = {dependency.asset_id} AND f.materialization_id IS NOT NULL"
        rest = f"(f.stale & {~(STALE_INPUT | STALE_ABOVE) & 0xFF}) | {STALE_ABOVE if ledger.has_bad else 0}"
        return f"""SELECT f.rowid AS fact_row, f.key_id, f.stale AS old, ({rest}
                | CASE WHEN r.n IS NOT NULL AND {recorded_hash("r.key_id", "r.data_hash")} <> {ledger.data_hash}
                    THEN {STALE_INPUT} ELSE 0 END)::UTINYINT AS new
            FROM partition_facts AS f LEFT JOIN inputs AS r ON r.materialization_id = f.materialization_id
                AND r.input_id = {dependency.input_id} AND r.argument = '{dependency.argument}' WHERE {made}"""

    def _gives_bad_to_all(self, dependency: StoredDependency, frontier: _Frontier) -> bool:
        """Whether every reader has the bit above for what it reads by this dependency."""
        if isinstance(dependency.mapping, AllKeys):
            return dependency.mapping.new == "stale" and load_ledger(self._batch, dependency.input_id).has_bad
        if not isinstance(dependency.mapping, Same) or frontier.count <= _MANY:
            return False
        bad = "SELECT bool_and(stale <> 0 OR data_hash IS NULL) FROM partition_facts WHERE asset_id = ?"
        return bool(self._batch.value(bad, dependency.input_id))

    def _update_above(self, asset_id: int, source: str, is_bad: str, join: str = "") -> None:
        """Give the bit above to the partitions of an asset for which `is_bad` is true, and take it from all others.

        `source` is the FROM of the statement that may name them, `join` how it is joined.
        """
        batch = self._batch
        changed = batch.execute(
            f"""UPDATE partition_facts AS f SET stale = xor(f.stale, {STALE_ABOVE}), changed = $1{source}
            WHERE f.asset_id = {asset_id} AND f.materialization_id IS NOT NULL AND {_IS_ABOVE} <> {is_bad}{join}""",
            batch.sequence,
        )
        if not changed:
            return
        # what else this transaction changed is among them, and is decided once more
        flips = f"""FROM partition_facts WHERE asset_id = {asset_id} AND changed = {batch.sequence}
            AND stale & {~STALE_ABOVE & 0xFF} = 0"""
        if count := batch.value(f"SELECT count(*) {flips}"):
            self._frontiers[asset_id] = _Frontier(f"SELECT key_id, false AS is_data {flips}", count)
            forget_sums(batch, asset_id)

    def _collect(self, selects: Sequence[str]) -> int:
        """Create the temporary table `marked` of partitions to decide, each once."""
        if len(selects) == 1:
            return self._batch.create_temp("marked", selects[0])
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
        mapping = dependency.mapping
        if isinstance(mapping, Same):
            is_data = "x.is_data" if frontier.has_data else "false AS is_data"
            return f"""SELECT {columns}, {is_data} FROM partition_facts AS f
                JOIN ({frontier.select}) AS x USING (key_id) WHERE {made}"""
        reads_other = frontier.changes_data(dependency)
        select = f"SELECT {columns}, {reads_other} AS is_data FROM partition_facts AS f WHERE {made}"
        if (
            isinstance(mapping, AllKeys)
            and mapping.new == "stale"
            and not (frontier.has_data or dependency.skips_missing)
        ):
            return f"{select} AND {_IS_ABOVE} <> {load_ledger(self._batch, dependency.input_id).has_bad}"
        if isinstance(mapping, Whole | AllKeys) or reads_newest(mapping):
            return select
        changed = self._batch.numpy(f"SELECT key_id FROM ({frontier.select})")["key_id"]
        found = find_readers(self._batch, dependency.join(self._batch), changed)
        stage_numbers(self._batch, f"readers_{place}", found)
        return f"{select} AND f.key_id IN (SELECT id FROM readers_{place})"

    def _apply(self, asset_id: int, count: int, *, with_data: bool) -> _Frontier | None:
        """Decide the bits input and above of `marked`, which has `count` rows, some with other inputs `with_data`.

        Returns the partitions that have a bit now and had none, or the other way round.
        """
        batch, differs = self._batch, f"(stale & {STALE_INPUT})"
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
            f"""SELECT fact_row, key_id, stale AS old, ((stale & {~(STALE_INPUT | STALE_ABOVE) & 0xFF}) | {differs}
                | CASE WHEN key_id IN (SELECT key_id FROM stale_above) THEN {STALE_ABOVE} ELSE 0 END) AS new
            FROM marked""",
        )

    def _apply_to_all(self, asset_id: int, inputs: Sequence[StoredDependency]) -> None:
        """Decide the bit above of all partitions of an asset that reads itself."""
        create_above_of_all(self._batch, inputs, asset_id, inputs[0].set_id)
        self._update(
            asset_id,
            f"""SELECT f.rowid AS fact_row, key_id, stale AS old, ((stale & {~STALE_ABOVE & 0xFF})
                | CASE WHEN key_id IN (SELECT key_id FROM stale_above) THEN {STALE_ABOVE} ELSE 0 END) AS new
            FROM partition_facts AS f WHERE asset_id = {asset_id} AND materialization_id IS NOT NULL
                AND key_id IN (SELECT key_id FROM members WHERE set_id = {inputs[0].set_id})""",
        )

    def _update(self, asset_id: int, decided: str) -> _Frontier | None:
        """Write what was decided, a query (fact_row, key_id, old, new), and carry what flipped into the frontier.

        Returns the partitions that have a bit now and had none, or the other way round.
        """
        batch = self._batch
        if not batch.create_temp("decided", f"SELECT * FROM ({decided}) WHERE old <> new"):
            return None
        batch.execute(
            """UPDATE partition_facts AS f SET stale = d.new, changed = $1 FROM decided AS d
            WHERE f.rowid = d.fact_row""",
            batch.sequence,
        )
        self._updates += 1
        table = f"flips_{self._updates}"
        count = batch.create_temp(table, f"SELECT key_id, false AS is_data FROM decided WHERE {_IS_FLIP}")
        if not count:
            return None
        flips = _Frontier(f"SELECT key_id, is_data FROM {table}", count)
        self._extend(asset_id, flips)
        shift_bits(batch, asset_id, f"SELECT key_id, new <> 0 AS is_stale FROM decided WHERE {_IS_FLIP}")
        return flips

    def _extend(self, asset_id: int, flips: _Frontier) -> None:
        """Add partitions of an asset to what changed of it."""
        known = self._frontiers.get(asset_id)
        if known is None:
            self._frontiers[asset_id] = flips
            return
        table = f"more_{self._updates}"
        count = self._batch.create_temp(
            table, f"SELECT x.key_id, x.is_data FROM ({flips.select}) AS x ANTI JOIN ({known.select}) USING (key_id)"
        )
        if count:
            select = f"{known.select} UNION ALL SELECT key_id, is_data FROM {table}"
            self._frontiers[asset_id] = _Frontier(select, known.count + count, known.has_data, known.are_members)


def _select_own(asset_id: int, own: str) -> str:
    return f"""SELECT fact_row, key_id, materialization_id, stale, true AS is_data FROM {quote(own)}
        WHERE asset_id = {asset_id} AND materialization_id IS NOT NULL"""
