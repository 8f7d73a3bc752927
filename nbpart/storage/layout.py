"""The paths of a run's files in a workspace."""

from __future__ import annotations

from nbpart.partitions import PartitionRef


def place_run(partition: PartitionRef, run_id: str, attempt: int) -> str:
    """The beginning of the paths of an attempt's files, below ``data/`` and ``runs/``."""
    return f"{partition.folder}/{run_id}-{attempt}"


def place_data(stem: str) -> str:
    """The beginning of the paths of an attempt's data files; ``stem`` is its `place_run`."""
    return f"data/{stem}"


def place_curves(data_prefix: str) -> str:
    """The path of the file that an attempt's curves are appended to; ``data_prefix`` is its `place_data`.

    It lies beside the attempt's notebook and log; that of a run which is not recorded beside its data.
    """
    folder, _, rest = data_prefix.partition("/")
    is_recorded = folder == "data" and not rest.startswith("_scratch/")
    return f"runs/{rest}.curves" if is_recorded else f"{data_prefix}.curves"


def place_kept_curves(data_prefix: str) -> str:
    """The path of the file in which an attempt's curves are kept when it has ended."""
    return f"{place_curves(data_prefix)}.parquet"


def place_stop_request(data_prefix: str) -> str:
    """The path of the file by which a person asks an attempt to stop; ``data_prefix`` is its `place_data`."""
    return f"{place_curves(data_prefix).removesuffix('.curves')}.stop"


def place_scratch(partition: PartitionRef, run_id: str) -> str:
    """The beginning of the paths of the data files of a run that is not recorded."""
    return f"data/_scratch/{partition.folder}/{run_id}/data"


def is_in_place(path: str, stem: str) -> bool:
    """Whether a path in the workspace is one of a data file that an attempt with this `place_run` may make."""
    prefix = f"{place_data(stem)}."
    return path.startswith(prefix) and "/" not in path[len(prefix) :] and "\\" not in path[len(prefix) :]
