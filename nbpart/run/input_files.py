"""The data files that a run reads, and what it finds wrong with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from nbpart.storage.integrity import FileFault


class InputFile(NamedTuple):
    """A data file of an input; it is read only where it still has the size and the version that were recorded.

    `bytes` and `data_version` are those of its `SavedFile`, None where they are not known; `written_with` is the
    `schema` of one in a named format.
    """

    location: str
    format: str
    bytes: int | None = None
    data_version: str | None = None
    written_with: str | None = None


@dataclass(frozen=True, slots=True)
class InputFault:
    """A data file of an input that is not what was recorded: `file` is '' for the main one."""

    materialization_id: int
    file: str
    fault: FileFault

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> InputFault:
        return cls(data["materialization_id"], data["file"], FileFault(data["fault"]))
