"""What a study searches: the distributions of a set's parameters, as Optuna's, and the keys that its answers become."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nbpart.backfill.registry import Node
from nbpart.errors import DeclarationError, ExtraRequiredError
from nbpart.partitions import DynamicPartitions, Value
from nbpart.partitions.distributions import Choice, Distribution, Interval
from nbpart.partitions.key_values import key_parameters
from nbpart.partitions.samples import Sample, read_sample
from nbpart.partitions.values import Kind

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def load_optuna() -> Any:
    """The module `optuna`. Raises `ExtraRequiredError` where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise ExtraRequiredError("A study asks Optuna for its trials: install nbpart[optuna].") from None
    return optuna


@dataclass(frozen=True)
class SearchSpace:
    """The parameters that a study draws, those that it leaves as they are, and the keys that both make."""

    definition: DynamicPartitions
    sample: Sample

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's distribution of each parameter that is drawn."""
        return {name: _to_optuna(one) for name, one in self.sample.drawn.items()}

    def spell(self, asked: Mapping[str, Value]) -> str:
        """The key of the values that were asked for: rounded, with the values of the other parameters."""
        return self.sample.spell({name: one.round(asked[name]) for name, one in self.sample.drawn.items()})

    def take(self, asked: Mapping[str, Any]) -> dict[str, Value]:
        """What a sampler gave, as values of the parameters that are drawn: a sampler may have numpy's numbers."""
        drawn = [one for one in self.sample.parameters if one.name in self.sample.drawn]
        return {one.name: one.canonical(asked[one.name]) for one in drawn}

    def covers(self, key: str) -> bool:
        """Whether a key is a point of it: in a set of children those of one parent are."""
        return self.sample.parent is None or self.definition.split(key)[0] == self.sample.parent

    def read(self, key: str) -> dict[str, Value]:
        """The values of the parameters that are drawn, as a key has them."""
        values = key_parameters(self.definition, key)
        return {name: values[name] for name in self.sample.drawn}

    def decode(self, text: str, key: str) -> dict[str, Value]:
        """The values that were asked for, from their JSON; those of the key where they are not what it was made of."""
        rounded, asked = self.read(key), json.loads(text)
        if all(name in asked and one.round(asked[name]) == rounded[name] for name, one in self.sample.drawn.items()):
            return {name: asked[name] for name in self.sample.drawn}
        return rounded

    def widen(self, values: Mapping[str, Value]) -> dict[str, BaseDistribution] | None:
        """Distributions that have these values too, as bounds may have been others once; None where Optuna has none.

        It cannot be told of a value that is no longer one of a list.
        """
        found = {}
        for name, one in self.sample.drawn.items():
            value = values[name]
            if isinstance(one, Interval) and isinstance(value, int | float):
                if one.is_log and value <= 0:
                    return None
                one = Interval(one.kind, one.is_log, min(one.low, value), max(one.high, value))
            elif not one.contains(value):
                return None
            found[name] = _to_optuna(one)
        return found


def read_space(node: Node, values: Mapping[str, Any] | None) -> SearchSpace:
    """The space that a study of an asset searches; ``values`` are those of parameters that it does not draw.

    Raises `DeclarationError` for an asset without parameters and without distributions, `ParameterError` for values
    that lack or do not fit.
    """
    definition, parameters = node.partitions, node.parameters
    if not isinstance(definition, DynamicPartitions) or parameters is None:
        raise DeclarationError(
            f"{node.name} has no partitions with parameters, which a study could choose: register it with partitions "
            "of ws.dynamic_partitions('trials', params={'lr': nbpart.loguniform(1e-4, 1e-1)})."
        )
    if not any(parameter.distribution for parameter in parameters):
        raise DeclarationError(
            f"no parameter of {definition.set_name!r} has a distribution, so there is nothing to search: declare one, "
            "as in ws.dynamic_partitions('trials', params={'lr': nbpart.loguniform(1e-4, 1e-1)})."
        )
    sample = read_sample(definition, parameters, values, "random")
    if not sample.drawn:
        raise DeclarationError(f"values= gives every parameter of {definition.set_name!r}: there is nothing to search.")
    return SearchSpace(definition, sample)


def _to_optuna(distribution: Distribution) -> BaseDistribution:
    load_optuna()
    from optuna import distributions as kinds

    if isinstance(distribution, Choice):
        options: list[Any] = list(distribution.options)
        return kinds.CategoricalDistribution(options)
    assert isinstance(distribution, Interval), "there are two kinds"
    if distribution.kind is Kind.FLOAT:
        return kinds.FloatDistribution(distribution.low, distribution.high, log=distribution.is_log)
    return kinds.IntDistribution(int(distribution.low), int(distribution.high), log=distribution.is_log)
