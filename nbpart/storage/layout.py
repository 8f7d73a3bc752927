"""Where in a workspace the files of a run lie."""

from __future__ import annotations

from nbpart.partitions import safe_name


def place_run(asset: str, key: str | None, run_id: str, attempt: int) -> str:
    """What the names of an attempt's files begin with, below ``data/`` and ``runs/``.

    ``<asset>/<safe key>/<run id>-<attempt>``; the folder of an asset without partitions is ``_whole``.
    """
    folder = "_whole" if key is None else safe_name(key)
    return f"{asset}/{folder}/{run_id}-{attempt}"


def is_in_place(path: str, place: str) -> bool:
    """Whether a path in the workspace is one of a data file that an attempt with this `place_run` may make."""
    prefix = f"data/{place}."
    return path.startswith(prefix) and "/" not in path[len(prefix) :] and "\\" not in path[len(prefix) :]
