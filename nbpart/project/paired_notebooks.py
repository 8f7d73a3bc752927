"""Of a notebook that is there in two forms, as percent text and as .ipynb, the one that was named is the code."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from nbpart.assets.code import version_of_notebook
from nbpart.assets.notebook_files import read_notebook_file
from nbpart.assets.notebook_patterns import find_pair
from nbpart.errors import NbpartError
from nbpart.project.preparation import PreparedAsset

log = logging.getLogger("nbpart")


def log_pairs(prepared: Sequence[PreparedAsset]) -> None:
    """Log a line for each notebook beside which another form of it has other code; times of files decide nothing."""
    for one in prepared:
        if one.definition.path is None or one.code is None:
            continue
        own = Path(one.definition.path)
        for other in find_pair(own):
            if _is_other_code(one, other):
                log.info("asset %r: %s beside it has other code; the code is that of %s, which was named.",
                         one.definition.name, other.name, own.name)  # fmt: skip


def _is_other_code(one: PreparedAsset, other: Path) -> bool:
    """Whether another form of a notebook has other code cells; False where it cannot be read."""
    assert one.code is not None
    definition = one.definition
    try:
        notebook = read_notebook_file(other)
    except (OSError, ValueError, NbpartError):
        return False
    version = version_of_notebook(notebook, Path(definition.folder), definition.language, definition.search_path)
    return version.version != one.code.version
