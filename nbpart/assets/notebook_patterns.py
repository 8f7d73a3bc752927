"""Which notebooks a pattern means, and which files are one notebook in two forms."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from nbpart.assets.text_notebooks import TEXT_SUFFIXES, is_text_notebook, read_text
from nbpart.errors import DeclarationError

log = logging.getLogger("nbpart")

NOTEBOOK_SUFFIXES = (".ipynb", *TEXT_SUFFIXES)


def find_notebooks(pattern: str | os.PathLike[str], without: Path) -> list[Path]:
    """The files that a pattern of the current folder means, in the order of their names.

    Left out are hidden files, what is below ``without``, where a workspace keeps its own, and the notebook that asks.
    Raises `DeclarationError` where nothing is left, and for a file whose name is not that of a notebook.
    """
    text = os.path.expanduser(os.fspath(pattern))
    kept = without.resolve()
    own = _find_own_notebook()
    found = sorted(Path(name).absolute() for name in glob.glob(text, recursive=True) if os.path.isfile(name))
    found = [path for path in found if not path.resolve().is_relative_to(kept)]
    if own is not None and own in {path.resolve() for path in found}:
        found = [path for path in found if path.resolve() != own]
        log.info("%s is left out: it is the notebook that declares the others.", own.name)
    for path in found:
        if path.suffix not in NOTEBOOK_SUFFIXES:
            raise DeclarationError(
                f"{path} is no notebook by its name; end the pattern {text!r} in one of {', '.join(NOTEBOOK_SUFFIXES)}."
            )
    if not found:
        raise DeclarationError(f"no notebook is called like {text!r} in {Path.cwd()}.")
    return found


def find_pair(path: Path) -> Iterator[Path]:
    """The files beside a notebook that are other forms of it: those of its name that jupytext would pair with it."""
    for suffix in NOTEBOOK_SUFFIXES:
        other = path.with_suffix(suffix)
        if suffix != path.suffix and other.is_file() and (suffix == ".ipynb" or _has_header(other)):
            yield other


def is_pair(one: Path, other: Path) -> bool:
    """Whether two files are one notebook in two forms: beside each other, of one name but for its end."""
    return (
        one.suffix != other.suffix
        and {one.suffix, other.suffix} <= {*NOTEBOOK_SUFFIXES}
        and (
            one.with_suffix("") == other.with_suffix("")
            or one.with_suffix("").resolve() == other.with_suffix("").resolve()
        )
    )


def _has_header(path: Path) -> bool:
    """Whether a text says that it is a notebook: a module or a page of the same name is none."""
    try:
        text = read_text(path.read_bytes(), path.suffix)
    except (OSError, ValueError):
        return False
    return is_text_notebook(path) and ("jupytext:" in text[:2000] or (path.suffix == ".py" and "\n# %%" in f"\n{text}"))


def _find_own_notebook() -> Path | None:
    """The notebook whose kernel this is, as a server of Jupyter says it; None elsewhere."""
    said = os.environ.get("JPY_SESSION_NAME")
    if not said or not said.endswith(NOTEBOOK_SUFFIXES):
        return None
    return Path(said).resolve()
