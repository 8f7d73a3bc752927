"""One partition of one asset, as everything above the catalog names it."""

from __future__ import annotations

from dataclasses import dataclass

from nbpart.partitions.keys import safe_name

#: The folder of the one partition of an asset that is not partitioned; no key has it.
WHOLE_FOLDER = "_whole"


@dataclass(frozen=True, slots=True)
class PartitionRef:
    """A partition of an asset; ``key`` is None where the asset is not partitioned."""

    asset: str
    key: str | None = None

    @property
    def label(self) -> str:
        """Its name in messages: ``model`` or ``model/depth=3``."""
        return self.asset if self.key is None else f"{self.asset}/{self.key}"

    @property
    def folder(self) -> str:
        """The folder of its files below ``data/`` and ``runs/``: ``<asset>/<safe key>``, or ``<asset>/_whole``."""
        return f"{self.asset}/{WHOLE_FOLDER if self.key is None else safe_name(self.key)}"
