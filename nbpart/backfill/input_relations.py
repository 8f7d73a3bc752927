"""The relations of assets and their inputs, from the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nbpart.assets.definition import Input
from nbpart.backfill.plan import relate_plainly
from nbpart.backfill.registry import Registry
from nbpart.catalog import Batch
from nbpart.catalog.join_sides import Join, open_join
from nbpart.catalog.join_windows import count_lacking
from nbpart.catalog.joins import relate
from nbpart.partitions.mapping import AllKeys, By, Overlap, Previous, Same, Whole
from nbpart.partitions.relation import Relation

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class InputRelations:
    """How assets of ``registry`` read each other, asked of the catalog in one batch."""

    batch: Batch
    registry: Registry

    def join(self, asset: str, read: Input) -> Join:
        """The join of an asset and one of its inputs."""
        return open_join(self.batch, read.mapping, self.registry[asset].set_id, self.registry[read.name].set_id)

    def relate(self, asset: str, read: Input, readers: NDArray[np.int64], inputs: NDArray[np.int64]) -> Relation:
        """The relation of the keys of an asset and of an input with these ids."""
        if isinstance(read.mapping, Same | Whole | AllKeys):
            return relate_plainly(asset, read, readers, inputs)
        return relate(self.batch, self.join(asset, read), readers, inputs)

    def lacks_required(self, asset: str, read: Input, readers: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these keys of an asset require a window of the input that is no partition."""
        if not isinstance(read.mapping, Overlap | Previous | By):
            return np.zeros(len(readers), bool)
        return count_lacking(self.batch, self.join(asset, read), readers).required > 0
