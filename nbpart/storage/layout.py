"""The paths of a run's files in a workspace."""

from __future__ import annotations

from nbpart.partitions import PartitionRef


def place_run(partition: PartitionRef, run_id: str, attempt: int) -> str:
    """The beginning of the paths of an attempt's files, below ``data/`` and ``runs/``."""
    return f"{partition.folder}/{run_id}-{attempt}"


def place_data(stem: str) -> str:
    """The beginning of the paths of an attempt's data files; ``stem`` is its `place_run`."""
    return f"data/{stem}"


def place_scratch(partition: PartitionRef, run_id: str) -> str:
    """The beginning of the paths of the data files of a run that is not recorded."""
    return f"data/_scratch/{partition.folder}/{run_id}/data"


def is_in_place(path: str, stem: str) -> bool:
    """Whether a path in the workspace is one of a data file that an attempt with this `place_run` may make."""
    prefix = f"{place_data(stem)}."
    return path.startswith(prefix) and "/" not in path[len(prefix) :] and "\\" not in path[len(prefix) :]
