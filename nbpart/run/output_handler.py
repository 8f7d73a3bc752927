"""What is done with the outputs of a run while its notebook saves, logs and loads."""

from __future__ import annotations

from collections.abc import Callable

from nbpart.run.report import RunOutput
from nbpart.run.spec import RunSpec


class OutputHandler:
    """Called by a `RunContext` after each save and log, and for each fault of an input; this one does nothing.

    ``keeps_replaced_files``: whether a file stays in the store when another is saved under its name.
    """

    keeps_replaced_files: bool = False

    def handle_change(self, spec: RunSpec, output: RunOutput) -> tuple[RunSpec, RunOutput]:
        """Called after each save and log, with everything saved and logged so far.

        Returns the spec and the output with which the context goes on, which are those given unless the next files
        belong to another run.
        """
        return spec, output

    def handle_faults(self, output: RunOutput) -> None:
        """Called when a file of an input is not the one that was saved; ``output`` has all faults found so far."""


class CallbackHandler(OutputHandler):
    """Calls ``callback`` with everything saved, logged and found so far, after each change and fault."""

    def __init__(self, callback: Callable[[RunOutput], None]) -> None:
        self._callback = callback

    def handle_change(self, spec: RunSpec, output: RunOutput) -> tuple[RunSpec, RunOutput]:
        self._callback(output)
        return spec, output

    def handle_faults(self, output: RunOutput) -> None:
        self._callback(output)
