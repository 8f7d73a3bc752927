"""Keys with parameters: their declaration, and conversions between values and keys.

declaration     {"lr": float, "depth": Param(int, default=3)}
values          {"lr": 0.1}
canonical       {"depth": 3, "lr": 0.1}         every name, in order, with its type
key             depth=3,lr=0.1                  `spell` writes it, `parse` reads it
stored          {"depth":3,"lr":0.1}            `encode` writes it, `decode` reads it
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, Union

from nbpart.errors import DeclarationError, ParameterError, PartitionKeyError, nearest
from nbpart.partitions import values as v
from nbpart.partitions.distributions import Distribution, distribution_from_json
from nbpart.partitions.keys import check_key, shorten
from nbpart.partitions.names import check_column_name
from nbpart.partitions.values import KINDS, Kind, Value

MAX_GRID_SIZE: Final = 10_000_000


class Required(Enum):
    """The default of a parameter that has none."""

    REQUIRED = "required"


REQUIRED: Final = Required.REQUIRED

Default: TypeAlias = Value | Literal[Required.REQUIRED]

_dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Param:
    """Declare a parameter with a default: ``params={"lr": float, "depth": nbpart.Param(int, default=3)}``.

    ``type`` is ``int``, ``float``, ``str``, ``bool``, ``date``, ``datetime``, ``Literal[...]``, or one of these
    ``| None``; or a distribution, as ``nbpart.uniform(0, 1)``, which takes None too where that is the default. A
    parameter that is added to partitions which already have keys needs a default: it is what they mean.
    """

    type: Any
    default: Any = REQUIRED

    def __repr__(self) -> str:
        shown = getattr(self.type, "__name__", None) if isinstance(self.type, type) else None
        default = "" if self.default is REQUIRED else f", default={self.default!r}"
        return f"Param({shown or repr(self.type)}{default})"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter.

    ``choices`` is empty where any value of ``kind`` is possible. ``added_later``: it was added when keys existed
    already, so keys do not contain its default value, and the earlier keys stay canonical. ``distribution`` is what
    samples are drawn from; it takes other values of ``kind`` too.
    """

    name: str
    kind: Kind
    choices: tuple[Value, ...] = ()
    optional: bool = False
    default: Default = REQUIRED
    added_later: bool = False
    distribution: Distribution | None = None

    @property
    def takes(self) -> str:
        """The values that it takes, for a message: ``int``, ``'adam' or 'sgd'``, ``date or None``."""
        options = [repr(choice) for choice in self.choices] or [self.kind.value]
        return " or ".join([*options, "None"] if self.optional else options)

    def canonical(self, value: object) -> Value:
        """The canonical form of ``value``, which all equal values have. Raises `ParameterError`."""
        if value is None and self.optional:
            return None
        try:
            canonical = v.to_canonical(self.kind, value)
        except ValueError as reason:
            raise self._misfit(value, reason) from None
        if self.choices and canonical not in self.choices:
            raise self._misfit(value)
        return canonical

    def parse(self, text: str) -> Value:
        """The canonical value of a text inside a key. Raises `ParameterError`."""
        if text == v.NULL and self.optional:
            return None
        try:
            return self.canonical(v.from_text(self.kind, text))
        except (ParameterError, PartitionKeyError):
            raise
        except ValueError as reason:
            raise self._misfit(text, reason) from None

    def parse_typed(self, text: str) -> Value:
        """The canonical value of what a person typed: a text stands for itself, other kinds are spelled as in a key.

        Raises `ParameterError` or `PartitionKeyError`.
        """
        if self.kind is Kind.STR and not (self.optional and text == v.NULL):
            return self.canonical(text)
        return self.parse(text)

    def widens(self, older: Parameter) -> bool:
        """Whether all values of ``older`` are values of this one too."""
        return (
            self.kind is older.kind
            and self.optional >= older.optional
            and (not self.choices or (older.choices != () and set(self.choices) >= set(older.choices)))
        )

    def _misfit(self, value: object, reason: object = "") -> ParameterError:
        text = f"Parameter {self.name!r} takes {self.takes}, not {shorten(value)} of type {type(value).__name__}"
        return ParameterError(f"{text}: {reason}." if str(reason) else f"{text}.")


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a partitions definition, sorted by name; made by `declare`."""

    declared: tuple[Parameter, ...]

    @classmethod
    def declare(cls, params: Mapping[str, Any], what: str = "parameter") -> Parameters:
        """Parameters from ``{name: type}``, where a type can stand in a `Param` with a default.

        ``what`` is what a message calls them.

        Raises `DeclarationError`: a name that is no identifier, is reserved, or differs from another in case only; a
        type that keys cannot carry; a default that does not fit.
        """
        if not params:
            raise DeclarationError(f"An empty dict declares no {what}: name at least one, or leave it out.")
        folded: dict[str, str] = {}
        for name in params:
            check_column_name(name, what)
            if (other := folded.setdefault(name.casefold(), name)) != name:
                raise DeclarationError(f"{what.capitalize()}s {other!r} and {name!r} differ in case only: rename one.")
        return cls(tuple(_declare(name, params[name]) for name in sorted(params)))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.declared)

    def __iter__(self) -> Iterator[Parameter]:
        return iter(self.declared)

    def __len__(self) -> int:
        return len(self.declared)

    def canonical(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Every parameter's canonical value, by name in order, with defaults filled in. Raises `ParameterError`."""
        canonical: dict[str, Value] = {}
        given = 0
        for parameter in self.declared:
            name = parameter.name
            if name in values:
                given += 1
                canonical[name] = parameter.canonical(values[name])
            elif parameter.default is not REQUIRED:
                canonical[name] = parameter.default
            else:
                self.check_names(values)
                raise ParameterError(f"Parameter {name!r} has no value and no default: it takes {parameter.takes}.")
        if given != len(values):
            self.check_names(values)
        return canonical

    def spell(self, values: Mapping[str, object]) -> str:
        """The key of ``values``, as ``depth=3,lr=0.01``; equal values have one key. Raises `ParameterError`."""
        canonical = self.canonical(values)
        return check_key(
            ",".join(
                f"{parameter.name}={v.to_text(canonical[parameter.name])}"
                for parameter in self.declared
                if not (parameter.added_later and canonical[parameter.name] == parameter.default)
            )
        )

    def parse(self, key: str) -> dict[str, Value]:
        """The canonical values of a key, whose names and values may be given in any order and form.

        Raises `PartitionKeyError` where it is no list of ``name=value``, `ParameterError` where a value does not fit.
        """
        texts: dict[str, str] = {}
        for part in check_key(key).split(","):
            name, equals, text = part.partition("=")
            name = name.strip()
            if not equals:
                shape = ",".join(f"{name}=…" for name in self.names)
                raise PartitionKeyError(f"The partition key {shorten(key)} does not spell parameters as {shape} does.")
            if name in texts:
                raise PartitionKeyError(f"The partition key {shorten(key)} has two values for {name!r}.")
            texts[name] = text
        self.check_names(texts)
        return self.canonical({p.name: p.parse(texts[p.name]) for p in self.declared if p.name in texts})

    def grid(self, axes: Mapping[str, object]) -> list[dict[str, Value]]:
        """Every combination of the values in ``axes``, each a list or a single value; the last name varies fastest.

        Values are canonical, equal ones on an axis count once, and defaults stand for the names that are left out.
        Raises `ParameterError`, also for an axis without values and for more than 10,000,000 combinations.
        """
        self.check_names(axes)
        by_name = {parameter.name: parameter for parameter in self.declared}
        given = {
            name: list(dict.fromkeys(by_name[name].canonical(value) for value in _axis(axis)))
            for name, axis in axes.items()
        }
        for name, points in given.items():
            if not points:
                raise ParameterError(f"Parameter {name!r} has no values to make a grid of: give at least one.")
        if (size := math.prod(map(len, given.values()))) > MAX_GRID_SIZE:
            raise ParameterError(f"The grid has {size:,} combinations: at most {MAX_GRID_SIZE:,} are possible.")
        order = self.canonical({name: points[0] for name, points in given.items()})
        return [{**order, **dict(zip(given, point, strict=True))} for point in itertools.product(*given.values())]

    def encode(self, values: Mapping[str, object]) -> str:
        """``values`` as the JSON object that is stored beside the key; dates in ISO form."""
        return _dump({name: v.to_json(value) for name, value in self.canonical(values).items()})

    def decode(self, text: str) -> dict[str, Value]:
        """The canonical values of a text of `encode`; a parameter that was added later has its default."""
        stored: dict[str, Any] = json.loads(text)
        self.check_names(stored)
        return self.canonical({p.name: v.from_json(p.kind, stored[p.name]) for p in self.declared if p.name in stored})

    def extended_by(self, newer: Parameters) -> Parameters:
        """The parameters after these, for which keys exist, are declared again as ``newer``.

        A parameter may be added if it has a default, may take more values than before, and may be drawn from others.
        One that was added so stays where it is left out, as in the cell of a notebook that stands before the one which
        added it, and is not drawn then: that cell's sample is the one that it was. Raises `ParameterError` where an
        existing key would lose its meaning: a parameter is gone, takes fewer values or another type, or was added to
        existing keys and now has another default.
        """
        older = {parameter.name: parameter for parameter in self.declared}
        left_out = [older[name] for name in sorted(older.keys() - set(newer.names))]
        if gone := [parameter.name for parameter in left_out if not parameter.added_later]:
            raise ParameterError(f"Parameter {gone[0]!r} is gone, but keys have it: declare it again.")
        kept = [dataclasses.replace(parameter, distribution=None) for parameter in left_out]
        extended = [*kept, *(_extend(older.get(parameter.name), parameter) for parameter in newer.declared)]
        return Parameters(tuple(sorted(extended, key=lambda parameter: parameter.name)))

    def as_declared(self) -> dict[str, Param]:
        """The parameters in the form that `declare` takes."""
        return {parameter.name: Param(_type_of(parameter), parameter.default) for parameter in self.declared}

    def to_json(self) -> str:
        """The declaration as JSON text, for the catalog."""
        return _dump([_parameter_to_json(parameter) for parameter in self.declared])

    @classmethod
    def from_json(cls, text: str) -> Parameters:
        """The opposite of `to_json`."""
        return cls(tuple(_parameter_from_json(fields) for fields in json.loads(text)))

    def check_names(self, values: Iterable[str]) -> None:
        """Raise `ParameterError` for a name in ``values`` that is none of these."""
        names = self.names
        for name in values:
            if name not in names:
                raise ParameterError(f"There is no parameter {shorten(name)}: {nearest(str(name), names)}")


def _declare(name: str, declaration: object) -> Parameter:
    param = declaration if isinstance(declaration, Param) else Param(declaration)
    if isinstance(param.type, Distribution):
        optional = param.type.has_none or param.default is None
        parameter = Parameter(name, param.type.kind, (), optional, distribution=param.type)
    else:
        parameter = Parameter(name, *_read_type(name, param.type))
    if param.default is REQUIRED:
        return parameter
    try:
        return dataclasses.replace(parameter, default=parameter.canonical(param.default))
    except ParameterError as error:
        raise DeclarationError(f"The default does not fit. {error}") from None


def _read_type(name: str, annotation: Any) -> tuple[Kind, tuple[Value, ...], bool]:
    """Kind, choices (empty: any value of the kind) and whether None is allowed, from a parameter's annotation."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, types.UnionType) and types.NoneType in arguments and len(arguments) == 2:
        kind, choices, _ = _read_type(name, arguments[arguments[0] is types.NoneType])
        return kind, choices, True
    if origin is Literal:
        choices = tuple(choice for choice in arguments if choice is not None)
        kinds = {KINDS.get(type(choice)) for choice in choices}
        if len(kinds) == 1 and (only := kinds.pop()):
            return only, tuple(v.to_canonical(only, choice) for choice in choices), None in arguments
    elif isinstance(annotation, type) and annotation in KINDS:
        return KINDS[annotation], (), False
    raise DeclarationError(
        f"Parameter {name!r} is declared as {shorten(annotation)}: declare it as one of {', '.join(Kind)}, "
        "as Literal[...] of values of one type, as one of these | None, or as a distribution like "
        "nbpart.uniform(0, 1); a default goes in Param(type, default=...)."
    )


def _type_of(parameter: Parameter) -> Any:
    """The type that a parameter is declared with."""
    if parameter.distribution is not None:
        return parameter.distribution
    plain = {kind: type for type, kind in KINDS.items()}[parameter.kind]
    declared: Any = Literal[parameter.choices] if parameter.choices else plain
    return declared | None if parameter.optional else declared


def _axis(axis: Any) -> Iterable[object]:
    is_list = isinstance(axis, Iterable) and not isinstance(axis, str | bytes | Mapping)
    return axis if is_list and getattr(axis, "ndim", None) != 0 else [axis]


def _extend(older: Parameter | None, newer: Parameter) -> Parameter:
    name = newer.name
    if older is None:
        if newer.default is REQUIRED:
            raise ParameterError(
                f"Parameter {name!r} is new, but keys exist: say what they mean by a default, as in "
                f"nbpart.Param({newer.kind}, default=...)."
            )
        return dataclasses.replace(newer, added_later=True)
    if newer.distribution is not None and older.optional:  # keys have None, whatever is drawn from now on
        newer = dataclasses.replace(newer, optional=True)
    if not newer.widens(older):
        raise ParameterError(f"Parameter {name!r} took {older.takes} and would take {newer.takes}, but keys have it.")
    if older.added_later and newer.default != older.default:
        raise ParameterError(
            f"Parameter {name!r} was added with the default {older.default!r}, which earlier keys mean: keep it."
        )
    return dataclasses.replace(newer, added_later=older.added_later)


def _parameter_to_json(parameter: Parameter) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": parameter.name, "kind": parameter.kind.value}
    if parameter.choices:
        fields["choices"] = [v.to_json(choice) for choice in parameter.choices]
    if parameter.optional:
        fields["optional"] = True
    if parameter.default is not REQUIRED:
        fields["default"] = v.to_json(parameter.default)
    if parameter.added_later:
        fields["added_later"] = True
    if parameter.distribution is not None:
        fields["distribution"] = parameter.distribution.to_json()
    return fields


def _parameter_from_json(fields: Mapping[str, Any]) -> Parameter:
    kind = Kind(fields["kind"])
    return Parameter(
        name=fields["name"],
        kind=kind,
        choices=tuple(v.from_json(kind, choice) for choice in fields.get("choices", ())),
        optional=fields.get("optional", False),
        default=v.from_json(kind, fields["default"]) if "default" in fields else REQUIRED,
        added_later=fields.get("added_later", False),
        distribution=distribution_from_json(kind, fields["distribution"]) if "distribution" in fields else None,
    )
