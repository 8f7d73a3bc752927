"""What has to be known of a run's notebook before its kernel is forked, without making it ready to be executed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from nbpart.assets.cells import source_of
from nbpart.assets.notebook_files import read_notebook_file
from nbpart.errors import MissingInputError
from nbpart.run.environment_writes import find_set_variables
from nbpart.run.spec import RunSpec

_MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class NotebookFacts:
    """The name of a notebook's kernel, and the environment variables that its cells set."""

    kernel: str
    variables: frozenset[str]


def read_notebook_facts(spec: RunSpec) -> NotebookFacts:
    """Read them; a notebook that did not change is read once. Raises what reading a notebook raises."""
    if spec.judged is not None:
        return NotebookFacts(spec.kernel_name or "python3", frozenset())
    place = spec.locate(spec.notebook)
    try:
        found = os.stat(place)
        facts = _read(place, found.st_mtime_ns, found.st_size, found.st_ino)
    except FileNotFoundError as error:
        raise MissingInputError(f"the notebook {place!r} of {spec.where} is gone; restore it.") from error
    except ValueError as error:
        raise ValueError(f"{place!r} is not a notebook: {error}") from error
    return NotebookFacts(spec.kernel_name or facts.kernel, facts.variables)


@lru_cache(_MOST_KEPT)
def _read(place: str, *state: int) -> NotebookFacts:
    notebook = read_notebook_file(place)
    sources = [source_of(cell) for cell in notebook.cells if cell.cell_type == "code"]
    kernel = notebook.metadata.get("kernelspec", {}).get("name") or "python3"
    return NotebookFacts(kernel, find_set_variables(sources))
