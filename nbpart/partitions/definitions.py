"""Partitions definitions: a fixed list of keys, or a named set of keys that grows and shrinks while you work."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, TypeAlias, cast

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError, UnknownNameError, nearest
from nbpart.partitions.keys import check_key, drop_unprintable, shorten
from nbpart.partitions.names import UNNAMED, check_set_name
from nbpart.partitions.parameters import Parameters

#: What users may pass for one key: its text, or the values of its parameters.
Key: TypeAlias = str | Mapping[str, object]
#: What users may pass for keys: one or several.
Keys: TypeAlias = Key | Iterable[Key]


@dataclass(frozen=True, init=False)
class StaticPartitions:
    """A fixed list of partition keys, in the order in which they are shown.

    Two lists of the same keys are one definition, and so are two with the same ``name``. Raises `DeclarationError`
    for an empty list or a key that stands twice, `PartitionKeyError` for one that cannot be a key.
    """

    keys: tuple[str, ...]
    name: str | None

    kind: ClassVar[Literal["static"]] = "static"
    parameters: ClassVar[None] = None

    def __init__(self, keys: Iterable[str], name: str | None = None) -> None:
        if isinstance(keys, str | bytes | Mapping):
            raise DeclarationError(f"StaticPartitions takes a list of keys, not {shorten(keys)}.")
        object.__setattr__(self, "keys", tuple(map(check_key, keys)))
        object.__setattr__(self, "name", None if name is None else check_set_name(name))
        if not self.keys:
            raise DeclarationError("StaticPartitions has no keys: for keys that come later use DynamicPartitions.")
        if len(self._members) < len(self.keys):
            twice, _ = Counter(self.keys).most_common(1)[0]
            raise DeclarationError(f"StaticPartitions has the key {shorten(twice)} twice: give each key once.")

    @cached_property
    def set_name(self) -> str:
        """The name of its set of keys: ``name``, or one made of the keys whatever their order."""
        if self.name is not None:
            return self.name
        content = "\n".join(sorted(self.keys))  # no key holds a line break
        return UNNAMED + hashlib.sha256(content.encode()).hexdigest()[:12]

    @cached_property
    def _members(self) -> frozenset[str]:
        return frozenset(self.keys)

    def __contains__(self, key: object) -> bool:
        return key in self._members

    def __repr__(self) -> str:
        name = "" if self.name is None else f", name={self.name!r}"
        return f"StaticPartitions({shorten(list(self.keys))}{name})"


@dataclass(frozen=True, init=False)
class DynamicPartitions:
    """A named set of keys that are added and removed while you work; the catalog of a workspace holds them.

    ``params`` declares keys with parameters, as ``{"lr": float, "depth": nbpart.Param(int, default=3)}``.
    Raises `DeclarationError`.
    """

    name: str
    parameters: Parameters | None

    kind: ClassVar[Literal["dynamic"]] = "dynamic"

    def __init__(self, name: str, params: Mapping[str, Any] | Parameters | None = None) -> None:
        declared = Parameters.declare(params) if isinstance(params, Mapping) else params
        object.__setattr__(self, "name", check_set_name(name))
        object.__setattr__(self, "parameters", declared)

    @property
    def set_name(self) -> str:
        return self.name

    def build_add_request(self, *keys: Keys) -> AddKeysRequest:
        """The request that a sensor returns to add keys: keys, dicts of parameters, or lists of them.

        Texts in a list that are not UTF-8 or hold control characters are left out, with a warning. Raises what
        `spell_keys` raises.
        """
        if self.parameters is None:
            keys = tuple(cast("Keys", drop_unprintable(some)) for some in keys)
        return AddKeysRequest(self.name, _spell_all(self, keys))

    def build_delete_request(self, *keys: Keys) -> DeleteKeysRequest:
        """The request that a sensor returns to remove keys: keys, dicts of parameters, or lists of them."""
        return DeleteKeysRequest(self.name, _spell_all(self, keys))


PartitionsDefinition: TypeAlias = StaticPartitions | DynamicPartitions


@dataclass(frozen=True, slots=True)
class AddKeysRequest:
    """A sensor's request to add ``keys`` to the dynamic partitions ``set_name``."""

    set_name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteKeysRequest:
    """A sensor's request to remove ``keys`` from the dynamic partitions ``set_name``."""

    set_name: str
    keys: tuple[str, ...]


def as_definition(partitions: object) -> PartitionsDefinition | None:
    """Turn what a user passed as ``partitions=`` into a definition.

    That may be a definition, an object with a ``definition``, a list of keys, or None (no partitions, returned as
    None). Raises `DeclarationError` for anything else.
    """
    if partitions is None or isinstance(partitions, StaticPartitions | DynamicPartitions):
        return partitions
    if (definition := getattr(partitions, "definition", None)) is not None:
        return as_definition(definition)
    if isinstance(partitions, Iterable) and not isinstance(partitions, str | bytes | Mapping | set | frozenset):
        return StaticPartitions(partitions)
    raise DeclarationError(
        f"partitions={shorten(partitions)} is no partitions definition: pass a list of keys, "
        "nbpart.StaticPartitions([...]), nbpart.DynamicPartitions(name) or what ws.dynamic_partitions(name) returned."
    )


def spell_keys(definition: PartitionsDefinition, keys: Keys) -> list[str]:
    """The text of each key in ``keys``, in order; ``keys`` is one key, a dict of parameters, or a list of these.

    A key with parameters may be given in any order and form; the returned text is the canonical one. Raises
    `PartitionKeyError`, `ParameterError`, and `UnknownNameError` for a key that static partitions do not have.
    """
    listed = [keys] if isinstance(keys, str | Mapping) or not isinstance(keys, Iterable) else keys
    with name_partitions_in_errors(definition):
        texts = _spell(definition, listed)
    if isinstance(definition, StaticPartitions):
        for text in texts:
            if text not in definition:
                raise UnknownNameError(f"{shorten(text)} is no key of {definition!r}: {nearest(text, definition.keys)}")
    return texts


@contextlib.contextmanager
def name_partitions_in_errors(definition: PartitionsDefinition) -> Iterator[None]:
    """Put the name of the partitions before the message of a key or parameter error that is raised inside."""
    try:
        yield
    except (ParameterError, PartitionKeyError) as error:
        if definition.name is None:
            raise
        raise type(error)(f"Partitions {definition.name!r}: {error}") from None


def _spell(definition: PartitionsDefinition, keys: Iterable[Key]) -> list[str]:
    parameters = definition.parameters
    if parameters is None:
        return [_plain_key(key) for key in keys]
    return [parameters.spell(key if isinstance(key, Mapping) else parameters.parse(key)) for key in keys]


def _plain_key(key: object) -> str:
    if isinstance(key, Mapping):
        raise ParameterError(
            f"They have no parameters, but {shorten(dict(key))} was given: pass the key as text, or declare params=."
        )
    return check_key(key)


def _spell_all(definition: PartitionsDefinition, keys: Iterable[Keys]) -> tuple[str, ...]:
    return tuple(text for some in keys for text in spell_keys(definition, some))
