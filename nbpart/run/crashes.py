"""How a run ends by an error of what executes it, rather than of its notebook."""

from __future__ import annotations

import traceback

from nbpart.errors import NbpartError
from nbpart.run.report import Ending
from nbpart.states import RunStatus


def explain_crash(error: Exception) -> Ending:
    """The ending of a run that such an error ended; nbpart's own errors say all in their message."""
    text = "".join(traceback.format_exception(error)) if not isinstance(error, NbpartError) else None
    message = str(error) or type(error).__name__
    return Ending(RunStatus.FAILED, type(error).__name__, message, traceback=text)
