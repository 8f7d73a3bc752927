"""Curves: metrics that a run logs step by step, appended to a file while it runs, and kept with it as Parquet.

The file that grows has a line a value: step, seconds since 1970, name and value, with tabs between, in the order in
which they were logged. Its last line may be cut short. A step that is less than the one before begins a new series.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.assets.metrics import Metric
from nbpart.errors import ParameterError, UnsupportedTypeError
from nbpart.run.pruners import OwnCurve
from nbpart.run.spec import RunSpec
from nbpart.run.texts import check_metric, take_scalar
from nbpart.storage.own_files import find_own, make_folder
from nbpart.storage.store import Store

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

#: Steps are whole numbers of 64 bits.
_MOST_STEP = 2**63 - 1
#: So many bytes are read line by line, which takes less than to begin a reader of CSV.
_FEW_BYTES = 4_096
#: What a metric is where `metrics=` says nothing of it: its last value.
_LAST = Metric("max", "last")


class CurveLog:
    """Appends to the file of a run's curves; nothing is made before the first value.

    Each call is on disk when it returns, as far as the operating system takes it: a killed run keeps its curves.
    """

    def __init__(self, workspace: Path, path: Path) -> None:
        self.path, self._workspace = path, workspace
        self._file: int | None = None
        self._last: dict[str, int] = {}
        self._has_warned = False
        self._metric: str | None = None
        self.followed: OwnCurve | None = None

    @classmethod
    def of(cls, spec: RunSpec) -> CurveLog:
        """That of a run."""
        return cls(Path(spec.workspace), Path(spec.locate(spec.curves)))

    def follow(self, metric: str) -> None:
        """Keep what is logged of a metric from now on in `followed`."""
        self._metric, self.followed = metric, OwnCurve()

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics that have a curve."""
        return tuple(self._last)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Append the values of one step. Raises OSError where they cannot be written."""
        lines = []
        now = f"{time.time():.3f}"
        for name, value in values.items():
            lines.append(f"{step}\t{now}\t{name}\t{value!r}\n")
            if step < self._last.get(name, step):
                self._warn(name, step)
            self._last[name] = step
        if self.followed is not None and self._metric is not None and self._metric in values:
            self.followed.add(step, values[self._metric])
        if self._file is None:
            self._file = self._open()
        os.write(self._file, "".join(lines).encode())

    def _open(self) -> int:
        make_folder(self._workspace, self.path.parent)
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def _warn(self, name: str, step: int) -> None:
        if not self._has_warned:
            self._has_warned = True
            was = self._last[name]
            print(f"nbpart: {name} goes back from step {was} to {step}: a second curve begins", file=sys.stderr)


def check_step(step: Any) -> int:
    """A step as a plain whole number. Raises ParameterError for what is none."""
    plain = take_scalar(step)
    if isinstance(plain, float) and plain.is_integer():
        plain = int(plain)
    if isinstance(plain, bool) or not isinstance(plain, int) or not 0 <= plain <= _MOST_STEP:
        raise ParameterError(f"a step is a whole number from 0, as in run.log(loss=0.3, step=17), not {step!r:.60}.")
    return plain


def check_curve_value(name: str, value: Any) -> float:
    """The value of one step of a metric as a plain number. Raises UnsupportedTypeError for what is none."""
    if type(value) is float:
        return value
    plain = check_metric(name, value)
    if isinstance(plain, str):
        raise UnsupportedTypeError(f"the metric {name!r} is a text, and a curve has numbers; log it without step=.")
    return float(plain)


@dataclass(frozen=True)
class Curves:
    """The curves of a run: ``table`` has ``metric, series, step, at`` (seconds since 1970) and ``value``, as logged."""

    table: pa.Table

    @classmethod
    def of(cls, lines: pa.Table) -> Curves:
        """Those of a table ``step, at, metric, value``, as they were logged."""
        return cls(_add_series(lines))

    def extend(self, lines: pa.Table, metric: str) -> Curves:
        """These with what was logged since of one metric, as `of` takes it."""
        import pyarrow as pa
        import pyarrow.compute as pc

        new = lines.filter(pc.equal(lines["metric"], metric))
        return Curves.of(pa.concat_tables([self.table.select(new.column_names), new]))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that have a curve, by name."""
        return tuple(sorted(self.table["metric"].unique().to_pylist()))

    def last_series(self, metric: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Steps and values of a metric; of several series those of the last one."""
        import numpy as np
        import pyarrow.compute as pc

        own = self.table.filter(pc.equal(self.table["metric"], metric))
        if not len(own):
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        series = own["series"].to_numpy()
        last = series == series[-1]
        return own["step"].to_numpy()[last], own["value"].to_numpy()[last]

    def summarize(self, metrics: Mapping[str, Metric]) -> dict[str, float]:
        """The value of each metric: what `metrics` says of it, else its last."""
        import pyarrow.compute as pc

        found = {}
        for name in pc.unique(self.table["metric"]).to_pylist():
            values = self.table.filter(pc.equal(self.table["metric"], name))["value"].to_pylist()
            found[name] = metrics.get(name, _LAST).choose(values)
        return found

    def save(self, store: Store, path: str) -> None:
        """Publish them as Parquet under a path of the store."""
        store.publish(path, partial(_write, table=self.table))


def load_curves(place: Path) -> Curves:
    """The curves of a run by the path of the file that grows, or grew, while it ran; empty where it logged none."""
    kept = place.with_name(f"{place.name}.parquet")
    if kept.exists():
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(kept) as file:
            return Curves(file.read())
    return read_lines(place)


def load_kept_curves(root: Path, path: str, what: str) -> Curves:
    """The curves of a run whose file of curves, as it was recorded, is at ``path`` below the workspace ``root``.

    ``what`` is what an error calls it. Raises `OSError` and `ValueError` as `load_curves` does, and `NbpartError` where
    the path leads elsewhere.
    """
    return load_curves(find_own(root, path.removesuffix(".parquet"), what))


def read_lines(path: Path) -> Curves:
    """The curves in a file that may be growing, or may not be there yet: complete lines count."""
    data = path.read_bytes() if path.exists() else b""
    return Curves.of(parse_lines(data[: data.rfind(b"\n") + 1]))


def parse_lines(data: bytes) -> pa.Table:
    """Complete lines as a table ``step, at, metric, value``; one that is none, as where two were mixed, is left out."""
    import pyarrow as pa
    import pyarrow.csv as pc

    types = {"step": pa.int64(), "at": pa.float64(), "metric": pa.string(), "value": pa.float64()}
    if not data:
        return pa.table({name: pa.array([], kind) for name, kind in types.items()})
    if len(data) > _FEW_BYTES:
        options = pc.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False)
        parse = pc.ParseOptions(delimiter="\t", quote_char=False)
        names = pc.ReadOptions(column_names=list(types), use_threads=False)
        with contextlib.suppress(pa.ArrowInvalid):
            return pc.read_csv(pa.BufferReader(data), names, parse, options)
    rows = [row for line in data.splitlines() if (row := _parse_line(line)) is not None]
    columns = zip(*rows, strict=True) if rows else [()] * len(types)
    pairs = zip(types.items(), columns, strict=True)
    return pa.table({name: pa.array(values, kind) for (name, kind), values in pairs})


def _parse_line(line: bytes) -> tuple[int, float, str, float] | None:
    try:
        step, at, name, value = line.decode().split("\t")
        row = int(step), float(at), name, float(value)
    except ValueError:
        return None
    return row if name.isidentifier() and math.isfinite(row[1]) and 0 <= row[0] <= _MOST_STEP else None


def _add_series(table: pa.Table) -> pa.Table:
    """The table with the number of its series beside each row: it grows where the step of a metric goes back."""
    import numpy as np
    import pyarrow as pa

    names = table["metric"].combine_chunks().dictionary_encode()
    codes = names.indices.to_numpy(zero_copy_only=False) if len(table) else np.zeros(0, dtype=np.int32)
    steps = table["step"].to_numpy()
    series = np.zeros(len(table), dtype=np.int32)
    for code in range(len(names.dictionary) if len(table) else 0):
        places = np.flatnonzero(codes == code)
        series[places[1:]] = np.cumsum(np.diff(steps[places]) < 0)
    columns = {"metric": names.cast(pa.string()), "series": pa.array(series), **{n: table[n] for n in ("step", "at")}}
    return pa.table({**columns, "value": table["value"]})


def _write(path: Path, *, table: pa.Table) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, path, compression="zstd")
