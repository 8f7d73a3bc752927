"""How a source is looked at and read: what its definition holds beside its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SourceReading:
    """``version`` says by what a file is taken to be another one: ``"hash"``, ``"etag"`` or ``"size+mtime"``.

    ``storage_options`` are the options of its file system as they are recorded: without what may be secret.
    """

    version: str = "hash"
    storage_options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SourceReading:
        """Read what `dataclasses.asdict` made; fields that a newer version added are ignored."""
        return cls(**{name: value for name, value in data.items() if name in cls.__dataclass_fields__})
