"""A check as it is registered: what the catalog keeps of it, and what a run is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from nbpart.assets.source_reading import FunctionCode

Severity = Literal["error", "warn"]
#: What makes a check: a function that was declared, or a cell of the asset's notebook that is tagged.
CheckKind = Literal["function", "cell"]


@dataclass(frozen=True)
class CheckArgument:
    """What an argument of a check is given: ``kind`` is ``data`` for what the partition holds, ``key``, ``window``,
    ``run``, ``column`` or ``input``."""

    name: str
    kind: str


@dataclass(frozen=True)
class CheckDefinition:
    """A check as it is registered: ``version`` is that of its code, ``code`` that of a function.

    Only ``version`` says whether an outcome is outdated: how grave a failure is may change without that.
    """

    name: str
    kind: CheckKind
    version: str
    blocking: bool = False
    severity: Severity = "error"
    description: str = ""
    code: FunctionCode | None = None
    arguments: tuple[CheckArgument, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether what reads a partition is held back where it fails."""
        return self.blocking and self.severity == "error"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs of its asset that it reads too, by the arguments of that."""
        return tuple(argument.name for argument in self.arguments if argument.kind == "input")

    def with_paths(self, change: Callable[[str], str]) -> CheckDefinition:
        """The same with each path of its code changed."""
        return replace(self, code=self.code and self.code.with_paths(change))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CheckDefinition:
        """Read `to_json` back; fields that a newer version added are ignored."""
        known = {name: value for name, value in data.items() if name in cls.__dataclass_fields__}
        code = FunctionCode(**known["code"]) if known.get("code") else None
        arguments = tuple(CheckArgument(**one) for one in known.get("arguments", ()))
        return cls(**{**known, "code": code, "arguments": arguments})
