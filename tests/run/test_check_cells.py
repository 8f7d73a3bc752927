"""What becomes of a run by the cells that are checks."""

from __future__ import annotations

import datetime
from typing import Any

import nbformat
import pytest

from nbpart.assets.source_reading import FunctionCode
from nbpart.run.check_cells import CheckCells, add_check_cells, find_check
from nbpart.run.check_result import CheckResult, CheckSpec
from nbpart.run.report import SUCCEEDED, Ending, RunReport
from nbpart.run.spec import RunSpec
from nbpart.states import RunStatus

NOW = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
DEAD = Ending(RunStatus.FAILED, "DeadKernel", "the kernel died", error_cell=1)
CHECKS = (CheckSpec("is_large", "v1"), CheckSpec("no_gaps", "v2", FunctionCode("no_gaps", "", "v2", source="")))


def spec_of(*checks: CheckSpec) -> RunSpec:
    return RunSpec("r", 1, "orders", "a", "n.ipynb", ".", "o.ipynb", "l", "data/x", "rep", "/ws", checks=checks)


def notebook() -> Any:
    """A notebook with a cell of its own, a check, and what is added for the checks that are functions."""
    cells = [
        nbformat.v4.new_code_cell(s, metadata={"tags": t}) for s, t in (("x = 1", []), ("# is large\nx", ["check"]))
    ]
    made = nbformat.v4.new_notebook(cells=cells)
    add_check_cells(made, spec_of(*CHECKS), "python")
    return made


def report(**more: Any) -> RunReport:
    common = {"run_id": "r", "attempt": 1, "started_at": NOW, "finished_at": NOW, "status": RunStatus.SUCCEEDED}
    return RunReport(**(common | more))


def test_cells_are_marked_and_functions_get_cells_behind_them() -> None:
    made = notebook()
    assert [find_check(cell) for cell in made.cells] == [None, "is_large", "no_gaps"]
    assert made.cells[2].source == "import nbpart\n\nnbpart.current_run('orders').judge('no_gaps')"
    nbformat.validate(made)
    other = nbformat.v4.new_notebook()
    add_check_cells(other, spec_of(*CHECKS), "R")
    assert not other.cells


def test_what_ends_the_run_in_a_check_fails_the_check_where_nothing_else_is_left() -> None:
    cells, made = CheckCells(), notebook()
    forgiven = cells.forgive(DEAD, made)
    assert (forgiven.status, forgiven.note) == (RunStatus.SUCCEEDED, "check is_large was not done: the kernel died")
    done = cells.complete(spec_of(*CHECKS), report())
    assert [(one.name, one.passed, one.message) for one in done.checks] == [
        ("is_large", False, "DeadKernel: the kernel died")
    ]


@pytest.mark.parametrize(
    "ending",
    [
        SUCCEEDED,
        Ending(RunStatus.FAILED, "DeadKernel", "the kernel died", error_cell=0),
        Ending(RunStatus.FAILED, "DeadKernel", "while it started"),
        Ending(RunStatus.CANCELLED, "Cancelled", "the run was cancelled", error_cell=1),
    ],
)
def test_what_ends_it_elsewhere_stays_so(ending: Ending) -> None:
    assert CheckCells().forgive(ending, notebook()) == ending


def test_with_other_cells_behind_the_check_the_run_has_failed() -> None:
    made = notebook()
    made.cells.append(nbformat.v4.new_code_cell("y = 2"))
    assert CheckCells().forgive(DEAD, made) == DEAD


def test_what_the_kernel_wrote_down_counts_before_what_its_cell_tells() -> None:
    cells, made = CheckCells(), notebook()
    cells.end(made.cells[1], None)
    cells.end(made.cells[2], None)
    own = CheckResult("no_gaps", "v2", False, "gaps=3", None, {"gaps": 3})
    assert cells.complete(spec_of(*CHECKS), report(checks=(own,))).checks == (CheckResult("is_large", "v1", True), own)
    assert cells.complete(spec_of(*CHECKS), report()).checks == (CheckResult("is_large", "v1", True),), "no word of it"
    failed = report(status=RunStatus.FAILED)
    assert cells.complete(spec_of(*CHECKS), failed) == failed
    cells.end(made.cells[1], Ending(RunStatus.SUCCEEDED, note="cell 2 ended the run by exit(0)"))
    assert cells.complete(spec_of(*CHECKS), report()).checks[0].passed


def test_of_a_run_of_many_a_cell_judges_all_that_was_made_and_a_dead_function_the_first_without_a_word() -> None:
    cells, made = CheckCells(), notebook()
    cells.end(made.cells[1], None)
    cells.end(made.cells[2], DEAD)
    own = CheckResult("no_gaps", "v2", True)
    members = {1: report(checks=(own,)), 2: report(status=RunStatus.FAILED), 3: report(), 4: report()}
    done = cells.complete(spec_of(*CHECKS), report(members=members)).members
    assert {n: [(one.name, one.passed) for one in member.checks] for n, member in done.items()} == {
        1: [("no_gaps", True), ("is_large", True)],
        2: [],
        3: [("is_large", True), ("no_gaps", False)],
        4: [("is_large", True)],
    }
