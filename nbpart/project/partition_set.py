"""The keys of a set of dynamic partitions, read from and written to the catalog."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbpart.catalog import Batch, Catalog, KeysAdded, events, queries
from nbpart.errors import (
    DeclarationError,
    NbpartError,
    ParameterError,
    PartitionKeyError,
    UnknownNameError,
    nearest,
)
from nbpart.partitions import (
    AddKeysRequest,
    DeleteKeysRequest,
    DynamicPartitions,
    Kind,
    Parameters,
    Value,
    name_partitions_in_errors,
    spell_keys,
)
from nbpart.partitions.keys import drop_unprintable, shorten
from nbpart.project.membership import Membership

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("nbpart")


class PartitionSet:
    """The keys of one set of dynamic partitions, in the order in which they were added.

    It can be iterated, has a length, and ``key in`` it works; assets take it as their ``partitions``.
    """

    def __init__(self, catalog: Catalog, set_id: int, definition: DynamicPartitions) -> None:
        self._catalog, self._set_id, self.definition = catalog, set_id, definition
        self._membership = Membership(catalog, set_id)

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def set_id(self) -> int:
        """Its number in the catalog."""
        return self._set_id

    @property
    def parameters(self) -> Parameters | None:
        return self.definition.parameters

    def add(self, *keys: Any, **params: Any) -> list[str]:
        """Add keys and return the new ones among them, as text.

        Takes keys, dicts of parameters, lists of them, or the parameters of one key by name. Keys that are in the set
        already are no error. Raises `PartitionKeyError` or `ParameterError` and then adds nothing. Only in a list, as
        ``os.listdir`` returns it, names that are not UTF-8 or hold control characters are left out, with a warning.
        """
        if self.parameters is None:
            keys = tuple(drop_unprintable(some) for some in keys)
        return self._add(self._spell(keys, params))

    def add_grid(self, **axes: Any) -> list[str]:
        """Add every combination of the given values, each a list or one value; returns the new keys among them."""
        parameters = self._need_parameters("add_grid")
        with name_partitions_in_errors(self.definition):
            keys = [parameters.spell(values) for values in parameters.grid(axes)]
        return self._add(keys)

    def add_rows(self, rows: pd.DataFrame | Any) -> list[str]:
        """Add one key a row: a frame whose columns are the parameters, or an iterable of dicts; returns the new ones.

        A missing cell means None where the parameter is optional, else its default. Raises `ParameterError` for a
        column that is no parameter, and for a wrong value, with the row; then nothing is added.
        """
        parameters = self._need_parameters("add_rows")
        texts = [_spell_row(parameters, row, number) for number, row in enumerate(_as_dicts(rows, parameters))]
        return self._add(texts)

    def remove(self, *keys: Any, **params: Any) -> list[str]:
        """Remove keys from the set and return those that were in it. Their history, data and notebooks stay."""
        texts = self._spell(keys, params)
        return self._catalog.write(lambda batch: events.remove_keys(batch, self._set_id, texts))

    def page(self, offset: int = 0, limit: int = 100) -> list[str]:
        """At most ``limit`` keys from position ``offset`` on."""
        return self._catalog.read(lambda batch: queries.load_members(batch, self._set_id, offset, limit))

    def params(self, key: Any) -> dict[str, Value]:
        """The typed parameters of one key. Raises `UnknownNameError` if it is not in the set."""
        parameters = self._need_parameters("params")
        text = next(iter(self.spell([key])))
        if text not in self:
            raise UnknownNameError(f"{self.name!r} has no key {text!r}; {nearest(text, self.page(0, 1000))}")
        return parameters.parse(text)

    def spell(self, *keys: Any) -> list[str]:
        """The text of each key, given keys, dicts of parameters, or lists of them; they need not be in the set."""
        return self._spell(keys, {})

    def build_add_request(self, *keys: Any) -> AddKeysRequest:
        """A request to add keys, for a sensor to return."""
        return self.definition.build_add_request(*keys)

    def build_delete_request(self, *keys: Any) -> DeleteKeysRequest:
        """A request to remove keys, for a sensor to return."""
        return self.definition.build_delete_request(*keys)

    def __contains__(self, key: object) -> bool:
        try:
            texts = self.spell(key)
        except NbpartError:  # not a valid key
            return False
        return bool(texts) and self._membership.contains_all(texts)

    def __len__(self) -> int:
        return self._catalog.read(lambda batch: queries.count_members(batch, self._set_id))

    def __iter__(self) -> Iterator[str]:
        # all at once: keys that are added or removed during the iteration must not shift it
        return iter(self._catalog.read(lambda batch: queries.load_members(batch, self._set_id)))

    def __repr__(self) -> str:
        first = self.page(0, 6)
        shown = ", ".join(repr(k if len(k) <= 40 else k[:39] + "…") for k in first[:5])
        return f"<{len(self)} dynamic partitions {self.name!r}: {shown}{', …' if len(first) > 5 else ''}>"

    def _add(self, keys: list[str]) -> list[str]:
        encoded = self.encode(keys)

        def work(batch: Batch) -> KeysAdded:
            return events.add_keys(batch, self._set_id, keys, encoded)

        added = self._catalog.write(work)
        log_returned_keys(self.name, added.returned)
        return added.new

    def encode(self, keys: Sequence[str]) -> list[str] | None:
        """The parameters of each key as the catalog stores them; None for a set without parameters."""
        parameters = self.parameters
        return [parameters.encode(parameters.parse(key)) for key in keys] if parameters else None

    def _spell(self, keys: tuple[Any, ...], params: Mapping[str, Any]) -> list[str]:
        if params:
            if keys:
                raise ParameterError("give keys, or the parameters of one key by name, not both.")
            return spell_keys(self.definition, dict(params))
        return [text for some in keys for text in spell_keys(self.definition, some)]

    def _need_parameters(self, call: str) -> Parameters:
        if self.parameters is None:
            raise DeclarationError(
                f"partitions {self.name!r} have no parameters, so {call}() means nothing here; "
                "declare them with ws.dynamic_partitions(name, params={...})."
            )
        return self.parameters


def _as_dicts(rows: Any, parameters: Parameters) -> Iterable[Mapping[str, Any]]:
    """The rows of a frame as dicts without missing cells.

    A column of integers with a missing cell has floats in pandas: for an integer parameter they become integers again.
    """
    if not hasattr(rows, "columns"):
        return [rows] if isinstance(rows, Mapping) else list(rows)
    whole = {p.name for p in parameters if p.kind is Kind.INT}
    optional = {p.name for p in parameters if p.optional}
    columns = {
        str(name): [
            (None if name in optional else _ABSENT) if missing else _cell(value, name in whole)
            for value, missing in zip(rows[name], rows[name].isna(), strict=True)
        ]
        for name in rows.columns
    }
    return [
        {name: value for name, value in zip(columns, row, strict=True) if value is not _ABSENT}
        for row in zip(*columns.values(), strict=True)
    ]


_ABSENT = object()


def _cell(value: Any, is_whole: bool) -> Any:
    return int(value) if is_whole and isinstance(value, float) and value.is_integer() else value


def _spell_row(parameters: Parameters, row: Any, number: int) -> str:
    if not isinstance(row, Mapping):
        raise ParameterError(f"row {number} is no dict of parameters but {shorten(row)}: use add() for keys as text.")
    try:
        return parameters.spell(row)
    except (ParameterError, PartitionKeyError) as error:
        raise type(error)(f"row {number}: {error}") from None


def log_returned_keys(name: str, returned: list[str]) -> None:
    """Log that keys which had been removed were added again."""
    if returned:
        shown = ", ".join(repr(k) for k in returned[:3]) + (", …" if len(returned) > 3 else "")
        log.info("%s: %s had been removed before; added again with its history.", name, shown)
