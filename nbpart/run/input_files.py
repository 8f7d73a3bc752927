"""The data files that a run reads, and what it finds wrong with them."""

from __future__ import annotations

import dataclasses
import shlex
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


def explain_fault(name: str, key: str | None, location: str, fault: FileFault, *, is_value: bool = False) -> str:
    """The sentence of the error for a data file that is not what was recorded: of what, why, and what to do."""
    of = name_data(name, key)
    if fault.is_inconclusive:
        return f"the data of {of} cannot be read ({fault}: {location}); let this user read it."
    again = shlex.join(["nbpart", "backfill", name, *([] if key is None else ["-k", key]), "-s", "all"])
    again = f"ws.value({name!r}, ...)" if is_value else again
    if fault is FileFault.DELETED:
        return f"the data of {of} is gone ({location}); make it again: {again}"
    return f"the data of {of} is not what was saved ({fault}: {location}); make it again: {again}"


def name_data(name: str, key: str | None) -> str:
    """The data of an asset or source as messages name them."""
    return name if key is None else f"{name}, partition {key!r}"
