"""The partitions of a workspace as a sensor's child sees them: their keys come from the process that asked it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any

from nbpart.errors import DeclarationError, NbpartError, UnknownNameError, nearest
from nbpart.partitions import (
    AddKeysRequest,
    DeleteKeysRequest,
    DynamicPartitions,
    PartitionsDefinition,
    definition_from_json,
    part_sets,
)
from nbpart.partitions.key_spelling import spell_keys


class AskedSet:
    """A set of partitions that is only read: its keys are asked for once, when they are first needed.

    All else that a `PartitionSet` can do is done by the one that ``open_set`` gives, which opens the catalog.
    """

    def __init__(
        self,
        definition: PartitionsDefinition,
        load_keys: Callable[[], list[str]],
        open_set: Callable[[], Any],
    ) -> None:
        self.definition, self._load_keys, self._open_set = definition, load_keys, open_set

    @property
    def name(self) -> str:
        return self.definition.set_name

    def spell(self, *keys: Any) -> list[str]:
        """The text of each key, given keys, dicts of parameters, or lists of them; they need not be in the set."""
        return [text for key in keys for text in spell_keys(self.definition, key)]

    def build_add_request(self, *keys: Any) -> AddKeysRequest:
        """A request to add keys, for a sensor to return."""
        return self._need_dynamic().build_add_request(*keys)

    def build_delete_request(self, *keys: Any) -> DeleteKeysRequest:
        """A request to remove keys, for a sensor to return."""
        return self._need_dynamic().build_delete_request(*keys)

    def __contains__(self, key: object) -> bool:
        try:
            texts = self.spell(key)
        except NbpartError:  # not a valid key
            return False
        return bool(texts) and self._known.issuperset(texts)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __getitem__(self, place: int | slice) -> Any:
        return self._keys[place]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._open_set(), name)

    def __repr__(self) -> str:
        return f"<partitions {self.name!r}, as a sensor sees them>"

    @cached_property
    def _keys(self) -> list[str]:
        return self._load_keys()

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self._keys)

    def _need_dynamic(self) -> DynamicPartitions:
        if not isinstance(self.definition, DynamicPartitions):
            raise DeclarationError(f"keys cannot be added to {self.name!r}, nor removed from it: it is not dynamic.")
        return self.definition


class AskedSets(dict[str, AskedSet]):
    """The sets of a workspace by name. Looking up another name raises `UnknownNameError`, with the nearest name."""

    def __missing__(self, name: str) -> AskedSet:
        raise UnknownNameError(f"there are no partitions {name!r}; {nearest(name, self)}")


def make_asked_sets(
    stored: Mapping[str, Any], load_keys: Callable[[str], list[str]], open_set: Callable[[str], Any]
) -> AskedSets:
    """The sets by name; ``stored`` has the definition of each as the catalog stores it, ``load_keys`` and ``open_set``
    are given a name."""
    made: dict[str, PartitionsDefinition] = {}

    def make(name: str) -> PartitionsDefinition:
        if name not in made:
            made[name] = definition_from_json(stored[name], {part: make(part) for part in part_sets(stored[name])})
        return made[name]

    return AskedSets({name: AskedSet(make(name), partial(load_keys, name), partial(open_set, name)) for name in stored})
