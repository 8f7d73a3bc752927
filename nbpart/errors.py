"""Every error that nbpart raises on purpose.

    NbpartError
    ├── DeclarationError (ValueError)        an asset, source, partitions definition or sensor is declared wrongly
    │   ├── CarryError                       a function of a notebook cell names something that cannot be carried
    │   └── CycleError                       assets would read each other in a circle
    ├── PartitionKeyError (ValueError)       a text that cannot be a partition key
    ├── ParameterError (ValueError)          parameter values that do not fit their declaration
    ├── ConditionError (ValueError)          a condition that cannot be asked of the partitions of an asset
    ├── UnknownNameError (LookupError)       no such asset, key, run, backfill, trigger ...
    ├── MissingInputError (LookupError)      data that is to be loaded was never made, or is gone
    ├── UnreadableDataError (RuntimeError)   data that is there as it was saved, and cannot be loaded here
    ├── UnsupportedTypeError (TypeError)     a value that cannot be saved
    ├── RecordingError (ValueError)          the outcome of a run cannot be recorded
    ├── WorkspaceError (OSError)             the directory cannot be a workspace
    │   ├── OutsideWorkspaceError            a record names a file that is not inside the workspace
    │   ├── UntrustedWorkspaceError (PermissionError)  code of a workspace that this user neither made nor trusts
    │   └── LocksUnsupportedError            its file system has no locks
    ├── CatalogError (RuntimeError)          the catalog cannot be read or written
    │   ├── CatalogBusyError (TimeoutError)  another process holds it for too long
    │   ├── CatalogDiskError (OSError)       its disk is full, or cannot be read or written
    │   └── CatalogVersionError              it was made by a newer nbpart
    ├── RunFailedError (RuntimeError)        a run ended in an error
    ├── TriggerFailedError (RuntimeError)    a sensor or another trigger failed when it looked
    ├── WatchedError (RuntimeError)          another process watches the workspace already
    ├── BackfillFailedError (RuntimeError)   steps of a backfill failed or were blocked
    └── ExtraRequiredError (ImportError)     an optional package is needed

A message says what happened, to which asset and key, and what to do next.
"""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Iterable
from typing import Any, TypeVar

# comparing takes some 20 µs a name, and a set of keys can have a million
_MOST_COMPARED = 10_000


class NbpartError(Exception):
    """The base class of all errors of nbpart. They can be pickled and keep their attributes."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else type(self).__name__


class DeclarationError(NbpartError, ValueError):
    """An asset, source, partitions definition or sensor is declared wrongly."""


class CarryError(DeclarationError):
    """A function of a notebook cell names something that cannot be carried into its notebook."""


class CycleError(DeclarationError):
    """Assets would read each other in a circle."""


class PartitionKeyError(NbpartError, ValueError):
    """A text that cannot be a partition key."""


class ParameterError(NbpartError, ValueError):
    """Parameter values that do not fit their declaration."""


class ConditionError(NbpartError, ValueError):
    """A condition that cannot be asked of partitions: what it holds, names or compares."""


class UnknownNameError(NbpartError, LookupError):
    """No such asset, source, key, run, backfill or trigger."""


class MissingInputError(NbpartError, LookupError):
    """Data that is to be loaded was never made, or is gone."""


class UnreadableDataError(NbpartError, RuntimeError):
    """Data that is there as it was saved cannot be loaded here: other versions of packages, types of no trust."""


class UnsupportedTypeError(NbpartError, TypeError):
    """A value that cannot be saved as partition data."""


class RecordingError(NbpartError, ValueError):
    """The outcome of a run cannot be recorded: it holds a value that the catalog cannot, or is that of another run."""


class WorkspaceError(NbpartError, OSError):
    """The directory cannot be, or is not, a workspace."""


class OutsideWorkspaceError(WorkspaceError):
    """A path leads out of a workspace, by its text or through a link: nothing is read or written there."""


class UntrustedWorkspaceError(WorkspaceError, PermissionError):
    """The code that a workspace holds may not run: this user neither made the workspace nor trusts it."""


class LocksUnsupportedError(WorkspaceError):
    """The workspace's file system has no file locks."""


class CatalogError(NbpartError, RuntimeError):
    """The catalog cannot be read or written."""


class CatalogBusyError(CatalogError, TimeoutError):
    """Another process holds the catalog for longer than the time-out."""


class CatalogDiskError(CatalogError, OSError):
    """The catalog's disk is full, or cannot be read or written."""


class CatalogVersionError(CatalogError):
    """The catalog was made by a newer nbpart."""


class RunFailedError(NbpartError, RuntimeError):
    """A run ended in an error.

    Attributes: ``run_id``, ``asset``, ``partition_key``, ``error_class``, ``error_message``, ``traceback``.
    """

    run_id: str
    asset: str
    partition_key: str | None
    error_class: str
    error_message: str
    traceback: str


class TriggerFailedError(NbpartError, RuntimeError):
    """A trigger failed when it looked, and nothing of what it would have asked for was recorded.

    Attributes: ``trigger`` is its name; ``error_class`` and ``traceback`` are those of what its function raised, ""
    where it raised nothing; ``printed`` is what it printed.
    """

    trigger: str = ""
    error_class: str = ""
    traceback: str = ""
    printed: str = ""


class WatchedError(NbpartError, RuntimeError):
    """Another process watches the workspace already: there is one watcher a workspace."""


class BackfillFailedError(NbpartError, RuntimeError):
    """Steps of a backfill failed or were blocked; ``backfill_id`` names it."""

    backfill_id: str


class ExtraRequiredError(NbpartError, ImportError):
    """An optional package is needed; the message names the extra to install."""


E = TypeVar("E", RunFailedError, TriggerFailedError)


def make_run_error(
    message: str,
    *,
    run_id: str,
    asset: str,
    partition_key: str | None,
    error_class: str,
    error_message: str,
    traceback: str,
) -> RunFailedError:
    """Return the error to raise for a failed run.

    Where the notebook raised a builtin exception the result is an instance of that class too, so that
    ``except ValueError`` around ``ws.materialize`` catches it.
    """
    error = _combine(RunFailedError, error_class, message)
    error.run_id, error.asset, error.partition_key = run_id, asset, partition_key
    error.error_class, error.error_message, error.traceback = error_class, error_message, traceback
    return error


def make_trigger_error(
    message: str, *, trigger: str, error_class: str = "", traceback: str = "", printed: str = ""
) -> TriggerFailedError:
    """Return the error to raise for a trigger that failed.

    It is an instance of the builtin exception too that its function raised.
    """
    error = _combine(TriggerFailedError, error_class, message)
    error.trigger, error.error_class, error.traceback, error.printed = trigger, error_class, traceback, printed
    return error


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: "did you mean 'model'?", or which names there are."""
    known = sorted({str(k) for k in known})
    if len(known) > _MOST_COMPARED:
        return f"there are {len(known):,} others."
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    if not known:
        return "there is none yet."
    shown = ", ".join(repr(k) for k in known[:8])
    return f"there is {shown}{', …' if len(known) > 8 else ''}."


def _combine(kind: type[E], error_class: str, message: str) -> E:
    """An error of a kind that is an instance of a builtin exception too, where the name of one is given."""
    raised = getattr(builtins, error_class, None)
    if not (isinstance(raised, type) and issubclass(raised, Exception)) or issubclass(kind, raised):
        return kind(message)
    try:
        both = type(kind.__name__, (kind, raised), {"__reduce__": lambda self: _reduce(kind, self)})
        error: E = both(message)
    except TypeError:  # a builtin that cannot be combined, or not be made of a message alone (ExceptionGroup)
        return kind(message)
    if isinstance(error, SyntaxError):
        error.msg = message  # a traceback shows this one instead of str(error)
    return error


def _reduce(kind: type[E], error: E) -> tuple[Any, ...]:
    return (_rebuild, (kind, error.error_class, str(error), error.__dict__))


def _rebuild(kind: type[E], error_class: str, message: str, attributes: dict[str, Any]) -> E:
    error = _combine(kind, error_class, message)
    error.__dict__.update(attributes)
    return error
