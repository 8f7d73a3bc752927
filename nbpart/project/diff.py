"""Two runs beside each other: what they were given, the code that they ran, what they logged and what they made."""

from __future__ import annotations

import base64
import difflib
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbpart.assets.cells import source_of
from nbpart.assets.code_changes import KeptCode
from nbpart.catalog import Batch, MaterializationRecord, RunRecord, queries
from nbpart.catalog.queries.cells import metrics_of
from nbpart.errors import ParameterError, PartitionKeyError
from nbpart.partitions import PartitionRef
from nbpart.partitions.key_values import key_parameters
from nbpart.project.data_diff import DataFile, compare_files
from nbpart.project.kept_code import read_kept_code
from nbpart.project.preview import read_notebook
from nbpart.project.project import Project
from nbpart.run.spec import decode_value
from nbpart.storage.own_files import find_own
from nbpart.widgets.tables import page_html

if TYPE_CHECKING:
    import pandas as pd

_MOST_FIGURES = 20
#: So much of a text is in the frame.
_MOST_CHARS = 400


@dataclass(frozen=True)
class Side:
    """One of two runs: ``cells`` are the sources of the code that it ran, by what they are called."""

    label: str
    run_id: str
    params: Mapping[str, Any]
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any]
    about: Mapping[str, Any]
    cells: Mapping[str, str]
    files: Mapping[str, DataFile]
    figures: tuple[bytes, ...]


class Diff:
    """Where two runs differ; shown, it is a page."""

    def __init__(self, a: Side, b: Side) -> None:
        self._a, self._b = a, b

    @cached_property
    def frame(self) -> pd.DataFrame:
        """What differs, a row each: ``kind, name, a, b``; of texts the beginning.

        ``kind`` is ``parameter``, ``setting``, ``code`` (a cell, or a module), ``metric``, ``data`` (rows, a column, a
        name of a dict) or ``run`` (its status, its error, whether it was stopped early).
        """
        import pandas as pd

        return pd.DataFrame(self._list_rows(), columns=["kind", "name", "a", "b"], dtype=object)

    def _list_rows(self) -> list[tuple[str, str, Any, Any]]:
        a, b = self._a, self._b
        rows: list[tuple[str, str, Any, Any]] = []
        pairs = [("parameter", a.params, b.params), ("setting", a.settings, b.settings), ("code", a.cells, b.cells)]
        for kind, mine, theirs in [*pairs, ("metric", a.metrics, b.metrics), ("run", a.about, b.about)]:
            for name in dict.fromkeys([*mine, *theirs]):
                if not _are_equal(mine.get(name), theirs.get(name)):
                    rows.append((kind, name, _cut(mine.get(name)), _cut(theirs.get(name))))
        for name in dict.fromkeys([*a.files, *b.files]):
            for what, mine_value, their_value in compare_files(a.files.get(name), b.files.get(name)):
                label = f"{name}: {what}" if name else what
                rows.append(("data", label, _cut(mine_value), _cut(their_value)))
        return rows

    def __len__(self) -> int:
        """How many differences there are."""
        return len(self.frame)

    def __repr__(self) -> str:
        kinds = self.frame["kind"].value_counts(sort=False)
        found = ", ".join(f"{n} {kind}" for kind, n in kinds.items()) or "no difference"
        return f"<{self._a.label} ({self._a.run_id}) and {self._b.label} ({self._b.run_id}): {found}>"

    def _repr_html_(self) -> str:
        a, b = self._a, self._b
        head = "".join(f"<th>{html.escape(text)}</th>" for text in ("", a.label, b.label))
        ids = "".join(f"<td class='faint'>{html.escape(text)}</td>" for text in ("run", a.run_id, b.run_id))
        body = "".join(
            f"<tr><td>{html.escape(f'{row.kind} {row.name}')}</td>{_show(row.a)}{_show(row.b)}</tr>"
            for row in self.frame.itertuples(index=False)
            if row.kind != "code"
        )
        parts = [f"<table><thead><tr>{head}</tr></thead><tbody><tr>{ids}</tr>{body}</tbody></table>"]
        parts += [_show_code(name, old, new) for name, old, new in self._list_code()]
        figures = "".join(_show_figures(*pair) for pair in self._pair_figures())
        parts += [f"<table><thead><tr>{head}</tr></thead><tbody>{figures}</tbody></table>"] if figures else []
        if not len(self.frame):
            parts.append("<p>No difference.</p>")
        return page_html("".join(parts))

    def _list_code(self) -> Iterator[tuple[str, str, str]]:
        for name in dict.fromkeys([*self._a.cells, *self._b.cells]):
            old, new = self._a.cells.get(name, ""), self._b.cells.get(name, "")
            if old != new:
                yield name, old, new

    def _pair_figures(self) -> Iterator[tuple[bytes | None, bytes | None]]:
        a, b = self._a.figures, self._b.figures
        for place in range(min(max(len(a), len(b)), _MOST_FIGURES)):
            pair = (a[place] if place < len(a) else None, b[place] if place < len(b) else None)
            if pair[0] != pair[1]:
                yield pair


def load_side(project: Project, record: RunRecord) -> Side:
    """What is known of a run, for a comparison."""
    node = project.registry().nodes.get(record.asset)

    def work(batch: Batch) -> tuple[MaterializationRecord | None, Mapping[str, Any], Mapping[str, str]]:
        if node is None:
            return None, {}, {}
        made = queries.find_materialization(batch, node.asset_id, None, record.run_no)
        logged = metrics_of(batch, made.materialization_id if made else None)
        return made, logged, _list_cells(read_kept_code(batch, project.root, node, record.code_version))

    made, metrics, cells = project.read(work)
    error = record.error_class and f"{record.error_class}: {record.error_message or ''}"
    return Side(
        PartitionRef(record.asset, record.partition_key).label,
        record.run_id,
        _parameters(record),
        {name: decode_value(value) for name, value in record.settings.items()},
        metrics,
        {"status": str(record.status), "error": error, "stopped early": record.stopped_early},
        cells,
        {} if made is None else {file.name: DataFile(project.store, file) for file in made.files},
        _load_figures(project, record),
    )


def _parameters(record: RunRecord) -> dict[str, Any]:
    try:
        found = dict(key_parameters(record.partitions, record.partition_key))
    except (ParameterError, PartitionKeyError):  # the set declares others now
        found = {}
    return found or ({} if record.partition_key is None else {"partition_key": record.partition_key})


def _list_cells(code: KeptCode | None) -> dict[str, str]:
    """The sources of a version of code: the cells of its notebook by their numbers from the top, and its modules.

    Cells that were made of a function are called by what they are.
    """
    if code is None or code.notebook is None:
        return {} if code is None else dict(code.modules)
    is_compiled = "compiled_from" in code.notebook.get("metadata", {}).get("nbpart", {})
    cells = {
        str(cell.get("id")) if is_compiled else f"cell {place}": source_of(cell)
        for place, cell in enumerate(code.notebook.get("cells", ()), 1)
        if cell.get("cell_type") == "code"
    }
    return {**cells, **code.modules}


def _load_figures(project: Project, record: RunRecord) -> tuple[bytes, ...]:
    """The pictures of an executed notebook, in their order; none where it is gone."""
    if record.notebook is None:
        return ()
    place = find_own(project.root, record.notebook, f"run {record.run_id}")
    if not place.exists():
        return ()
    outputs = (output for cell in read_notebook(place).cells for output in cell.outputs)
    return tuple(output for output in outputs if isinstance(output, bytes))


def _are_equal(a: Any, b: Any) -> bool:
    return bool(a == b or (a != a and b != b))


def _cut(value: Any) -> Any:
    return value if not isinstance(value, str) or len(value) <= _MOST_CHARS else f"{value[:_MOST_CHARS]} …"


def _show(value: Any) -> str:
    return "<td class='faint'>—</td>" if value is None else f"<td>{html.escape(str(value))}</td>"


def _show_code(name: str, old: str, new: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=2)
    shown = "\n".join(line for line in lines if not line.startswith(("---", "+++")))
    return f"<p><b>{html.escape(name)}</b></p><pre>{html.escape(shown)}</pre>"


def _show_figures(a: bytes | None, b: bytes | None) -> str:
    cells = "".join(
        "<td></td>"
        if image is None
        else f"<td><img alt='figure' style='max-width:100%' src='data:image/png;base64,{_encode(image)}'></td>"
        for image in (a, b)
    )
    return f"<tr><td>figure</td>{cells}</tr>"


def _encode(image: bytes) -> str:
    return base64.b64encode(image).decode()
