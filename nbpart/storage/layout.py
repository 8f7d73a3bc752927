"""Where in a workspace the files of a run lie."""

from __future__ import annotations

from nbpart.partitions import PartitionRef


def place_run(partition: PartitionRef, run_id: str, attempt: int) -> str:
    """What the names of the files of an attempt begin with below ``data/`` and ``runs/``."""
    return f"{partition.folder}/{run_id}-{attempt}"


def place_data(stem: str) -> str:
    """What the paths of the data files of an attempt with this `place_run` begin with."""
    return f"data/{stem}"


def place_scratch(partition: PartitionRef, run_id: str) -> str:
    """What the paths of the data files of a run begin with that nothing records."""
    return f"data/_scratch/{partition.folder}/{run_id}/data"


def is_in_place(path: str, stem: str) -> bool:
    """Whether a path in the workspace is one of a data file that an attempt with this `place_run` may make."""
    prefix = f"{place_data(stem)}."
    return path.startswith(prefix) and "/" not in path[len(prefix) :] and "\\" not in path[len(prefix) :]
