"""From faults of data files (deleted, replaced, damaged) to the state of the materializations that they belong to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbpart.catalog import DataObservation
from nbpart.run.input_files import InputFault
from nbpart.states import DataState
from nbpart.storage import FileFault


def assess_faults(
    materialization_id: int, faults: Mapping[str, FileFault], *, is_notebook: bool = False
) -> DataObservation | None:
    """The state of a materialization whose files have these faults, by file name; None where they prove nothing.

    A materialization whose main file (its name is '') is gone counts as deleted; one with any other file that is gone,
    or with a file of other content, as damaged. `is_notebook` says that the main file is the executed notebook.
    """
    proven = {name: fault for name, fault in faults.items() if not fault.is_inconclusive}
    if proven.get("") is FileFault.DELETED:
        what = "executed notebook" if is_notebook else "data file"
        return DataObservation(materialization_id, DataState.DELETED, f"its {what} was deleted")
    for name, fault in proven.items():
        what = f"data file {name!r}" if name else "data file"
        happened = "deleted" if fault is FileFault.DELETED else "replaced or damaged"
        return DataObservation(materialization_id, DataState.DAMAGED, f"its {what} was {happened}")
    return None


def assess_input_faults(faults: Sequence[InputFault]) -> list[DataObservation]:
    """The states of the materializations in whose files a run found faults while it read them."""
    by_materialization: dict[int, dict[str, FileFault]] = {}
    for found in faults:
        by_materialization.setdefault(found.materialization_id, {})[found.file] = found.fault
    assessed = (assess_faults(number, its_faults) for number, its_faults in by_materialization.items())
    return [one for one in assessed if one is not None]
