"""Looking with a trigger: what it asks for now. An evaluation writes nothing of that; a tick records its demand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from nbpart.automation.demand import Demand
from nbpart.backfill.registry import Registry
from nbpart.catalog import TriggerRecord
from nbpart.project.project import Project


@dataclass(frozen=True)
class Look:
    """What an evaluation may use: the workspace, what is registered in it, the trigger, and the time now."""

    project: Project
    registry: Registry
    trigger: TriggerRecord
    now: datetime


#: What a trigger of a kind asks for; it raises what goes wrong, which becomes the error of the tick.
Evaluate = Callable[[Look], Demand]
