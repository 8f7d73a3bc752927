"""What one execution of a backfill is to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nbpart.backfill.nodes import Registry, Wanted
from nbpart.backfill.options import SINGLE_RUN, BackfillOptions
from nbpart.backfill.plan import StepTable
from nbpart.backfill.schedule import Limit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Job:
    """One execution of a backfill. ``numbers`` are the step numbers in the catalog of the steps of ``steps``."""

    backfill_no: int
    backfill_id: str
    registry: Registry
    steps: StepTable
    numbers: NDArray[np.int64]
    options: BackfillOptions

    def describe_step(self, step: int) -> Wanted:
        """What to claim for a step."""
        index = int(np.searchsorted(self.steps.offsets, step, side="right")) - 1
        asset = self.steps.assets[index]
        key_id = int(asset.key_ids[step - self.steps.offsets[index]])
        return Wanted(step, int(self.numbers[step]), asset.asset, key_id)

    @property
    def limits(self) -> list[Limit]:
        """The limits that the options name, as sets of assets."""
        definitions = [self.registry[a.asset].definition for a in self.steps.assets]
        return [
            Limit(frozenset(d.name for d in definitions if name in (d.name, *(f"tag:{tag}" for tag in d.tags))), most)
            for name, most in self.options.limits.items()
        ]

    @property
    def is_single_run(self) -> bool:
        """Whether one run of an asset makes all its keys that are ready."""
        return self.options.policy == SINGLE_RUN

    def overrides(self, asset: str) -> Mapping[str, Any]:
        """The settings of an asset that this backfill overrides."""
        settings = self.registry[asset].definition.settings
        return {name: value for name, value in self.options.settings.items() if name in settings}

    def secrets(self, asset: str) -> Mapping[str, Any]:
        """The secrets that the runs of an asset are given."""
        secrets = self.registry[asset].definition.secrets
        return {name: value for name, value in self.options.secrets.items() if name in secrets}
