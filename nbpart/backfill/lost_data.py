"""What faults of data files mean for the data that they are part of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbpart.catalog import DataSeen
from nbpart.run.input_files import InputFault
from nbpart.states import DataState
from nbpart.storage import FileFault


def judge(materialization_id: int, faults: Mapping[str, FileFault], *, is_notebook: bool = False) -> DataSeen | None:
    """What the faults of its files, by name, mean for a materialization; None where they say nothing about its data.

    Data without its main file (whose name is '') is deleted; data with any other file that is gone or another is
    damaged. `is_notebook` says that an executed notebook stands for the data.
    """
    told = {name: fault for name, fault in faults.items() if not fault.says_nothing}
    if told.get("") is FileFault.DELETED:
        what = "executed notebook" if is_notebook else "data file"
        return DataSeen(materialization_id, DataState.DELETED, f"its {what} was deleted")
    for name, fault in told.items():
        what = f"data file {name!r}" if name else "data file"
        happened = "deleted" if fault is FileFault.DELETED else "replaced or damaged"
        return DataSeen(materialization_id, DataState.DAMAGED, f"its {what} was {happened}")
    return None


def judge_inputs(faults: Sequence[InputFault]) -> list[DataSeen]:
    """What the faults that a run found mean for the data that it read."""
    by_data: dict[int, dict[str, FileFault]] = {}
    for found in faults:
        by_data.setdefault(found.materialization_id, {})[found.file] = found.fault
    seen = (judge(number, its_faults) for number, its_faults in by_data.items())
    return [one for one in seen if one is not None]
