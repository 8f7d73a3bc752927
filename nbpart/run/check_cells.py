"""The cells of an executed notebook that are checks: those that its author tagged, and one a function behind them.

An error in such a cell fails that check and not the run; neither does one that takes too long, or ends the kernel, once
all other cells are done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nbpart.assets.check_cells import list_check_cells
from nbpart.run.check_result import CheckResult
from nbpart.run.report import Ending, RunReport
from nbpart.run.spec import RunSpec
from nbpart.run.texts import MOST_MESSAGE, MOST_TRACEBACK, show_text
from nbpart.states import RunStatus

#: The entry of a cell's metadata, and what it holds: the name of the check, and whether the cell itself is the check.
_METADATA, _NAME, _IS_CELL = "nbpart", "check", "is_cell"
#: What may end a run in a check once everything else is done: it fails the check alone.
_OUTSIDE = ("DeadKernel", "TimeoutError")


def add_check_cells(notebook: Any, spec: RunSpec, language: str) -> None:
    """Mark the cells of a notebook that are checks, and add one for each check that is a function."""
    if not spec.checks or language.lower() != "python":
        return
    from nbformat.v4 import new_code_cell

    known = {check.name for check in spec.checks if check.code is None}
    for one in list_check_cells(notebook):
        if one.definition.name in known:
            notebook.cells[one.place].metadata[_METADATA] = {_NAME: one.definition.name, _IS_CELL: True}
    for check in spec.checks:
        if check.code is not None:
            source = f"import nbpart\n\nnbpart.current_run({spec.asset!r}).judge({check.name!r})"
            cell = new_code_cell(source, metadata={_METADATA: {_NAME: check.name}})  # type: ignore[no-untyped-call]
            notebook.cells.append(cell)


def find_check(cell: Mapping[str, Any]) -> str | None:
    """The name of the check that a cell of the executed notebook is; None of any other cell."""
    found = cell.get("metadata", {}).get(_METADATA)
    return found.get(_NAME) if isinstance(found, Mapping) else None


@dataclass
class CheckCells:
    """What became of the cells that are checks, by name: the ending of one that failed, else None.

    ``own``: those that are cells of the notebook itself.
    """

    ended: dict[str, Ending | None] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)

    def end(self, cell: Mapping[str, Any], ending: Ending | None) -> None:
        """Note how a cell ended."""
        name = find_check(cell)
        assert name is not None, "only a check is noted"
        if cell["metadata"][_METADATA].get(_IS_CELL):
            self.own.add(name)
        is_failed = ending is not None and ending.status is not RunStatus.SUCCEEDED  # exit(0) is no failure
        self.ended[name] = ending if is_failed else None

    def forgive(self, ending: Ending, notebook: Any) -> Ending:
        """The ending of a run; a success where only checks were left when its time was over, or its kernel died."""
        place = ending.error_cell
        if ending.status is not RunStatus.FAILED or ending.error_class not in _OUTSIDE or place is None:
            return ending
        left = [cell for cell in notebook.cells[place:] if cell.cell_type == "code" and cell.source.strip()]
        name = find_check(notebook.cells[place])
        if name is None or any(find_check(cell) is None for cell in left):
            return ending
        self.end(notebook.cells[place], ending)
        return Ending(RunStatus.SUCCEEDED, note=f"check {name} was not done: {ending.error_message}")

    def complete(self, spec: RunSpec, report: RunReport) -> RunReport:
        """The report with the results of checks that their cells tell, besides those that the run wrote down itself."""
        if report.members:
            return replace(report, members=self._complete_members(spec, report))
        return replace(report, checks=self._join(spec, report.checks)) if _is_made(report) else report

    def _complete_members(self, spec: RunSpec, report: RunReport) -> dict[int, RunReport]:
        members = dict(report.members)
        for check in spec.checks:
            ending = self.ended.get(check.name)
            without = [
                run_no for run_no, one in members.items()
                if _is_made(one) and all(done.name != check.name for done in one.checks)
            ]  # fmt: skip
            if check.name not in self.ended or (ending is None and check.name not in self.own):
                continue
            # of a function, which judges one after the other, the first that has no result is the one that failed
            for run_no in without if check.name in self.own else without[:1]:
                checks = (*members[run_no].checks, _to_result(check.name, check.version, ending))
                members[run_no] = replace(members[run_no], checks=checks)
        return members

    def _join(self, spec: RunSpec, done: tuple[CheckResult, ...]) -> tuple[CheckResult, ...]:
        known = {result.name: result for result in done}
        for check in spec.checks:
            ending = self.ended.get(check.name)
            if check.name not in known and (ending is not None or check.name in self.own):
                known[check.name] = _to_result(check.name, check.version, ending)
        return tuple(known[check.name] for check in spec.checks if check.name in known)


def _is_made(report: RunReport) -> bool:
    return report.status is RunStatus.SUCCEEDED


def _to_result(name: str, version: str, ending: Ending | None) -> CheckResult:
    if ending is None:
        return CheckResult(name, version, True)
    message = ": ".join(part for part in (ending.error_class, ending.error_message) if part)
    text = None if ending.traceback is None else show_text(ending.traceback, MOST_TRACEBACK)
    return CheckResult(name, version, False, show_text(message, MOST_MESSAGE), text)
