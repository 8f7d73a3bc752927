"""A declaration made whole: everything that another process needs to plan and run an asset.

It is what the catalog keeps, as JSON, beside the snapshot of the code.
"""

from __future__ import annotations

from collections.abc import Mapping as Dict
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nbpart.partitions import Mapping


@dataclass(frozen=True)
class Input:
    """One asset or source that an asset reads, and which of its keys."""

    name: str
    mapping: Mapping


@dataclass(frozen=True)
class AssetDefinition:
    """An asset or source as registered.

    ``set_name`` is ``""`` where it is not partitioned. ``path`` is the notebook's file or the source's pattern,
    ``folder`` the working directory of its runs, ``snapshot`` the notebook that runs (relative to the workspace),
    ``modules`` the local modules that were kept with it: name -> (snapshot, original file), ``settings`` what a
    backfill may override: name -> default, ``secrets`` those of them whose values are recorded nowhere.
    """

    name: str
    kind: str
    set_name: str = ""
    inputs: tuple[Input, ...] = ()
    code_version: str = ""
    folder: str = ""
    path: str | None = None
    snapshot: str | None = None
    import_roots: tuple[str, ...] = ()
    modules: Dict[str, tuple[str, str]] = field(default_factory=dict)
    settings: Dict[str, Any] = field(default_factory=dict)
    deps: tuple[str, ...] = ()
    on_missing_input: str = "block"
    description: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    timeout_s: float | None = None
    kernel_name: str | None = None
    language: str = "python"
    origin: str = ""
    secrets: tuple[str, ...] = ()

    @property
    def is_source(self) -> bool:
        return self.kind == "source"

    @property
    def is_partitioned(self) -> bool:
        return bool(self.set_name)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Dict[str, Any]) -> AssetDefinition:
        """Read `to_json` back; fields that a newer version added are ignored."""
        known = {k: v for k, v in data.items() if k in cls.__dataclass_fields__}
        made = cls(**known)
        return replace(
            made,
            inputs=tuple(Input(i["name"], Mapping(i["mapping"])) for i in known.get("inputs", ())),
            import_roots=tuple(made.import_roots),
            modules={name: (pair[0], pair[1]) for name, pair in made.modules.items()},
            deps=tuple(made.deps),
            tags=tuple(made.tags),
            secrets=tuple(made.secrets),
        )
