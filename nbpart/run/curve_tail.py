"""Following the curves of a run while it appends to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.run.curves import load_curves, parse_lines

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Series:
    """The points of one metric whose steps do not go back; ``at`` in seconds since 1970."""

    step: NDArray[np.int64]
    at: NDArray[np.float64]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.step)

    @property
    def columns(self) -> tuple[NDArray[Any], ...]:
        return self.step, self.at, self.value


class CurveTail:
    """The curves of a run by the path of the file that grows: each `read` takes what was appended since."""

    def __init__(self, place: Path) -> None:
        self._place, self._offset = place, 0
        self._series: dict[str, list[_Growing]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics that have a curve so far."""
        return tuple(self._series)

    def series(self, metric: str) -> list[Series]:
        """The points of a metric so far, one part for each time that its steps went back."""
        return [part.series for part in self._series.get(metric, ())]

    def read(self) -> None:
        """Take what was appended; where the run has ended, all of it. Raises OSError where it cannot be read."""
        try:
            lines, self._offset = read_appended(self._place, self._offset)
        except FileNotFoundError:
            # nothing is logged yet, or the run has ended and its curves are kept elsewhere
            lines, self._series, self._offset = load_curves(self._place).table, {}, 0
        for name, found in _split(lines).items():
            for part in _cut(found):
                self._append(name, part)

    def _append(self, name: str, part: Series) -> None:
        own = self._series.setdefault(name, [])
        if own and part.step[0] >= own[-1].series.step[-1]:
            own[-1].append(part)
        else:
            own.append(_Growing(part))


class _Growing:
    """A series that is appended to: its arrays have room for more, so that a point does not copy those before it."""

    def __init__(self, first: Series) -> None:
        self.series = self._room = first

    def append(self, part: Series) -> None:
        import numpy as np

        begin, end = len(self.series), len(self.series) + len(part)
        if end > len(self._room):
            self._room = Series(*(np.resize(column, 2 * end) for column in self.series.columns))
        for column, new in zip(self._room.columns, part.columns, strict=True):
            column[begin:end] = new
        self.series = Series(*(column[:end] for column in self._room.columns))


def read_appended(place: Path, offset: int) -> tuple[pa.Table, int]:
    """The complete lines of a file of curves behind a byte, and where they end. Raises FileNotFoundError."""
    with open(place, "rb") as file:
        file.seek(offset)
        data = file.read()
    end = data.rfind(b"\n") + 1
    return parse_lines(data[:end]), offset + end


def _split(lines: pa.Table) -> Mapping[str, Series]:
    """The points of each metric, in the order in which they were logged."""
    import numpy as np

    if not len(lines):
        return {}
    names = lines["metric"].combine_chunks().dictionary_encode()
    codes = names.indices.to_numpy(zero_copy_only=False)
    columns = [lines[column].to_numpy() for column in ("step", "at", "value")]
    found = {}
    for code, name in enumerate(names.dictionary.to_pylist()):
        places = np.flatnonzero(codes == code)
        found[name] = Series(*(column[places] for column in columns))
    return found


def _cut(found: Series) -> list[Series]:
    """The parts between places where the step goes back."""
    import numpy as np

    ends = [*(np.flatnonzero(np.diff(found.step) < 0) + 1).tolist(), len(found)]
    begins = [0, *ends[:-1]]
    return [
        Series(found.step[begin:end], found.at[begin:end], found.value[begin:end])
        for begin, end in zip(begins, ends, strict=True)
    ]
