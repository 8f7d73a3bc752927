"""Making the notebook of a run from its journal when nothing is left of the processes that executed it."""

from __future__ import annotations

import os
from pathlib import Path

from nbpart.run.execution_options import OutputTargets
from nbpart.run.injected_notebook import load_injected_notebook
from nbpart.run.journal_follower import JournalFollower
from nbpart.run.redaction import Redactor
from nbpart.run.report import Ending
from nbpart.run.saved_files import describe_run, save_notebook
from nbpart.run.spec import RunSpec
from nbpart.run.streams import MOST_PRINTED, StreamOutputs
from nbpart.states import RunStatus
from nbpart.storage.own_files import open_own


def recover_notebook(path: Path) -> bool:
    """Write the notebook of the run whose spec was left at ``path``, with every output that its journal has.

    Returns whether there was a journal. Nothing but what the workspace itself holds is read.
    """
    spec = RunSpec.read(path)
    try:
        journal = open_own(spec.journal)
    except FileNotFoundError:
        return False
    redactor = Redactor({})  # a run with secrets has no journal that outlives it
    targets = OutputTargets(
        save=lambda nb: save_notebook(nb, spec, redactor),
        write=lambda text: None,
        about=describe_run(spec),
        autosave_s=None,
        streams=StreamOutputs(MOST_PRINTED, spec.log),
    )
    try:
        follower = JournalFollower(load_injected_notebook(spec)[0], targets, journal)
        follower.follow()
        message = "the process that coordinated this run died"
        follower.finish(Ending(RunStatus.INTERRUPTED, "Interrupted", message, follower.running_cell))
    finally:
        os.close(journal)
    return True
