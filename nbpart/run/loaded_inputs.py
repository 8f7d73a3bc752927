"""The values of many partitions of an input, each loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nbpart.errors import nearest
from nbpart.run.spec import InputItem


class LoadedInputs(Mapping[str, Any]):
    """Partition key -> value, in the order of the set; a value is loaded at its first use and kept.

    A key that is not there raises KeyError.
    """

    def __init__(self, name: str, items: Mapping[str, InputItem], load: Callable[[InputItem], Any]) -> None:
        self._name, self._items, self._load = name, items, load
        self._values: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._values:
            if key not in self._items:
                raise KeyError(f"{self._name} has no data of {key!r} here: {nearest(str(key), self._items)}")
            self._values[key] = self._load(self._items[key])
        return self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._items)[:300]

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, list(self._items)[:3])) + (", ..." if len(self) > 3 else "")
        return f"<{len(self)} partitions of {self._name}: {shown}>"
