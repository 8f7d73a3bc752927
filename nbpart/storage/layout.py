"""Where in a workspace the files of a run lie."""

from __future__ import annotations

from nbpart.partitions import PartitionRef


def place_run(partition: PartitionRef, run_id: str, attempt: int) -> str:
    """What the names of the files of an attempt begin with below ``data/`` and ``runs/``."""
    return f"{partition.folder}/{run_id}-{attempt}"


def is_in_place(path: str, place: str) -> bool:
    """Whether a path in the workspace is one of a data file that an attempt with this `place_run` may make."""
    prefix = f"data/{place}."
    return path.startswith(prefix) and "/" not in path[len(prefix) :] and "\\" not in path[len(prefix) :]
