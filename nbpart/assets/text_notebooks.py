"""Notebooks as text: percent scripts and Markdown, which jupytext reads and writes."""

from __future__ import annotations

import functools
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbpart.assets.nbformat_import import load_nbformat
from nbpart.errors import ExtraRequiredError

#: What the names of notebooks as text end in.
TEXT_SUFFIXES = (".py", ".md", ".Rmd")
#: Where cells begin in a script, or the header that jupytext puts first and that names its format.
_CELL_OR_HEADER = re.compile(
    r"^(# ?%%|# \+\s*(?:$|[{\[]|tags)|# -\s*$|#\s+jupytext:\s*$|#\s+format_name:)", re.MULTILINE
)


def is_text_notebook(path: Path) -> bool:
    """Whether a file of that name is a notebook as text."""
    return path.suffix in TEXT_SUFFIXES


def read_text(content: bytes, suffix: str) -> str:
    """The text of a file with line ends of one kind. Raises ValueError where it is in no encoding that it declares."""
    if suffix != ".py":
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    try:
        return importlib.util.decode_source(content)
    except (LookupError, SyntaxError) as error:
        raise ValueError(f"it is not in the encoding that it declares: {error}") from error


def parse_text(content: bytes, suffix: str) -> dict[str, Any]:
    """The notebook that a text stands for, as plain JSON, its cells without ids: each reading would give others.

    Raises ExtraRequiredError without jupytext, ValueError for a text that is no notebook.
    """
    text = read_text(content, suffix)
    if suffix == ".py" and not _CELL_OR_HEADER.search(text):
        raise ValueError(
            "it has no cells: begin each with a line '# %%', one at its top makes it one cell; a function of a module "
            "is declared by nbpart.asset"
        )
    jupytext = _load_jupytext(suffix)
    try:
        notebook = jupytext.reads(text, fmt=suffix[1:])
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ValueError(f"jupytext cannot read it: {reason}") from error
    for cell in notebook.cells:
        cell.pop("id", None)
    return dict(notebook)


def spell_text(notebook: Mapping[str, Any], suffix: str) -> str:
    """The text of a notebook in the format that its metadata names, as `parse_text` found it; outputs stay out."""
    spelled: str = _load_jupytext(suffix).writes(load_nbformat().from_dict(notebook), fmt=suffix[1:])
    return spelled


@functools.cache
def _import_jupytext() -> Any:
    return importlib.import_module("jupytext")


def _load_jupytext(suffix: str) -> Any:
    if importlib.util.find_spec("jupytext") is None:
        raise ExtraRequiredError(
            f"a notebook as text ({suffix}) needs a package that is not installed: pip install nbpart[text]."
        )
    return _import_jupytext()
