"""The workspace that `nbpart.open` returns inside a run: declarations work, but nothing is registered or read.

So a module that declares assets at its top can be imported by the runs of these assets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbpart.assets.asset import Asset, Source
from nbpart.errors import DeclarationError
from nbpart.partitions import (
    AddKeysRequest,
    DeleteKeysRequest,
    DynamicPartitions,
    Param,
    Parameters,
    PartitionsDefinition,
    spell_keys,
)
from nbpart.partitions.declaration import as_part
from nbpart.partitions.samples import SampleMethod
from nbpart.run.modules import SPEC_VARIABLE
from nbpart.workspace.declaring import Declaring


def is_inside_run() -> bool:
    """Whether this process executes a run of nbpart."""
    return bool(os.environ.get(SPEC_VARIABLE))


class InertWorkspace(Declaring[Asset]):
    """A workspace that only declares; any other method raises `DeclarationError`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        return self._root

    def dynamic_partitions(
        self,
        name: str,
        params: Mapping[str, Any] | Parameters | None = None,
        *,
        columns: Mapping[str, Any] | None = None,
        under: Mapping[str, Any] | None = None,
    ) -> InertPartitions:
        return InertPartitions(DynamicPartitions(name, params, columns, under))

    def partitions(self, partitions: PartitionsDefinition | InertPartitions | str) -> InertPartitions:
        definition = DynamicPartitions(partitions) if isinstance(partitions, str) else as_part(partitions)
        return InertPartitions(definition)

    def register(self, *items: Any) -> None:
        """Do nothing: the process that started this run has registered them."""

    def set_limits(self, limits: Mapping[str, int | None]) -> None:
        """Do nothing: they are set already."""

    def _register_source(self, declared: Source) -> Source:
        return declared

    def _register_assets(self, declared: Sequence[Asset]) -> list[Asset]:
        return list(declared)

    def _give_value(self, source: Source, value: Any) -> None:
        """Do nothing: it is saved already."""

    def close(self, timeout_s: float | None = None) -> None:
        """Do nothing: nothing is open."""

    def __enter__(self) -> InertWorkspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise DeclarationError(
            f"inside a run the workspace can only declare, so ws.{name} is not there; "
            "read inputs with nbpart.current_run().load(name), and call ws from the notebook that starts runs."
        )


class InertPartitions:
    """Partitions inside a run: a definition for assets, with no keys; what changes them does nothing."""

    def __init__(self, definition: PartitionsDefinition) -> None:
        self.definition = definition
        self.name = definition.set_name

    @property
    def parameters(self) -> Parameters | None:
        return self.definition.parameters

    @property
    def params(self) -> dict[str, Param]:
        return self.parameters.as_declared() if self.parameters else {}

    def spell(self, *keys: Any) -> list[str]:
        return [text for some in keys for text in spell_keys(self.definition, some)]

    def build_add_request(self, *keys: Any) -> AddKeysRequest:
        return self._dynamic.build_add_request(*keys)

    def build_delete_request(self, *keys: Any) -> DeleteKeysRequest:
        return self._dynamic.build_delete_request(*keys)

    def page(self, offset: int = 0, limit: int = 100) -> list[str]:
        return []

    def __contains__(self, key: object) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def add(self, *_: Any, **params: Any) -> list[str]:
        return []

    def add_grid(self, **axes: Any) -> list[str]:
        return []

    def add_rows(self, _: Any, *, key: str | None = None) -> list[str]:
        return []

    def add_sample(
        self,
        _: int,
        *,
        sampler_seed: int | None = None,
        values: Mapping[str, Any] | None = None,
        method: SampleMethod = "random",
    ) -> list[str]:
        return []

    def remove(
        self,
        *_: Any,
        where: Any = None,
        delete_data: bool = False,
        reason: str = "",
        dry_run: bool = False,
        **params: Any,
    ) -> list[str]:
        return []

    def replace(self, _: Any, *, at_most: int | None = None, reason: str = "") -> None:
        """Do nothing: the process that started this run has done it."""

    def rename(self, old: Any, new: Any) -> None:
        """Do nothing: the process that started this run has done it."""

    @property
    def _dynamic(self) -> DynamicPartitions:
        if not isinstance(self.definition, DynamicPartitions):
            raise DeclarationError(f"{self.name!r} makes its keys itself; only dynamic partitions take others.")
        return self.definition
