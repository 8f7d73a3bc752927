"""The SQL expressions that more than one reader or writer of the catalog must agree on."""

# ruff: noqa: S608  what is put into SQL is constants of this package
from __future__ import annotations

from nbpart.states import STATUS_CODES, WITHOUT_DATA, DataState, PartitionStatus
from nbpart.storage.adopted import ADOPTED_MARK

#: Bits of partition_facts.stale: the partition's code, an input of it, its own data is not what it was; something that
#: its mappings give it has no data or is stale itself.
STALE_CODE, STALE_INPUT, STALE_DATA, STALE_ABOVE = 1, 2, 4, 8
#: The bits that follow from the partition's own materialization; the others follow from what it reads.
STALE_OWN = STALE_CODE | STALE_DATA
#: Values of partition_facts.outcome.
OUTCOME_NONE, OUTCOME_SUCCEEDED, OUTCOME_FAILED = 0, 1, 2
#: Values of partition_facts.active.
ACTIVE_NONE, ACTIVE_QUEUED, ACTIVE_RUNNING = 0, 1, 2

#: The last recorded states of materializations that were observed: (materialization_id, state, reason).
DATA_STATES = (
    "SELECT materialization_id, arg_max(state, rowid) AS state, arg_max(reason, rowid) AS reason FROM data_seen"
    f" GROUP BY materialization_id HAVING arg_max(state, rowid) <> '{DataState.GOOD}'"
)

#: The states of data with which a partition counts as missing, as the list of an SQL IN.
GONE_STATES = "(" + ", ".join(f"'{state}'" for state in sorted(WITHOUT_DATA)) + ")"

#: A query of the paths of adopted files, without their mark: such a file may lie in a folder of the workspace.
ADOPTED_PATHS = f"SELECT path[{len(ADOPTED_MARK) + 1}:] AS path FROM data_files WHERE path LIKE '{ADOPTED_MARK}%'"


def status_sql(facts: str = "f") -> str:
    """The status of a partition as text, from the row of partition_facts named `facts`; a row of nulls is missing."""
    return _status_case(facts, {status: f"'{status.value}'" for status in PartitionStatus})


def status_code_sql(facts: str = "f") -> str:
    """The status of a partition as its UTINYINT code (`STATUS_CODES`); a row of nulls is missing."""
    return _status_case(facts, {status: f"{code}::UTINYINT" for status, code in STATUS_CODES.items()})


def order_free_hash(key_id: str = "key_id", data_hash: str = "data_hash") -> str:
    """The aggregate over (key id, data hash) that does not depend on their order: UBIGINT, 0 over none.

    Only rows that have data may enter. It is recorded as the version of an input that reads many keys, so it may
    never change: DuckDB's own hash() may, from one version to the next, and md5 does not.
    """
    return f"coalesce(bit_xor({element_hash(key_id, data_hash)}), 0)"


def element_hash(key_id: str = "key_id", data_hash: str = "data_hash") -> str:
    """What one row gives to `order_free_hash`."""
    return f"md5_number_lower(concat({key_id}, ':', {data_hash}))"


def recorded_hash(key_id: str = "key_id", data_hash: str = "data_hash") -> str:
    """What a row of the table inputs came to, as `order_free_hash` over what was read: 0 where that had no data."""
    return (
        f"CASE WHEN {data_hash} IS NULL THEN 0::UBIGINT WHEN {key_id} IS NULL THEN {data_hash} "
        f"ELSE {element_hash(key_id, data_hash)} END"
    )


def data_hash_sql(data_version: str = "data_version") -> str:
    """The UBIGINT that stands for a data version: the first 16 digits of a hex text, a hash of any other."""
    return (
        f"CASE WHEN regexp_full_match({data_version}, '[0-9a-f]{{16,}}')"
        f" THEN ('0x' || left({data_version}, 16))::UBIGINT ELSE md5_number_lower({data_version}) END"
    )


def code_differs(made_by: str) -> str:
    """The SQL condition that the code version `made_by` is not that of the asset `a` now; a source has none."""
    return f"(a.kind <> 'source' AND {made_by} IS DISTINCT FROM a.code_version)"


def quote(identifier: str) -> str:
    """An identifier for use in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def _status_case(facts: str, spelled: dict[PartitionStatus, str]) -> str:
    s, f = PartitionStatus, quote(facts)
    return (
        f"CASE WHEN {f}.active = {ACTIVE_RUNNING} THEN {spelled[s.RUNNING]}"
        f" WHEN {f}.active = {ACTIVE_QUEUED} THEN {spelled[s.QUEUED]}"
        f" WHEN {f}.outcome = {OUTCOME_FAILED} THEN {spelled[s.FAILED]}"
        f" WHEN {f}.materialization_id IS NULL THEN {spelled[s.MISSING]}"
        f" WHEN {f}.stale <> 0 THEN {spelled[s.STALE]}"
        f" ELSE {spelled[s.MATERIALIZED]} END"
    )
