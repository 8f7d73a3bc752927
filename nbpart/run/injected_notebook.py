"""The notebook that a run executes: the one of its spec, with a cell of its parameters in it."""

from __future__ import annotations

import datetime
import itertools
import json
import keyword
import math
from collections.abc import Collection, Mapping
from typing import Any

from nbpart.assets.notebook_files import read_notebook, read_notebook_file
from nbpart.errors import MissingInputError, ParameterError
from nbpart.run.check_cells import add_check_cells
from nbpart.run.members import use_single_run_variant
from nbpart.run.spec import RunSpec

_PARAMETERS, _INJECTED = "parameters", "injected-parameters"
_EMPTY = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def load_injected_notebook(spec: RunSpec) -> tuple[Any, str]:
    """The notebook to execute, with the injected cell in its place, and the name of the kernel for it.

    The cell stands after the one tagged `parameters`, or first. Raises what reading a notebook raises.
    """
    place = spec.locate(spec.notebook)
    try:
        # what only judges has no cells but its checks
        content = read_notebook_file(place) if spec.judged is None else read_notebook(_EMPTY)
        notebook = _prepare(content)
    except FileNotFoundError as error:
        raise MissingInputError(f"the notebook {place!r} of {spec.where} is gone; restore it.") from error
    except ValueError as error:
        raise ValueError(f"{place!r} is not a notebook: {error}") from error
    if spec.members:
        use_single_run_variant(notebook)
    about = notebook.metadata.get("kernelspec", {})
    kernel = spec.kernel_name or about.get("name") or "python3"
    language = spec.language or about.get("language") or notebook.metadata.get("language_info", {}).get("name")
    language = language or "python"
    if spec.injected or spec.secrets:
        shown = {name: _show(value) for name, value in spec.injected.items()}
        _inject(notebook, _spell_for(spec, kernel, language, shown))
        notebook.metadata.papermill["parameters"] = _to_node(shown)
    add_check_cells(notebook, spec, language)
    notebook.metadata.papermill["input_path"] = spec.notebook
    return notebook, kernel


def _prepare(notebook: Any) -> Any:
    """Give a notebook what papermill gives one that it loads, and take from it what papermill said of an error."""
    from papermill.execute import ERROR_MARKER_TAG
    from papermill.version import version

    about = {"default_parameters": {}, "parameters": {}, "environment_variables": {}, "version": version}
    notebook.metadata.setdefault("papermill", _to_node(about))
    notebook.cells = [cell for cell in notebook.cells if ERROR_MARKER_TAG not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        cell.metadata.setdefault("tags", [])
        cell.metadata.setdefault("papermill", _to_node({}))
    return notebook


def _spell_for(spec: RunSpec, kernel: str, language: str, shown: Mapping[str, Any]) -> str:
    """The source of the injected cell: of papermill, but for Python, since papermill knows no dates."""
    from papermill.translators import translate_parameters

    if language.lower() == "python":
        return spell_injected(spec.injected, spec.secrets)
    if spec.secrets:
        raise ParameterError(f"{spec.where} has secrets, which only Python notebooks can be given.")
    source: str = translate_parameters(kernel, language, shown)
    return source


def _inject(notebook: Any, source: str) -> None:
    """Put a cell where papermill does: for one that it injected before, else behind the parameters, else first."""
    cells = notebook.cells
    injected, parameters = (
        next((place for place, cell in enumerate(cells) if tag in cell.metadata.tags), None)
        for tag in (_INJECTED, _PARAMETERS)
    )
    if injected is not None:
        del cells[injected]
    place = injected if injected is not None else parameters + 1 if parameters is not None else 0
    taken = {cell.id for cell in cells}
    ids = itertools.chain([_INJECTED], (f"{_INJECTED}-{number}" for number in itertools.count(2)))
    cell: dict[str, Any] = {
        "cell_type": "code", "id": next(name for name in ids if name not in taken), "source": source, "outputs": [],
        "metadata": {"tags": [_INJECTED], "papermill": {}}, "execution_count": None,
    }  # fmt: skip
    cells.insert(place, _to_node(cell))


def _to_node(value: Any) -> Any:
    from nbformat import from_dict

    return from_dict(value)  # type: ignore[no-untyped-call]


def spell_injected(values: Mapping[str, Any], secrets: Collection[str] = ()) -> str:
    """The source of the injected cell of a Python notebook, with dates as dates, which papermill cannot do.

    Values of ``secrets`` are not in it, only the calls that read them.
    """
    for name in (*values, *secrets):
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ParameterError(f"{name!r} cannot become a variable of a notebook; choose an identifier.")
    lines = [f"{name} = {spell_value(value)}" for name, value in values.items()]
    if any("_datetime." in line for line in lines):
        lines.insert(0, "import datetime as _datetime")
    if secrets:
        lines.append("from nbpart.run.secrets import read_secret as _read_secret")
        lines += [f"{name} = _read_secret({name!r})" for name in secrets]
    return "\n".join(["# Parameters of this run", *lines])


def spell_value(value: Any) -> str:
    """The source of a value of an injected cell; dates need ``import datetime as _datetime``."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return f"_datetime.datetime.fromisoformat({value.isoformat()!r})"
    if isinstance(value, datetime.date):
        return f"_{value!r}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(spell_value(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{spell_value(key)}: {spell_value(item)}' for key, item in value.items())}}}"
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return repr(kind(value))
    if value is None:
        return "None"
    name = type(value).__qualname__
    raise ParameterError(f"a value of type {name} cannot be injected in a notebook; pass numbers, text or dates.")


def _show(value: Any) -> Any:
    """A value as the notebook's metadata holds it: strict JSON."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_show(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _show(item) for key, item in value.items()}
    return value
