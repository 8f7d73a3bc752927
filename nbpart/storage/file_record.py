"""The record of one data file: what a run reports of it, and what the catalog keeps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file of a materialization; the main one has the name ''.

    `path` is relative to the workspace; `kind`, `format`, `rows`, `bytes`, `data_version` and `schema` are as in
    `SavedFile`.
    """

    name: str
    kind: str
    format: str | None
    path: str
    rows: int | None = None
    bytes: int | None = None
    data_version: str | None = None
    schema: str | None = None

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FileRecord:
        return cls(**data)
