"""Every write to the catalog: each takes the batch that it happens in."""

from nbpart.catalog.events.assets import record_observations, record_value, register_assets, remove_asset
from nbpart.catalog.events.backfills import (
    add_steps,
    ask_to_cancel,
    clean_coordinators,
    end_coordinator,
    finish_backfill,
    interrupt_coordinators,
    record_step_results,
    resume_backfill,
    start_backfill,
    start_coordinator,
)
from nbpart.catalog.events.checks import record_judgements, remove_check, remove_checks, save_check, save_check_cells
from nbpart.catalog.events.data import record_data_observations
from nbpart.catalog.events.erasing import erase_partitions
from nbpart.catalog.events.keys import add_keys, declare_keys, ensure_set, remove_keys, replace_keys, set_columns
from nbpart.catalog.events.lateness import record_late
from nbpart.catalog.events.limits import record_place_waits, set_run_limits
from nbpart.catalog.events.outcomes import record_outcomes
from nbpart.catalog.events.renaming import rename_key
from nbpart.catalog.events.requests import plan_requested, request_backfill
from nbpart.catalog.events.runs import (
    ReservedRun,
    claim_reserved,
    claim_runs,
    record_run_columns,
    reserve_run,
    start_attempts,
)
from nbpart.catalog.events.studies import add_trials, end_study, start_study
from nbpart.catalog.events.triggers import (
    add_to_ticks,
    drop_automation,
    record_tick,
    record_told_failures,
    remove_hook,
    remove_trigger,
    save_hook,
    save_trigger,
    set_cursor,
    switch_trigger,
    take_tick_id,
    use_run_keys,
)
from nbpart.catalog.events.verbs import (
    accept_materializations,
    adopt_files,
    mark_pruned,
    record_verb,
    wipe_partitions,
)

__all__ = [
    "ReservedRun",
    "accept_materializations",
    "add_keys",
    "add_steps",
    "add_to_ticks",
    "add_trials",
    "adopt_files",
    "ask_to_cancel",
    "claim_reserved",
    "claim_runs",
    "clean_coordinators",
    "declare_keys",
    "drop_automation",
    "end_coordinator",
    "end_study",
    "ensure_set",
    "erase_partitions",
    "finish_backfill",
    "interrupt_coordinators",
    "mark_pruned",
    "plan_requested",
    "record_data_observations",
    "record_judgements",
    "record_late",
    "record_observations",
    "record_outcomes",
    "record_place_waits",
    "record_run_columns",
    "record_step_results",
    "record_tick",
    "record_told_failures",
    "record_value",
    "record_verb",
    "register_assets",
    "remove_asset",
    "remove_check",
    "remove_checks",
    "remove_hook",
    "remove_keys",
    "remove_trigger",
    "rename_key",
    "replace_keys",
    "request_backfill",
    "reserve_run",
    "resume_backfill",
    "save_check",
    "save_check_cells",
    "save_hook",
    "save_trigger",
    "set_columns",
    "set_cursor",
    "set_run_limits",
    "start_attempts",
    "start_backfill",
    "start_coordinator",
    "start_study",
    "switch_trigger",
    "take_tick_id",
    "use_run_keys",
    "wipe_partitions",
]
