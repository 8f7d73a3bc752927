"""Samples of a set of keys: points drawn from the distributions of its parameters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from nbpart.errors import ExtraRequiredError, ParameterError, nearest
from nbpart.partitions.distributions import Distribution
from nbpart.partitions.dynamic import DynamicPartitions
from nbpart.partitions.keys import shorten
from nbpart.partitions.parameters import MAX_GRID_SIZE, REQUIRED, Parameter, Parameters
from nbpart.partitions.values import Value, to_plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How the points of a sample are drawn: each for itself, or spread evenly over the space.
SampleMethod: TypeAlias = Literal["random", "sobol", "halton"]
#: So many points are drawn at once; a power of two, which keeps a sequence of Sobol' balanced.
_AT_ONCE: Final = 256
#: So many draws one after the other that come to known points mean that there are few others.
_MAX_REPEATS: Final = 1000


@dataclass(frozen=True)
class Sample:
    """What to draw for a set, and from what.

    ``drawn`` are the distributions that are drawn from, ``fixed`` the values of all other parameters, and ``parent`` is
    the key below which the points stand, None for a set without parent.
    """

    definition: DynamicPartitions
    parameters: Parameters
    drawn: Mapping[str, Distribution]
    fixed: Mapping[str, Value]
    parent: str | None
    method: SampleMethod

    @cached_property
    def size(self) -> int | None:
        """How many different points there are; None where a fraction is drawn, of which nobody counts the values."""
        axes = [one.values for one in self.drawn.values()]
        return None if any(values is None for values in axes) else math.prod(len(values or ()) for values in axes)

    def points(self, seed: int | Sequence[int]) -> Iterator[str]:
        """The keys of the points, each once; ends when there are no others, or hardly any that could be drawn.

        Of equal samples and seeds they are the same, in the same order.
        """
        seen: set[str] = set()
        repeats = 0
        for units in _draw_units(len(self.drawn), self.method, seed):
            for unit in units.tolist():
                key = self.spell({name: one.at(u) for (name, one), u in zip(self.drawn.items(), unit, strict=True)})
                repeats = repeats + 1 if key in seen else 0
                if key not in seen:
                    seen.add(key)
                    yield key
                if len(seen) == self.size:
                    return
                if repeats == _MAX_REPEATS:
                    yield from self._rest(seen, seed)
                    return

    def _rest(self, seen: set[str], seed: int | Sequence[int]) -> Iterator[str]:
        """The points that were not drawn, in a random order; none where they cannot be counted."""
        import numpy as np

        if self.size is None or self.size > MAX_GRID_SIZE:
            return
        axes = [one.values or () for one in self.drawn.values()]
        found = (self.spell(dict(zip(self.drawn, point, strict=True))) for point in itertools.product(*axes))
        rest = [key for key in found if key not in seen]
        for place in np.random.default_rng(seed).permutation(len(rest)).tolist():
            yield rest[place]

    def spell(self, point: Mapping[str, Value]) -> str:
        """The key of a point, which has a value for each parameter that is drawn."""
        own = self.parameters.spell({**self.fixed, **point})
        return own if self.parent is None else self.definition.spell(self.parent, own)


def read_sample(
    definition: DynamicPartitions, parameters: Parameters, values: Mapping[str, Any] | None, method: str
) -> Sample:
    """A sample of a set, where ``values`` gives what is not drawn: parameters by name, and the parent's key.

    A parameter without a distribution has its default. Raises `ParameterError` for one without either that has no
    value, for a value that does not fit and for a method that there is not, `ExtraRequiredError` for one that needs
    scipy where that is not installed.
    """
    if values is not None and not isinstance(values, Mapping):
        raise ParameterError(f"values={shorten(values)} is no dict of the values of parameters, as {{'seed': 0}}.")
    known: tuple[SampleMethod, ...] = get_args(SampleMethod)
    if method not in known:
        raise ParameterError(f"There is no method {shorten(method)} of drawing: {nearest(str(method), known)}")
    given = dict(values or {})
    parent = _take_parent(definition, given)
    parameters.check_names(given)
    drawn: dict[str, Distribution] = {}
    fixed: dict[str, Value] = {}
    for parameter in parameters:
        if parameter.name in given:
            fixed[parameter.name] = parameter.canonical(given[parameter.name])
        elif parameter.distribution is not None:
            drawn[parameter.name] = parameter.distribution
        else:
            fixed[parameter.name] = _default_of(parameter)
    [chosen] = [one for one in known if one == method]
    sample = Sample(definition, parameters, drawn, fixed, parent, chosen)
    if chosen != "random":
        _load_qmc(chosen)
    return sample


def read_count(n: object) -> int:
    """The number of points that somebody asks for. Raises `ParameterError`."""
    count = _read_whole(n)
    if count is None or not 0 <= count <= MAX_GRID_SIZE:
        raise ParameterError(f"A sample has a number of points, from 0 to {MAX_GRID_SIZE:,}, not {shorten(n)}.")
    return count


def read_seed(seed: object) -> int:
    """A seed that somebody gives. Raises `ParameterError`."""
    found = _read_whole(seed)
    if found is None or found < 0:
        raise ParameterError(f"sampler_seed={shorten(seed)} is no seed: give a whole number from 0 on, or None.")
    return found


def _read_whole(number: object) -> int | None:
    try:
        plain = to_plain(number)
    except ValueError:
        return None
    return plain if isinstance(plain, int) and not isinstance(plain, bool) else None


def _take_parent(definition: DynamicPartitions, values: dict[str, Any]) -> str | None:
    """Take the parent's key out of ``values``; None for a set without parent."""
    if definition.parent is None:
        return None
    column = str(definition.parent_column)
    if column not in values:
        raise ParameterError(
            f"The parent of the keys is not drawn: give it, as in values={{{column!r}: ...}} (--value)."
        )
    return definition.parent.spell_key(values.pop(column))


def _default_of(parameter: Parameter) -> Value:
    if parameter.default is REQUIRED:
        raise ParameterError(
            f"Parameter {parameter.name!r} has no distribution to draw from: give its value, as in "
            f"values={{{parameter.name!r}: ...}} (--value {parameter.name}=...), or declare it with one, as "
            "nbpart.choice([...])."
        )
    return parameter.default


def _draw_units(n: int, method: SampleMethod, seed: int | Sequence[int]) -> Iterator[NDArray[np.float64]]:
    """Points of the unit cube of ``n`` dimensions, some at once, without end."""
    import numpy as np

    generator = np.random.default_rng(seed)
    if method == "random" or n == 0:
        while True:
            yield generator.random((_AT_ONCE, n))
    qmc = _load_qmc(method)
    engine = {"sobol": qmc.Sobol, "halton": qmc.Halton}[method](n, seed=generator)
    while True:
        yield engine.random(_AT_ONCE)


def _load_qmc(method: str) -> Any:
    try:
        from scipy.stats import qmc
    except ImportError:
        raise ExtraRequiredError(
            f"method={method!r} needs scipy: install nbpart[sample], or draw with method='random'."
        ) from None
    return qmc
