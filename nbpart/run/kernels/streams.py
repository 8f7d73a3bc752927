"""What forked kernels print to: nothing of it is lost, neither on its way nor where the kernel dies."""

from __future__ import annotations

import array
import codecs
import fcntl
import os
import select
import sys
import termios
import threading
import time
from typing import Any

from ipykernel.iostream import OutStream

from nbpart.run.kernels.lossless_output import PIECE, LosslessStream
from nbpart.run.kernels.printed import PrintedText

#: What processes wrote is waited for as long as it is taken in; only a stuck pipe takes this, in seconds.
_PIPE_LIMIT_S = 1.0
_READ_SIZE = 65_536


class DrainedStream(OutStream):
    """A stream that is flushed with what processes wrote before to its descriptor, which comes by a pipe."""

    _is_taking, _taken = False, 0

    def flush(self) -> None:
        self._await_pipe()
        super().flush()  # type: ignore[no-untyped-call]

    def _await_pipe(self) -> None:
        """Wait until all is taken in that was written to the descriptor before."""
        if not self._should_watch or not self._is_master_process() or self.pub_thread is None:  # type: ignore[no-untyped-call]
            return
        if threading.get_ident() in (self.watch_fd_thread.ident, self.pub_thread.thread.ident):
            return
        enough = self._taken + _count_unread(self.pipe) + _READ_SIZE
        taken, until = self._taken, time.monotonic() + _PIPE_LIMIT_S
        # in this order: what is not unread any more is being taken
        while (_count_unread(self.pipe) or self._is_taking) and self._taken < enough:
            if self._taken > taken:
                taken, until = self._taken, time.monotonic() + _PIPE_LIMIT_S
            elif time.monotonic() > until:
                return
            time.sleep(0.0005)

    @property
    def pipe(self) -> int:
        """The end of a pipe by which comes what is written to its descriptor."""
        return self._fid  # type: ignore[return-value]

    def _watch_pipe_fd(self) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        poll = select.poll()
        poll.register(self.pipe, select.POLLIN)
        try:
            while poll.poll():
                self._is_taking = True
                data = os.read(self.pipe, _READ_SIZE)
                if not data or not self._should_watch:
                    return
                if text := decode(data):
                    self.write(text)
                self._repeat(data)
                self._taken += len(data)
                self._is_taking = False
        except Exception:  # noqa: BLE001 - raised when the stream is closed, as of any other
            self._exc = sys.exc_info()
        finally:
            self._is_taking = False

    def _repeat(self, data: bytes) -> None:
        """Write where the descriptor led before what was written to it."""
        os.write(self._original_stdstream_copy, data)


class RunStream(LosslessStream, DrainedStream):
    """A stream of a run's kernel: who prints waits for the run, and what is printed outlives the kernel.

    Processes that the kernel forks print to its descriptor, as any other does.
    """

    _printed: PrintedText | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._append: Any = None
        # its descriptors are its own, whoever tests what
        super().__init__(*args, **{**kwargs, "watchfd": kwargs.get("watchfd", True) and "force"})  # type: ignore[no-untyped-call]
        if self._should_watch:
            self._printed = PrintedText(self._original_stdstream_copy, self.name)
        self.adopt_children()

    def fileno(self) -> int:
        """The descriptor that is taken in: what is given this stream prints to the notebook."""
        return self._original_stdstream_fd if self._should_watch else super().fileno()  # type: ignore[no-untyped-call]

    def write(self, string: str) -> int:
        if self._line is not None:
            return self.write_line(string)
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string)}")
        if self.pub_thread is None:
            raise ValueError("I/O operation on closed file")
        if self.pub_thread.owing is not None and self.pub_thread.owing is not self:
            self.let_other_send()
        try:
            parent = self._parent_header.get()
        except LookupError:  # a thread that was started outside any cell
            parent = self._parent_header_global
        with self._buffer_lock:
            if parent is not self._parent:
                self._parent, self._append = parent, self._buffers[frozenset(parent.items())].write
            self._append(string)
            if self._printed is not None:
                self._printed.add(string)
            self._unsent += len(string)
        if not self._flush_pending:
            self._schedule_flush()  # type: ignore[no-untyped-call]
        if self._unsent > PIECE:
            self.wait_sent()
        return len(string)

    def flush(self) -> None:
        self._await_pipe()
        LosslessStream.flush(self)

    def move(self, thread: Any) -> None:
        """Send by another thread from now on."""
        with self._buffer_lock:
            self.pub_thread, self._io_loop, self._flush_pending = thread, thread.io_loop, False

    def _repeat(self, data: bytes) -> None:
        pass  # nobody is there


def _count_unread(descriptor: int) -> int:
    count = array.array("i", [0])
    try:
        fcntl.ioctl(descriptor, termios.FIONREAD, count)
    except OSError:  # it was closed meanwhile
        return 0
    return count[0]
