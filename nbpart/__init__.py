"""Partitioned data work in the notebook: assets, dynamic partitions, backfills and a catalog, without a server.

    ws = nbpart.open("workspace")

is where everything begins; the list below is all that is public.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbpart.assets.asset import Asset, Source, asset, notebook, source
    from nbpart.assets.automation import eager, on_missing
    from nbpart.assets.checks import Check, check
    from nbpart.assets.freshness import expect
    from nbpart.assets.metrics import metric
    from nbpart.assets.source_reading import env
    from nbpart.automation import HookEvent, RunRequest, SensorResult, SkipReason, schedule, sensor
    from nbpart.errors import (
        BackfillFailedError,
        CarryError,
        CatalogBusyError,
        CatalogError,
        CatalogVersionError,
        ConditionError,
        CycleError,
        DeclarationError,
        ExtraRequiredError,
        LocksUnsupportedError,
        MissingInputError,
        NbpartError,
        OutsideWorkspaceError,
        ParameterError,
        PartitionKeyError,
        RunFailedError,
        TriggerFailedError,
        UnknownNameError,
        UnreadableDataError,
        UnsupportedTypeError,
        UntrustedWorkspaceError,
        WatchedError,
        WorkspaceError,
    )
    from nbpart.partitions import (
        DailyPartitions,
        DynamicPartitions,
        HourlyPartitions,
        MonthlyPartitions,
        MultiPartitions,
        Param,
        StaticPartitions,
        TimeWindowPartitions,
        WeeklyPartitions,
    )
    from nbpart.partitions.choice import between
    from nbpart.partitions.distributions import choice, integers, logintegers, loguniform, uniform
    from nbpart.partitions.mapping import all_keys, by, last, only, overlap, pairs, previous, same, where, whole
    from nbpart.project.runs import diff
    from nbpart.run.pruners import median_pruner, successive_halving
    from nbpart.workspace import Backfill, Plan, Run, Workspace, current_run, open

__version__ = "0.1.0"

# Names are loaded when they are first used, so that importing nbpart costs a notebook nothing.
_ROOMS = {
    "nbpart.assets.asset": ("Asset", "Source", "asset", "notebook", "source"),
    "nbpart.assets.automation": ("eager", "on_missing"),
    "nbpart.assets.checks": ("Check", "check"),
    "nbpart.assets.freshness": ("expect",),
    "nbpart.assets.metrics": ("metric",),
    "nbpart.assets.source_reading": ("env",),
    "nbpart.errors": (
        "BackfillFailedError", "CarryError", "CatalogBusyError", "CatalogDiskError", "CatalogError",
        "CatalogVersionError", "ConditionError", "CycleError", "DeclarationError", "ExtraRequiredError",
        "LocksUnsupportedError", "MissingInputError", "NbpartError", "OutsideWorkspaceError", "ParameterError",
        "PartitionKeyError", "RecordingError", "RunFailedError", "TriggerFailedError", "UnknownNameError",
        "UnreadableDataError", "UnsupportedTypeError", "UntrustedWorkspaceError", "WatchedError", "WorkspaceError",
    ),
    "nbpart.partitions": (
        "DailyPartitions", "DynamicPartitions", "HourlyPartitions", "MonthlyPartitions", "MultiPartitions", "Param",
        "StaticPartitions", "TimeWindowPartitions", "WeeklyPartitions",
    ),
    "nbpart.partitions.choice": ("between",),
    "nbpart.partitions.distributions": ("choice", "integers", "loguniform", "logintegers", "uniform"),
    "nbpart.partitions.mapping": (
        "all_keys", "by", "last", "only", "overlap", "pairs", "previous", "same", "where", "whole",
    ),
    "nbpart.automation": ("HookEvent", "RunRequest", "SensorResult", "SkipReason", "schedule", "sensor"),
    "nbpart.project.runs": ("diff",),
    "nbpart.run.pruners": ("median_pruner", "successive_halving"),
    "nbpart.workspace": ("Backfill", "Plan", "Run", "Workspace", "current_run", "open"),
}  # fmt: skip
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "Asset",
    "Backfill",
    "BackfillFailedError",
    "CarryError",
    "CatalogBusyError",
    "CatalogDiskError",
    "CatalogError",
    "CatalogVersionError",
    "Check",
    "ConditionError",
    "CycleError",
    "DailyPartitions",
    "DeclarationError",
    "DynamicPartitions",
    "ExtraRequiredError",
    "HookEvent",
    "HourlyPartitions",
    "LocksUnsupportedError",
    "MissingInputError",
    "MonthlyPartitions",
    "MultiPartitions",
    "NbpartError",
    "OutsideWorkspaceError",
    "Param",
    "ParameterError",
    "PartitionKeyError",
    "Plan",
    "RecordingError",
    "Run",
    "RunFailedError",
    "RunRequest",
    "SensorResult",
    "SkipReason",
    "Source",
    "StaticPartitions",
    "TimeWindowPartitions",
    "TriggerFailedError",
    "UnknownNameError",
    "UnreadableDataError",
    "UnsupportedTypeError",
    "UntrustedWorkspaceError",
    "WatchedError",
    "WeeklyPartitions",
    "Workspace",
    "WorkspaceError",
    "__version__",
    "all_keys",
    "asset",
    "between",
    "by",
    "check",
    "choice",
    "current_run",
    "diff",
    "eager",
    "env",
    "expect",
    "integers",
    "last",
    "logintegers",
    "loguniform",
    "median_pruner",
    "metric",
    "notebook",
    "on_missing",
    "only",
    "open",
    "overlap",
    "pairs",
    "previous",
    "same",
    "schedule",
    "sensor",
    "source",
    "successive_halving",
    "uniform",
    "where",
    "whole",
]


def __getattr__(name: str) -> Any:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'nbpart' has no attribute {name!r}")
    value = getattr(importlib.import_module(room), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
