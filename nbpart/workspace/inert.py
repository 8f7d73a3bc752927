"""The workspace that `nbpart.open` returns inside a run: declarations work, but nothing is registered or read.

So a module that declares assets at its top can be imported by the runs of these assets.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nbpart.assets.asset import Asset
from nbpart.errors import DeclarationError
from nbpart.partitions import AddKeysRequest, DeleteKeysRequest, DynamicPartitions, Parameters, spell_keys
from nbpart.run.modules import SPEC_VARIABLE
from nbpart.workspace.declaring import Declaring


def is_inside_run() -> bool:
    """Whether this process executes a run of nbpart."""
    return bool(os.environ.get(SPEC_VARIABLE))


class InertWorkspace(Declaring[Asset]):
    """A workspace that only declares; any other method raises `DeclarationError`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def dynamic_partitions(self, name: str, params: Mapping[str, Any] | Parameters | None = None) -> InertPartitions:
        return InertPartitions(DynamicPartitions(name, params))

    def register(self, *items: Any) -> None:
        """Do nothing: the process that started this run has registered them."""

    def set_limits(self, limits: Mapping[str, int | None]) -> None:
        """Do nothing: they are set already."""

    def _register_asset(self, declared: Asset) -> Asset:
        return declared

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
    """Dynamic partitions inside a run: a definition for assets, with no keys; adding and removing does nothing."""

    def __init__(self, definition: DynamicPartitions) -> None:
        self.definition = definition
        self.name = definition.name

    @property
    def parameters(self) -> Parameters | None:
        return self.definition.parameters

    def spell(self, *keys: Any) -> list[str]:
        return [text for some in keys for text in spell_keys(self.definition, some)]

    def build_add_request(self, *keys: Any) -> AddKeysRequest:
        return self.definition.build_add_request(*keys)

    def build_delete_request(self, *keys: Any) -> DeleteKeysRequest:
        return self.definition.build_delete_request(*keys)

    def page(self, offset: int = 0, limit: int = 100) -> list[str]:
        return []

    def __contains__(self, key: object) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def add(self, *_: Any, **__: Any) -> list[str]:
        return []

    def add_grid(self, **_: Any) -> list[str]:
        return []

    def add_rows(self, _: Any) -> list[str]:
        return []

    def remove(self, *_: Any, **__: Any) -> list[str]:
        return []
