"""Why the partitions of an asset are not up to date: the first cause of each, for all of them at once."""

# ruff: noqa: S608  what is put into SQL is constants of this package, ids made int, and names that are quoted

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nbpart.catalog.above import create_above
from nbpart.catalog.batch import Batch
from nbpart.catalog.bound_columns import COLUMNS_ID
from nbpart.catalog.causes import CauseKind, describe_briefly
from nbpart.catalog.dependencies import StoredDependency, load_dependencies
from nbpart.catalog.expressions import (
    ACTIVE_NONE,
    DATA_STATES,
    GONE_STATES,
    OUTCOME_FAILED,
    STALE_ABOVE,
    STALE_CODE,
    STALE_DATA,
    STALE_INPUT,
)
from nbpart.catalog.input_changes import create_stale_disagreeing
from nbpart.catalog.judged import load_blocking
from nbpart.catalog.key_lookup import stage_numbers
from nbpart.catalog.read_changes import find_set_change
from nbpart.catalog.related_keys import load_readers
from nbpart.catalog.set_tables import asset_set_id, literal, ordered_members
from nbpart.partitions.mapping import AllKeys, Same, Whole

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

#: Of so many partitions that read different keys, of an input of so many keys, it is looked for which came and left.
_MOST_LOOKED_AT, _MOST_READ = 20, 10_000
#: Stands for the name of an input where a text of SQL is made of the words of a cause.
_INPUT = "\x00"


def create_reasons(batch: Batch, asset_id: int, key_ids: NDArray[np.int64] | Sequence[int] | None = None) -> str:
    """Create a temporary table of the first cause of each partition of an asset that is not up to date.

    Returns its name. Its columns are n (the place), key_id and reason, a text. It is of all members, or of those of
    ``key_ids``, in their order; what is up to date, queued or running has no row.
    """
    if key_ids is None:
        requested = (
            f"SELECT m.key_id AS id, m.position AS n FROM {ordered_members(batch, asset_set_id(batch, asset_id))} m"
        )
    else:
        stage_numbers(batch, "reasons_requested", key_ids)
        requested = "SELECT id, n FROM reasons_requested"
    batch.create_temp(
        "reasons_asked",
        f"""WITH requested AS ({requested}),
        facts AS (
            SELECT key_id, materialization_id, stale, outcome, active FROM partition_facts
            WHERE asset_id = {int(asset_id)} AND key_id IN (SELECT id FROM requested)
        )
        SELECT r.n, {int(asset_id)}::INTEGER AS asset_id, r.id AS key_id, f.materialization_id, f.outcome,
            coalesce(f.stale, 0)::UTINYINT AS stale
        FROM requested AS r LEFT JOIN facts AS f ON f.key_id = r.id
        WHERE coalesce(f.active, {ACTIVE_NONE}) = {ACTIVE_NONE} AND (f.materialization_id IS NULL OR f.stale <> 0
            OR f.outcome = {OUTCOME_FAILED})""",
    )
    changed, above = _select_changed(batch, asset_id), _select_above(batch, asset_id)
    _stage_blocked(batch, asset_id)
    batch.create_temp(
        "reasons",
        f"""SELECT r.n, r.key_id, CASE
            WHEN r.outcome = {OUTCOME_FAILED} THEN {_say(CauseKind.FAILED)}
            WHEN blocked.reason IS NOT NULL THEN blocked.reason
            WHEN r.materialization_id IS NULL THEN coalesce(deleted.reason, {_say(CauseKind.NEVER_RUN)})
            WHEN r.stale & {STALE_DATA} <> 0 THEN coalesce(lost.reason, {_say(CauseKind.DATA_LOST)})
            WHEN r.stale & {STALE_CODE} <> 0 THEN {_say(CauseKind.CODE_CHANGED)}
            WHEN r.stale & {STALE_INPUT} <> 0 THEN coalesce(changed.reason, {_say(CauseKind.INPUT_CHANGED)})
            ELSE coalesce(above.reason, {_say(CauseKind.INPUT_STALE)}) END AS reason
        FROM reasons_asked AS r
        LEFT JOIN ({_deleted(asset_id)}) AS deleted ON deleted.key_id = r.key_id AND r.materialization_id IS NULL
        LEFT JOIN ({DATA_STATES}) AS lost ON lost.materialization_id = r.materialization_id
        LEFT JOIN ({changed}) AS changed ON changed.key_id = r.key_id
        LEFT JOIN ({above}) AS above ON above.key_id = r.key_id
        LEFT JOIN reasons_blocked AS blocked ON blocked.key_id = r.key_id""",
    )
    return "reasons"


def load_reasons(batch: Batch, asset_id: int, key_ids: NDArray[np.int64] | Sequence[int] | None = None) -> pd.DataFrame:
    """The table of `create_reasons` as a frame, in its order: key_id, reason."""
    return batch.frame(f"SELECT key_id, reason FROM {create_reasons(batch, asset_id, key_ids)} ORDER BY n")


def load_reason_codes(
    batch: Batch, asset_id: int, key_ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """The same without a text for each: the place of a key among ``key_ids``, the number of its reason, the reasons."""
    found = batch.arrow(f"SELECT n, reason FROM {create_reasons(batch, asset_id, key_ids)}")
    encoded = found.column("reason").combine_chunks().dictionary_encode()
    return found.column("n").to_numpy(), encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def find_deletion(batch: Batch, asset_id: int, key_id: int) -> str:
    """What became of the data of a partition that has none any more; "" where no deletion is recorded."""
    found = batch.value(f"SELECT reason FROM ({_deleted(asset_id)}) WHERE key_id = ?", key_id)
    return str(found or "")


def _select_changed(batch: Batch, asset_id: int) -> str:
    """A query (key_id, reason) of those of `reasons_asked` that read other data than is there now."""
    asked = batch.create_temp(
        "reasons_by_input",
        f"""SELECT asset_id, key_id, materialization_id, stale FROM reasons_asked
        WHERE stale & {STALE_DATA | STALE_CODE} = 0 AND stale & {STALE_INPUT} <> 0 AND materialization_id IS NOT NULL
            AND outcome <> {OUTCOME_FAILED}""",
    )
    if not asked:
        return "SELECT 0::BIGINT AS key_id, '' AS reason WHERE false"
    create_stale_disagreeing(batch, "reasons_by_input")
    _stage_set_changes(batch, asset_id)
    text = _say_of(CauseKind.INPUT_CHANGED)
    return f"""SELECT c.key_id, min(CASE WHEN c.input_id = {COLUMNS_ID} THEN {_say(CauseKind.COLUMN_CHANGED)}
            ELSE coalesce(s.reason, {text}) END) AS reason
        FROM stale_disagreeing c LEFT JOIN assets a ON a.asset_id = c.input_id
        LEFT JOIN reasons_by_set AS s ON s.key_id = c.key_id AND s.input_id = c.input_id GROUP BY c.key_id"""


def _stage_set_changes(batch: Batch, asset_id: int) -> None:
    """Stage the table reasons_by_set (key_id, input_id, reason) of those of `stale_disagreeing` that read other keys.

    What read the same of an input is looked at once. Of more than `_MOST_LOOKED_AT` others, and of an input with more
    than `_MOST_READ` keys, it is only known that it changed: then they have no row.
    """
    import pyarrow as pa

    dependencies = load_dependencies(batch, f"d.asset_id = {int(asset_id)}")
    found: dict[str, list[object]] = {"key_id": [], "input_id": [], "reason": []}
    for each in dependencies:
        if isinstance(each.mapping, Same | Whole) or _is_large(batch, each.input_set_id):
            continue
        several = len(dependencies) > 1
        for key_ids, made in _list_groups(batch, each):
            reason = find_set_change(batch, each, key_ids[0], made, is_one_of_several=several)
            if reason is not None:
                found["key_id"] += key_ids
                found["input_id"] += [each.input_id] * len(key_ids)
                found["reason"] += [reason] * len(key_ids)
    types = {"key_id": pa.int64(), "input_id": pa.int32(), "reason": pa.string()}
    batch.stage("reasons_by_set", pa.table({name: pa.array(found[name], kind) for name, kind in types.items()}))


def _is_large(batch: Batch, set_id: int) -> bool:
    return bool(batch.value("SELECT count(*) FROM members WHERE set_id = ?", set_id) > _MOST_READ)


def _list_groups(batch: Batch, read: StoredDependency) -> list[tuple[list[int], int]]:
    """Partitions of `stale_disagreeing` that read the same of an input, the first of them with its materialization."""
    own = "true" if read.mapping == AllKeys() else "c.key_id"
    rows = batch.rows(
        f"""SELECT list(c.key_id ORDER BY c.key_id), arg_min(p.materialization_id, c.key_id)
        FROM stale_disagreeing AS c JOIN reasons_by_input AS p USING (key_id)
        JOIN inputs AS i ON i.materialization_id = p.materialization_id AND i.input_id = c.input_id
        WHERE c.input_id = ? AND i.argument = ? GROUP BY i.data_hash, i.n, {own} ORDER BY min(c.key_id) LIMIT ?""",
        *(read.input_id, read.argument, _MOST_LOOKED_AT),
    )
    return [(list(key_ids), int(made)) for key_ids, made in rows]


def _select_above(batch: Batch, asset_id: int) -> str:
    """A query (key_id, reason) of those of `reasons_asked` that are stale only by what they read."""
    asked = batch.create_temp(
        "reasons_above",
        f"""SELECT key_id, materialization_id FROM reasons_asked
        WHERE materialization_id IS NOT NULL AND stale = {STALE_ABOVE} AND outcome <> {OUTCOME_FAILED}""",
    )
    named = []
    for place, each in enumerate(load_dependencies(batch, f"d.asset_id = {int(asset_id)}") if asked else ()):
        if create_above(batch, [each], "reasons_above"):
            batch.create_temp(f"reasons_above_{place}", "SELECT DISTINCT key_id FROM stale_above")
            named.append(f"SELECT key_id, {place} AS place, {each.input_id} AS input_id FROM reasons_above_{place}")
    if not named:
        return "SELECT 0::BIGINT AS key_id, '' AS reason WHERE false"
    return f"""SELECT n.key_id, arg_min({_say_of(CauseKind.INPUT_STALE)}, n.place) AS reason
        FROM ({" UNION ALL ".join(named)}) AS n JOIN assets a ON a.asset_id = n.input_id GROUP BY n.key_id"""


def _stage_blocked(batch: Batch, asset_id: int) -> None:
    """Stage the table reasons_blocked (key_id, reason) of the partitions that read what fails a blocking check."""
    import pyarrow as pa

    found: dict[int, str] = {}
    for each in load_dependencies(batch, f"d.asset_id = {int(asset_id)}"):
        failing, names = load_blocking(batch, each.input_id)
        name = batch.value("SELECT name FROM assets WHERE asset_id = ?", each.input_id) if names else ""
        for check in dict.fromkeys(names):
            ids = failing[[place for place, one in enumerate(names) if one == check]]
            reason = describe_briefly(CauseKind.CHECK_FAILED, f"input {name}", check)
            for key_id in load_readers(batch, each.join(batch), ids).tolist():
                found.setdefault(key_id, reason)
    columns = {"key_id": pa.array(found, pa.int64()), "reason": pa.array(found.values(), pa.string())}
    batch.stage("reasons_blocked", pa.table(columns))


def _deleted(asset_id: int) -> str:
    """A query (key_id, reason) of the partitions of an asset whose data is gone."""
    return f"""SELECT m.key_id, l.reason FROM ({DATA_STATES}) AS l JOIN materializations AS m USING (materialization_id)
        WHERE m.asset_id = {int(asset_id)} AND l.state IN {GONE_STATES}
        QUALIFY row_number() OVER (PARTITION BY m.key_id ORDER BY m.materialization_id DESC) = 1"""


def _say(kind: CauseKind) -> str:
    """The words for a cause as a text of SQL."""
    return literal(describe_briefly(kind))


def _say_of(kind: CauseKind) -> str:
    """The words for a cause of the input or source `a` as an expression of SQL."""
    before, _, after = describe_briefly(kind, _INPUT).partition(_INPUT)
    word = "CASE WHEN a.kind = 'source' THEN 'source ' ELSE 'input ' END"
    return f"{literal(before)} || {word} || a.name || {literal(after)}"
