"""One notebook in one forked kernel, which executes it in its own process: its start, its limits, and its end.

Nothing is asked of the kernel while it runs. What it does is in its journal, and where it dies the rest is done from
that; see `child_run` for the other side.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from nbpart.run.cell_loop import explain_late_stop, explain_stop
from nbpart.run.check_cells import CheckCells
from nbpart.run.child_messages import (
    DONE,
    FAILED,
    FOLLOW_AFTER_S,
    GO,
    KEPT,
    STOP,
    WRITING,
    WRITTEN,
    decode_checks,
    decode_ending,
    encode_ending,
)  # fmt: skip
from nbpart.run.execution_options import KernelSetup, Limits, OutputTargets
from nbpart.run.journal_follower import JournalFollower
from nbpart.run.kernels import wire
from nbpart.run.kernels.forked_kernel import ForkedKernel, PrewarmError, Usage
from nbpart.run.kernels.forking import fork_kernel
from nbpart.run.kernels.launch import run_environment
from nbpart.run.kernels.processes import kill_run
from nbpart.run.kernels.usage import read_usage
from nbpart.run.last_output import RecentText, explain_death, read_past_streams
from nbpart.run.modules import MARK_VARIABLE
from nbpart.run.report import Ending

#: How a run was executed: in the own process of a kernel that was forked, without sockets.
PREWARMED = "prewarmed"
#: How often it is asked whether to stop, where somebody may want it without saying so.
_TICK_S = 0.2
#: How often the notebook on disk follows what a run does, from `FOLLOW_AFTER_S` on.
_FOLLOW_S = 0.5
#: How long a kernel that was interrupted may take to write its notebook, in seconds.
_WRITE_LIMIT_S = 5.0
_TERM_LIMIT_S, _KILL_LIMIT_S = 1.0, 10.0

_logger = logging.getLogger("nbpart.run")


class NotebookSource(Protocol):
    """Where the notebook of an execution comes from, and who writes it."""

    #: Whether the kernel writes the log and the executed notebook itself.
    is_written_by_kernel: bool

    def open_journal(self) -> int:
        """A descriptor of a new file, for reading and appending."""

    def describe(self) -> tuple[dict[str, Any], dict[str, int]]:
        """The task of the kernel, and the descriptors that it is given besides."""

    def load(self) -> Any:
        """The notebook that is executed, as the kernel has it."""

    def find_missing(self, text: RecentText) -> str:
        """What the log lacks of the text that was recorded."""

    def close(self) -> None:
        """Close what `open_journal` and `describe` opened; a journal that was read is removed."""


class ForkedExecution:
    """The execution of one notebook in a forked kernel, from the kernel's start to its end; see `Execution`.

    `should_stop` is asked after `wake`, and several times a second where it `polls`.
    """

    kernel_kind = PREWARMED

    def __init__(
        self,
        kernel_spec: Any,
        source: NotebookSource,
        setup: KernelSetup,
        targets: OutputTargets,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        polls: bool = True,
        check: Callable[[Ending], Ending] = lambda ending: ending,
        limits: Limits | None = None,
    ) -> None:
        self._kernel_spec, self._source, self._setup, self._targets = kernel_spec, source, setup, targets
        self._should_stop, self._polls, self._check = should_stop, polls, check
        self._limits = limits or Limits()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.ending: Ending | None = None
        self.checks = CheckCells()
        self.notes: tuple[str, ...] = ()
        self.usage = Usage()
        self.kept: str | None = None
        self.cells_s = 0.0
        self.is_lost = False
        self._done: Ending | None = None
        self._written: Ending | None = None
        self._failed: Ending | None = None
        self._stopping: Ending | None = None
        self._deadline: float | None = None
        self._follower: JournalFollower | None = None
        self._recent = RecentText()

    def wake(self) -> None:
        """Have `should_stop` asked now; may be called from any thread."""
        with contextlib.suppress(OSError):  # it is over
            os.eventfd_write(self._bell, 1)

    def run(self) -> None:
        """Execute the notebook; sets `ending`. Raises PrewarmError where no kernel could be forked."""
        self._journal = self._source.open_journal()
        ours, theirs = socket.socketpair()
        self._talk: socket.socket | None = ours
        try:
            self._kernel = self._fork(theirs)
            try:
                self._drive()
            finally:
                self._close_kernel()
        finally:
            theirs.close()
            ours.close()
            self._source.close()
            bell, self._bell = self._bell, -1
            os.close(bell)

    def _fork(self, theirs: socket.socket) -> ForkedKernel:
        setup = self._setup
        task, descriptors = self._source.describe()
        task |= {
            "entry": "nbpart.run.child_run:ChildRun",
            "keep_as": setup.keep_as,
            "keep_s": setup.keep_s,
            "keeps_succeeded": setup.keeps_succeeded,
        }
        if not self._source.is_written_by_kernel:
            descriptors |= {"bell": self._bell}
        kernel = fork_kernel(
            self._kernel_spec,
            run_environment(setup.environment),
            setup.folder,
            setup.startup,
            setup.imports,
            task,
            {"journal": self._journal, "talk": theirs.fileno(), **descriptors},
            setup.secrets,
        )
        theirs.close()
        return kernel

    def _await_ready(self) -> Ending | None:
        """Wait until the kernel is ready, and return None; or earlier, and return why it is to be stopped."""
        end = time.monotonic() + self._limits.start_s
        poll = select.poll()
        for descriptor in (self._kernel.fileno(), self._bell):
            poll.register(descriptor, select.POLLIN)
        while time.monotonic() < end:
            reason = self._limits.find_stop(self._should_stop, None, None)
            if reason is not None:
                return reason
            left_s = end - time.monotonic()
            ready = {found for found, _ in poll.poll(1000 * (min(left_s, _TICK_S) if self._polls else left_s))}
            if self._kernel.fileno() in ready and time.monotonic() < end:
                self._kernel.take_ready()
                return None
            self._take_bell()
        raise PrewarmError(f"a forked kernel was not ready within {self._limits.start_s:g} s")

    def _take_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)

    def _drive(self) -> None:
        reason = self._await_ready()
        if reason is not None:
            self._kernel.close()
            self.ending = reason
            JournalFollower(self._source.load(), self._targets, self._journal).finish(reason)
            return
        self._began_at = time.monotonic()
        self._deadline = self._began_at + self._limits.run_s if self._limits.run_s else None
        if not self._source.is_written_by_kernel:
            self._follow()
        while not self._is_over():
            reason = self._limits.find_stop(self._should_stop, self._deadline, self._cell_began_at)
            if reason is not None:
                self._stop(reason)
                break
            self._wait(None)
        if self.kept is None:
            self._end_kernel()
        self.ending = self._conclude()

    def _is_over(self) -> bool:
        return self.kept is not None or self._kernel.poll() is not None

    @property
    def _cell_began_at(self) -> float | None:
        return None if self._follower is None else self._follower.cell_began_at

    # waiting

    def _wait(self, limit_s: float | None) -> None:
        """Wait until something happens, or it is time to look, at most so many seconds; take in what is there."""
        waited = [self._kernel.fileno(), self._bell]
        if self._talk is not None:
            waited.append(self._talk.fileno())
        now = time.monotonic()
        limits = [limit_s, self._kernel.poll_after_s(None), _TICK_S if self._polls else None]
        limits += [end - now for end in (self._deadline, self._next_follow()) if end is not None]
        if self._limits.cell_s and self._cell_began_at is not None:
            limits.append(self._cell_began_at + self._limits.cell_s - now)
        least = min((each for each in limits if each is not None), default=None)
        poll = select.poll()
        for descriptor in waited:
            poll.register(descriptor, select.POLLIN)
        ready = {found for found, _ in poll.poll(None if least is None else max(0.0, least) * 1000 + 1)}
        if self._bell in ready:
            self._take_bell()
        self._hear_rest()
        following = self._next_follow()
        if following is not None and (self._bell in ready or time.monotonic() >= following):
            self._follow()

    def _next_follow(self) -> float | None:
        is_written = self._source.is_written_by_kernel and self._done is not None
        if is_written or self._written is not None or self.kept is not None:
            return None
        return self._followed_at + _FOLLOW_S if self._follower is not None else self._began_at + FOLLOW_AFTER_S

    def _follow(self) -> None:
        """Bring the notebook on disk up to what the journal says."""
        if self._follower is None:
            write = self._recent.add if self._source.is_written_by_kernel else self._targets.write
            self._follower = JournalFollower(self._source.load(), self._targets, self._journal, write)
        self._follower.follow()
        self._followed_at = time.monotonic()

    def _hear(self) -> None:
        """Take in what the kernel says."""
        assert self._talk is not None
        message, _ = wire.receive(self._talk)
        if message is None:
            self._talk = None
        elif message["what"] == DONE:
            self._done, self.cells_s = decode_ending(message["ending"]), message["cells_s"]
            self.checks = decode_checks(message["checks"])
        elif message["what"] == WRITING:
            self._say({GO: True})
        elif message["what"] == WRITTEN:
            self._written = decode_ending(message["ending"])
        elif message["what"] == FAILED:
            self._failed = decode_ending(message["ending"])
        elif message["what"] == KEPT:
            self.kept = message["path"]

    def _hear_rest(self) -> None:
        while self._talk is not None and select.select([self._talk], [], [], 0)[0]:
            self._hear()

    def _say(self, message: dict[str, Any]) -> None:
        if self._talk is not None:
            with contextlib.suppress(OSError):  # it is gone
                wire.send(self._talk, message)

    # stopping

    def _stop(self, reason: Ending) -> None:
        self._stopping, self._deadline = reason, None
        self._hear_rest()
        is_late = self._done is not None
        self._say({STOP: encode_ending(reason)})
        if is_late:
            return
        for limit_s in self._limits.grace_parts_s:
            if self._done is None and not self._is_over():
                self._signal_group(signal.SIGINT)
                self._wait_for(limit_s, lambda: self._done is not None)
        if self._done is not None:
            self._wait_for(_WRITE_LIMIT_S, lambda: self._written is not None or self._failed is not None)

    def _wait_for(self, limit_s: float, is_there: Callable[[], bool]) -> None:
        end = time.monotonic() + limit_s
        while not is_there() and not self._is_over() and time.monotonic() < end:
            self._wait(end - time.monotonic())
        self._hear_rest()

    def _signal_group(self, number: int) -> None:
        # each kernel leads a session, so its group is its own
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._kernel.pid, number)

    def _end_kernel(self) -> None:
        """See to it that the kernel is gone, and nothing that it started is left."""
        kernel, self._polls = self._kernel, False
        for number, limit_s in ((signal.SIGTERM, _TERM_LIMIT_S), (signal.SIGKILL, _KILL_LIMIT_S)):
            end = time.monotonic() + limit_s
            if kernel.poll() is None:
                self._signal_group(number)
            while kernel.poll() is None and time.monotonic() < end:
                self._wait(end - time.monotonic())
        self._hear_rest()
        self.usage = kernel.usage
        if kernel.is_abandoned and (mark := self._setup.environment.get(MARK_VARIABLE)):
            kill_run(mark)

    def _close_kernel(self) -> None:
        kernel = self._kernel
        if self.kept is not None:
            self.usage = read_usage(kernel.pid) or self.usage
            with contextlib.suppress(OSError):
                kernel.detach()
        kernel.close()

    # concluding

    def _conclude(self) -> Ending:
        if self._failed is not None:
            with contextlib.suppress(Exception):  # for the reason for which it failed, as a disk that is full
                self._write_notebook()
            return self._failed
        if self._written is not None and self._source.is_written_by_kernel:
            return self._written
        return self._write_notebook()

    def _write_notebook(self) -> Ending:
        """Make the notebook from the journal, and write it; returns how the run ended."""
        self._follow()
        follower = self._follower
        assert follower is not None
        if self._done is None:
            self.cells_s, self.checks = follower.cells_s, follower.checks
        ending = self._check(self.checks.forgive(self._find_ending(follower), follower.record.nb))
        follower.finish(ending)
        return ending

    def _find_ending(self, follower: JournalFollower) -> Ending:
        told = self._failed or self._written
        if told is not None:
            return told
        console = self._kernel.console
        if self._source.is_written_by_kernel:
            self._targets.write(self._source.find_missing(self._recent))
        unrecorded = follower.add_unrecorded(console, self._kernel.read_pipes()) if console is not None else ""
        if self._source.is_written_by_kernel:
            self._targets.write(unrecorded)
        if self._done is not None:
            return self._done if self._stopping is None else explain_late_stop(self._stopping, self._done)
        if self._stopping is not None:
            if follower.cell_began_at is not None:
                follower.done_at = time.monotonic()
                self.cells_s = follower.cells_s
            return explain_stop(self._stopping, follower.cell, None)
        rest = read_past_streams(console) if console is not None else ""
        if rest:
            self._targets.write(f"\n{rest}\n")
        self.is_lost = self._kernel.is_abandoned
        where = "while it started" if follower.cell is None else f"in cell {follower.cell + 1}"
        where += " with the process that had forked it" if self.is_lost else ""
        return replace(explain_death(where, self._kernel.returncode, unrecorded + rest), error_cell=follower.cell)
