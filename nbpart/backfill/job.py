"""The input of a `Runner`: one backfill with its plan, its options and the assets that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.assets.definition import AssetDefinition
from nbpart.backfill.capacity import Limit
from nbpart.backfill.options import SINGLE_RUN, BackfillOptions
from nbpart.backfill.plan import StepTable
from nbpart.backfill.registry import Registry, StepToClaim
from nbpart.backfill.retries import BACKOFF_S, choose_backoff

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Job:
    """One execution of a backfill: all of its steps, or those that a resumed one still has to run.

    ``numbers`` has the number in the catalog of each step of ``steps`` (int64). Of each asset those start first that
    come first.
    """

    backfill_no: int
    backfill_id: str
    registry: Registry
    steps: StepTable
    numbers: NDArray[np.int64]
    options: BackfillOptions

    def extend(self, steps: StepTable, numbers: NDArray[np.int64]) -> Job:
        """The job with more steps of its assets behind all others, with these numbers in the catalog."""
        parts = list(self.steps.assets)
        for part in steps.assets:
            if parts and parts[-1].asset == part.asset:
                parts[-1] = parts[-1].extend(part)
            else:
                parts.append(part)
        return replace(self, steps=StepTable(tuple(parts)), numbers=np.concatenate((self.numbers, numbers)))

    def get_step_to_claim(self, step: int) -> StepToClaim:
        """The partition of a step, by its number in ``steps``."""
        index = int(np.searchsorted(self.steps.offsets, step, side="right")) - 1
        asset = self.steps.assets[index]
        key_id = int(asset.key_ids[step - self.steps.offsets[index]])
        return StepToClaim(step, int(self.numbers[step]), asset.asset, key_id, self.options.runs_fresh)

    @property
    def limits(self) -> list[Limit]:
        """The limits that the options give to assets and tags, each with the assets that it holds for."""
        definitions = [self.registry[a.asset].definition for a in self.steps.assets]
        return [
            Limit(frozenset(d.name for d in definitions if name in (d.name, *d.labels)), most)
            for name, most in self.options.limits.items()
        ]

    def retries(self, asset: str) -> int:
        """How many more attempts a run of an asset gets that failed."""
        given, own = self.options.retries, self.registry[asset].definition.retries
        return given if given is not None else own or 0

    def backoff(self, asset: str, failures: int) -> float:
        """Seconds to wait before the next attempt of a run that failed so many times."""
        given, own = self.options.backoff_s, self.registry[asset].definition.backoff_s
        initial_s = given if given is not None else BACKOFF_S if own is None else own
        return choose_backoff(failures, initial_s)

    @property
    def is_single_run(self) -> bool:
        """Whether one run makes all partitions of an asset that are ready."""
        return self.options.policy == SINGLE_RUN

    def overrides(self, asset: str) -> Mapping[str, Any]:
        """The settings that this backfill gives to an asset in place of its own."""
        settings = self.registry[asset].definition.settings
        return {name: value for name, value in self.options.settings.items() if name in settings}

    def sources(self, asset: str) -> list[AssetDefinition]:
        """The sources that an asset reads."""
        read = (self.registry[one.name].definition for one in self.registry[asset].definition.inputs)
        return [definition for definition in read if definition.is_source]

    def secrets(self, asset: str) -> Mapping[str, Any]:
        """The secrets that the runs of an asset are given."""
        secrets = self.registry[asset].definition.secrets
        return {name: value for name, value in self.options.secrets.items() if name in secrets}
