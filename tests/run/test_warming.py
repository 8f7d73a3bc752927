"""What a first run would do first."""

from __future__ import annotations

from nbformat import validator

from nbpart.run.warming import execute_once


def test_a_notebook_that_nobody_executes_goes_through_all_that_a_run_needs() -> None:
    execute_once()
    assert validator.get_validator(4, 5) is validator.get_validator(4, 5)
