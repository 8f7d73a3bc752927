"""A check as a run is told of it, and what it came to for one partition, as it is reported and recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nbpart.assets.check_definition import CheckArgument
from nbpart.assets.source_reading import FunctionCode


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: ``version`` is that of its code. ``message`` says why it failed, or more of a success.

    ``metadata`` is what it found, as plain JSON; ``traceback`` that of an error that it raised.
    """

    name: str
    version: str
    passed: bool
    message: str | None = None
    traceback: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CheckResult:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A check as a run is told of it; ``code`` is None where it is a cell of the notebook."""

    name: str
    version: str
    code: FunctionCode | None = None
    arguments: tuple[CheckArgument, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CheckSpec:
        code = FunctionCode(**data["code"]) if data["code"] else None
        arguments = tuple(CheckArgument(**one) for one in data["arguments"])
        return cls(data["name"], data["version"], code, arguments)
