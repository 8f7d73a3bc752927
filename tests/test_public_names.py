"""The public names: one list, and what the first import costs."""

from __future__ import annotations

import inspect
import subprocess
import sys

import nbpart
from nbpart import errors

ERRORS = {
    "BackfillFailedError",
    "CarryError",
    "CatalogBusyError",
    "CatalogDiskError",
    "CatalogError",
    "CatalogVersionError",
    "ConditionError",
    "CycleError",
    "DeclarationError",
    "ExtraRequiredError",
    "LocksUnsupportedError",
    "MissingInputError",
    "NbpartError",
    "OutsideWorkspaceError",
    "ParameterError",
    "PartitionKeyError",
    "RecordingError",
    "RunFailedError",
    "TriggerFailedError",
    "WatchedError",
    "UnknownNameError",
    "UnreadableDataError",
    "UnsupportedTypeError",
    "UntrustedWorkspaceError",
    "WorkspaceError",
}
NAMES = ERRORS | {
    "Check",
    "Asset",
    "Backfill",
    "DailyPartitions",
    "DynamicPartitions",
    "HourlyPartitions",
    "MonthlyPartitions",
    "MultiPartitions",
    "Param",
    "Plan",
    "Run",
    "RunRequest",
    "SensorResult",
    "SkipReason",
    "HookEvent",
    "Source",
    "StaticPartitions",
    "TimeWindowPartitions",
    "WeeklyPartitions",
    "Workspace",
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
}
HEAVY = ("pandas", "pyarrow", "duckdb", "papermill", "nbformat", "plotly", "matplotlib")


def test_these_are_the_public_names() -> None:
    assert set(nbpart.__all__) == NAMES
    assert len(nbpart.__all__) == len(NAMES)


def test_every_public_name_is_there_and_listed_by_dir() -> None:
    assert not [name for name in NAMES if not hasattr(nbpart, name)]
    assert set(dir(nbpart)) >= NAMES


def test_every_error_is_public() -> None:
    own = {
        name
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, errors.NbpartError) and value.__module__ == errors.__name__
    }
    assert own == ERRORS


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(nbpart, "no_such_name")


def test_the_first_import_is_light() -> None:
    code = f"import sys, nbpart; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_documented() -> None:
    silent = [name for name in NAMES - {"__version__"} if not (getattr(nbpart, name).__doc__ or "").strip()]
    assert not silent
