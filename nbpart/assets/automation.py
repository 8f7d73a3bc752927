"""What declares that an asset asks for its partitions by itself: `eager` and `on_missing`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nbpart.assets.numbers import check_count, read_interval
from nbpart.errors import DeclarationError
from nbpart.partitions.filters import Condition, read_condition

#: Without another number `on_missing` asks for so many partitions a tick.
DEFAULT_AT_MOST = 50


@dataclass(frozen=True)
class Automation:
    """Which partitions of its asset it asks for: what became outdated (``eager``), or all that is missing.

    ``quiet_s`` is how long nothing that they read may have changed, in seconds; ``at_most`` are asked for in one tick.
    """

    kind: Literal["eager", "on_missing"]
    quiet_s: float = 0.0
    at_most: int | None = None
    where: Condition | None = None

    def to_json(self) -> dict[str, Any]:
        where = self.where and self.where.to_json()
        return {"kind": self.kind, "quiet_s": self.quiet_s, "at_most": self.at_most, "where": where}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Automation:
        """Read `to_json` back."""
        where = data["where"] and Condition.from_json(data["where"])
        return cls(data["kind"], data["quiet_s"], data["at_most"], where)

    def __repr__(self) -> str:
        quiet = f"quiet={self.quiet_s:g}" if self.quiet_s else ""
        at_most = f"at_most={self.at_most}" if self.at_most else ""
        where = f"where={self.where.text!r}" if self.where else ""
        return f"<nbpart {self.kind}({', '.join(filter(None, [quiet, at_most, where]))})>"


def eager(*, quiet: str | float | None = None, where: Any = None) -> Automation:
    """An asset that asks for what became missing or stale after this was declared, as soon as all it reads is there.

    That is in every window; what was outdated before is asked for when something that it reads changes. With ``quiet``
    (``"10m"``, or seconds) a partition is asked for once nothing that it reads has changed for so long, and at the
    latest six times so long after the first change. ``where`` is a condition on the partitions (see `Workspace.plan`).
    What failed or was cancelled waits for a change of its code or of what it reads. Raises `DeclarationError` for a
    ``quiet`` that is no interval, `ConditionError` for a ``where`` that is none.
    """
    quiet_s = 0.0 if quiet is None else read_interval(quiet, "quiet")
    return Automation("eager", quiet_s, where=None if where is None else read_condition(where))


def on_missing(*, at_most: int = DEFAULT_AT_MOST) -> Automation:
    """An asset that asks for all that is missing, also what was so before this was declared, the newest first.

    In one tick it looks at ``at_most`` partitions, and asks for those for which all that they read is there. Raises
    `DeclarationError`.
    """
    return Automation("on_missing", at_most=check_count("at_most", at_most, 1))


def check_automation(asset: str, given: Any) -> None:
    """Raise `DeclarationError` for what is no automation of an asset."""
    if not (given is None or isinstance(given, Automation)):
        raise DeclarationError(
            f"asset {asset!r}: automation is nbpart.eager() or nbpart.on_missing(at_most=50), not {given!r:.60}."
        )
