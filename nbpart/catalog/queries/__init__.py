"""Every read of the catalog: a batch in, records, frames and arrays out."""

from nbpart.catalog.key_lookup import key_ids, key_texts
from nbpart.catalog.queries.assets import (
    current_inputs,
    data_files_of,
    find_materialization,
    load_assets,
    load_snapshots,
    observed_frame,
    partition_files,
)
from nbpart.catalog.queries.backfills import (
    backfill_assets,
    backfills_frame,
    count_remaining_steps,
    end_status,
    find_backfill,
    is_cancelling,
    live_coordinators,
    open_backfills,
    step_counts,
    steps_frame,
    steps_with_status,
)
from nbpart.catalog.queries.data import current_files
from nbpart.catalog.queries.keys import (
    contains,
    count_members,
    find_key,
    find_set,
    hash_key,
    load_attributes,
    load_members,
    load_sets,
    member_count_by_asset,
    member_hashes,
    set_frame,
    set_row,
    set_version,
)
from nbpart.catalog.queries.limits import load_active_runs, load_place_waits, load_run_limits
from nbpart.catalog.queries.live import Changes, backfill_progress, count_by_code
from nbpart.catalog.queries.partition_table import partition_status
from nbpart.catalog.queries.requests import load_request, unfinished_requests
from nbpart.catalog.queries.runs import final_statuses, find_run, load_claim_candidates, runs_frame
from nbpart.catalog.queries.sensors import find_sensor, load_sensors, ticks_frame
from nbpart.catalog.queries.status import (
    plan_facts,
    status_counts,
    statuses_of_keys,
)

__all__ = [
    "Changes",
    "backfill_assets",
    "backfill_progress",
    "backfills_frame",
    "contains",
    "count_by_code",
    "count_members",
    "count_remaining_steps",
    "current_files",
    "current_inputs",
    "data_files_of",
    "end_status",
    "final_statuses",
    "find_backfill",
    "find_key",
    "find_materialization",
    "find_run",
    "find_sensor",
    "find_set",
    "hash_key",
    "is_cancelling",
    "key_ids",
    "key_texts",
    "live_coordinators",
    "load_active_runs",
    "load_assets",
    "load_attributes",
    "load_claim_candidates",
    "load_members",
    "load_place_waits",
    "load_request",
    "load_run_limits",
    "load_sensors",
    "load_sets",
    "load_snapshots",
    "member_count_by_asset",
    "member_hashes",
    "observed_frame",
    "open_backfills",
    "partition_files",
    "partition_status",
    "plan_facts",
    "runs_frame",
    "set_frame",
    "set_row",
    "set_version",
    "status_counts",
    "statuses_of_keys",
    "step_counts",
    "steps_frame",
    "steps_with_status",
    "ticks_frame",
    "unfinished_requests",
]
