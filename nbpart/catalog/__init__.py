"""The record of every key, asset, run and backfill: one DuckDB file, which processes open by turns."""

from nbpart.catalog import check, events, queries
from nbpart.catalog.batch import Batch
from nbpart.catalog.connection import Catalog
from nbpart.catalog.read_only import ReadOnlyCatalog
from nbpart.catalog.records import (
    AssetRecord,
    AssetRow,
    BackfillRecord,
    CoordinatorRecord,
    DataObservation,
    Finding,
    HookRecord,
    InputRead,
    Judgement,
    KeysAdded,
    MaterializationRecord,
    Moment,
    Outcome,
    PlanFacts,
    Registered,
    RunRecord,
    SetRecord,
    TickRecord,
    TriggerRecord,
    VerbEvent,
)
from nbpart.catalog.relations import AssetSnapshot, Relations

__all__ = [
    "AssetRecord",
    "AssetRow",
    "AssetSnapshot",
    "BackfillRecord",
    "Batch",
    "Catalog",
    "CoordinatorRecord",
    "DataObservation",
    "Finding",
    "HookRecord",
    "InputRead",
    "Judgement",
    "KeysAdded",
    "MaterializationRecord",
    "Moment",
    "Outcome",
    "PlanFacts",
    "ReadOnlyCatalog",
    "Registered",
    "Relations",
    "RunRecord",
    "SetRecord",
    "TickRecord",
    "TriggerRecord",
    "VerbEvent",
    "check",
    "events",
    "queries",
]
