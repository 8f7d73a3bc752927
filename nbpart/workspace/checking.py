"""Checks as methods of a workspace: which there are, what they say, and judging what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbpart.project.check_runs import CheckResults, run_checks
from nbpart.project.checks import checks_frame, outcomes_frame, remove_check
from nbpart.project.project import Project

if TYPE_CHECKING:
    import pandas as pd


class Checking:
    """The methods of a workspace about checks; `Declaring.check` declares one."""

    project: Project

    def checks(self) -> pd.DataFrame:
        """The checks, one a row, with how many partitions have each outcome now.

        Columns: ``asset, check, kind`` (a function or a cell), ``blocking, severity, passed, warned, failed``,
        ``outdated`` (of these by an earlier version of the check), ``without_outcome`` (of the partitions with data),
        ``description``.
        """
        return checks_frame(self.project)

    def check_outcomes(self, asset: Any, keys: Any = None, *, where: Any = None) -> pd.DataFrame:
        """What the checks of an asset say of the data that its partitions have now, one check and partition a row.

        Columns: ``partition_key, check, outcome`` (passed, warned or failed), ``is_outdated`` (the check was changed
        since), ``message, metadata`` (what it returned, a dict), ``traceback, checked_at, run_id`` (None where it was
        judged alone), ``blocking``. ``keys`` and ``where`` choose partitions as in `plan`. Raises `UnknownNameError`.
        """
        return outcomes_frame(self.project, asset, keys, where)

    def run_checks(
        self,
        selection: Any = "*",
        keys: Any = None,
        *,
        where: Any = None,
        checks: Any = None,
        max_workers: int | None = None,
        timeout_s: float | None = None,
    ) -> CheckResults:
        """Judge the data that partitions have now by the checks of their assets, without making them again.

        ``selection``, ``keys`` and ``where`` choose partitions as in `plan`, ``checks`` names some of the checks. Each
        partition is judged in a kernel of its own, ``max_workers`` at a time (default: the cores), for ``timeout_s``
        seconds at most (default: what a run of the asset may take). A partition without data has no outcome. Checks
        that are cells of a notebook are judged in its runs alone. Returns when all are judged. Raises
        `UnknownNameError` for a key or a check that is not there, `DeclarationError` for an asset without checks.
        """
        return run_checks(
            self.project, selection, keys, where=where, checks=checks, max_workers=max_workers, timeout_s=timeout_s
        )

    def remove_check(self, asset: Any, name: str) -> None:
        """Take a check off an asset; what it said stays recorded. Raises `UnknownNameError`."""
        remove_check(self.project, asset, name)
