"""An asset that knows its workspace."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbpart.assets.asset import Asset

if TYPE_CHECKING:
    from nbpart.project.backfills import Backfill
    from nbpart.project.runs import Run
    from nbpart.workspace.workspace import Workspace


@dataclass(frozen=True, eq=False, repr=False)
class BoundAsset(Asset):
    """What `Workspace.asset` and `Workspace.notebook` return: the asset, with what can be done with it."""

    workspace: Workspace | None = field(default=None, repr=False)

    @classmethod
    def bind(cls, asset: Asset, workspace: Workspace) -> BoundAsset:
        fields = {f.name: getattr(asset, f.name) for f in dataclasses.fields(Asset)}
        return cls(**fields, workspace=workspace)

    def backfill(
        self,
        *,
        keys: Any = None,
        status: Any = "outdated",
        max_workers: int | None = None,
        retries: int = 0,
        timeout_s: float | None = None,
        settings: dict[str, Any] | None = None,
        **axes: Any,
    ) -> Backfill:
        """Run this asset for every combination of the given parameter values (a list or one value each).

        Where the asset has no partitions yet, it gets a set of its own name, with the types that its parameters cell
        or its arguments show; keys that are new are added. Without values it runs what is outdated of ``keys``.
        Returns at once; ``.wait()`` waits.
        """
        assert self.workspace is not None
        if axes:
            self.workspace._site.check_trust()
            from nbpart.workspace.sweep import add_grid

            keys = add_grid(self.workspace, self, axes)
        return self.workspace.backfill(
            self.name,
            keys,
            status,
            max_workers=max_workers,
            retries=retries,
            timeout_s=timeout_s,
            params=settings,
        )

    def materialize(self, partition_key: Any = None, **params: Any) -> Run:
        """Run one partition now; see `Workspace.materialize`."""
        assert self.workspace is not None
        return self.workspace.materialize(self.name, partition_key, **params)

    def load(self, partition_key: Any = None, **params: Any) -> Any:
        """The data of one partition; see `Workspace.load`."""
        assert self.workspace is not None
        return self.workspace.load(self.name, partition_key, **params)
