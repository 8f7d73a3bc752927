"""The objects that a user works with: the workspace, and what its methods return."""

from nbpart.project.backfills import Backfill, Backfills
from nbpart.project.partition_set import PartitionSet
from nbpart.project.plans import Plan
from nbpart.project.runs import Run
from nbpart.workspace.current import current_run
from nbpart.workspace.opening import open
from nbpart.workspace.workspace import Workspace

__all__ = ["Backfill", "Backfills", "PartitionSet", "Plan", "Run", "Workspace", "current_run", "open"]
