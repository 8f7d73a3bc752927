"""What makes an IPython kernel wait for who reads its output, where it would drop what comes too fast.

The text of this file is sent to stock kernels: it needs nothing but Python and what an IPython kernel has.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from io import StringIO
from pathlib import Path
from typing import Any

#: The most characters of a stream that wait to be sent, or are sent at once.
PIECE = 32_768
#: The most messages that wait for the thread that sends them.
_MOST_WAITING = 50
#: A stream that is flushed again and again sends what it has so often, in seconds.
_PAUSE_S = 0.05
#: A forked process that prints no end of line writes what it has from so many characters on.
_LONGEST_LINE = 4_096
#: A thread that sends nothing and is not waiting for its reader either is waited for so long, in seconds.
_STUCK_S = 10.0


def lossless_code() -> str:
    """A line that makes the IPython kernel that executes it wait for the readers of its output."""
    source = Path(__file__).read_text("utf-8")
    return f"(lambda ns: (exec({source!r}, ns), ns['make_lossless'](get_ipython()))[1])({{}})"


def make_lossless(shell: Any) -> None:
    """Let the kernel of this IPython shell wait for the readers of its output."""
    make_thread_lossless(shell.kernel.iopub_thread)
    keep_no_output(shell)
    streams: list[Any] = [stream for stream in (sys.stdout, sys.stderr) if hasattr(stream, "_buffers")]
    for stream in streams:
        mix_into(stream, LosslessStream)
        stream.adopt_children()

    def begin() -> None:
        # what kept the output of this very cell puts back what it found
        shell.events.unregister("pre_execute", begin)
        for stream in streams:
            vars(stream).pop("write", None)

    shell.events.register("pre_execute", begin)


def make_thread_lossless(thread: Any) -> None:
    """Let the thread that sends a kernel's output wait for the readers. A reader that is gone is not waited for."""
    import zmq

    mix_into(thread, LosslessThread)
    thread.schedule(lambda: thread.socket.setsockopt(zmq.XPUB_NODROP, 1))


def keep_no_output(shell: Any) -> None:
    """Keep IPython from remembering all that is printed, for a magic that exports it."""
    if hasattr(shell, "_tee"):
        shell._tee = lambda channel: nullcontext()


def mix_into(thing: Any, mixin: type) -> None:
    """Let an object have the methods of another class before those of its own."""
    own = type(thing)
    thing.__class__ = type(own.__name__, (mixin, own), {"__module__": own.__module__})


class LosslessThread:
    """Mixed into the thread that sends a kernel's output: who has something to send waits while much is unsent.

    owing: the stream that was flushed and has not sent all yet; nothing else is sent before that is.
    """

    thread: threading.Thread
    io_loop: Any
    owing: LosslessStream | None = None
    _events: Any
    _handle_event: Callable[[Any], None]
    _is_sending = False

    def schedule(self, f: Callable[[], object]) -> None:
        if not self.thread.is_alive():
            f()
            return
        self._events.append(f)
        # not by the socket that wakes it: that blocks when it is full, whatever who waits there holds
        self.io_loop.add_callback(self._handle_event, None)

    def send_multipart(self, *args: Any, **kwargs: Any) -> None:
        if threading.get_ident() == self.thread.ident:
            # it is the turn of what is sent: a detour would let others overtake
            self._really_send(*args, **kwargs)
            return
        if self.owing is not None:
            self.owing.send_soon()
        super().send_multipart(*args, **kwargs)  # type: ignore[misc]
        self.wait_room()

    def wait_room(self) -> None:
        """Wait if much is scheduled already."""
        if len(self._events) > _MOST_WAITING:
            self.wait_turn()

    def wait_turn(self) -> None:
        """Wait until all was done that was scheduled before, for as long as it takes a reader to make room."""
        if threading.get_ident() == self.thread.ident:
            return
        done = threading.Event()
        self.schedule(done.set)
        stuck_s = 0.0
        while not done.wait(1.0) and self.thread.is_alive() and stuck_s < _STUCK_S:
            stuck_s = 0.0 if self._is_sending else stuck_s + 1.0

    def _really_send(self, *args: Any, **kwargs: Any) -> None:
        self._is_sending = True
        try:
            super()._really_send(*args, **kwargs)  # type: ignore[misc]
        finally:
            self._is_sending = False


class LosslessStream:
    """Mixed into a stream of a kernel: who prints waits while much is unsent.

    Long texts are sent in pieces, and many that are flushed one by one in one: a message takes longer than a line.
    """

    echo: Any
    session: Any
    name: str
    topic: Any
    pub_thread: Any
    _buffers: Any
    _buffer_lock: threading.RLock
    _flush_pending: bool
    _io_loop: Any
    _should_watch: bool
    _original_stdstream_fd: int
    _parent: Any = None
    _line: list[str] | None = None
    _unsent = 0
    _sent_at = 0.0
    _is_timed = False

    def write(self, string: str) -> int | None:
        if self._line is not None:
            return self.write_line(string)
        self.let_other_send()
        count: int | None = super().write(string)  # type: ignore[misc]
        self._unsent += len(string)
        if self._unsent > PIECE:
            self.wait_sent()
        return count

    def let_other_send(self) -> None:
        """Before this stream does: what the other one was flushed with comes first."""
        owing = getattr(self.pub_thread, "owing", None)
        if owing is not None and owing is not self:
            owing.send_soon()

    def flush(self) -> None:
        if self.echo is not None:
            self.echo.flush()
        if self._line is not None:
            self._end_line()
        elif self._is_sent_here():
            self._flush()
        elif self._buffers and time.monotonic() - self._sent_at > _PAUSE_S:
            self.wait_sent()
        elif self._buffers:
            self.let_other_send()
            with self._buffer_lock:
                if self._buffers:
                    self.pub_thread.owing = self
            if not self._is_timed:
                self._is_timed = True
                self.pub_thread.schedule(lambda: self._io_loop.call_later(_PAUSE_S, self._flush))

    def wait_sent(self) -> None:
        """Return once what was printed is on its way."""
        self._flush()
        if not self._is_sent_here():
            self.pub_thread.wait_turn()

    def send_soon(self) -> None:
        """Send what was printed by now before anything that is sent later."""
        self._is_timed = self._flush_pending = False
        self._unsent, self._sent_at = 0, time.monotonic()
        taken = TakenText()
        with self._buffer_lock:
            # in this order, since an interrupt may come between: what is not taken yet is taken when it is its turn
            self.pub_thread.schedule(lambda: self._send(taken))
            self._take(taken)
            if self.pub_thread.owing is self:
                self.pub_thread.owing = None
        self.pub_thread.wait_room()

    def _flush(self) -> None:
        if self.pub_thread is not None and self.pub_thread.thread.is_alive():
            self.send_soon()
        else:
            super()._flush()  # type: ignore[misc]

    def _take(self, taken: TakenText) -> None:
        with self._buffer_lock:
            empty = type(self._buffers)(StringIO)
            if taken.buffers is None:
                taken.buffers, self._buffers, self._parent = self._buffers, empty, None

    def _send(self, taken: TakenText) -> None:
        self._take(taken)
        if self.echo is not None:
            self.echo.flush()
        for parent, buffer in taken.buffers.items():
            text = buffer.getvalue()
            for start in range(0, len(text), PIECE):
                content = {"name": self.name, "text": text[start : start + PIECE]}
                self.session.send(self.pub_thread, "stream", content, parent=dict(parent), ident=self.topic)

    def adopt_children(self) -> None:
        """Let processes that are forked from now on print to the descriptor that is taken in, as any other does."""
        if self._should_watch:
            os.register_at_fork(after_in_child=self._become_child)

    def _become_child(self) -> None:
        self._line = []

    def write_line(self, string: str) -> int:
        """In a forked process: whole lines, as at a terminal, so that those of several processes stay apart."""
        assert self._line is not None
        self._line.append(string)
        if "\n" in string or sum(map(len, self._line)) > _LONGEST_LINE:
            self._end_line()
        return len(string)

    def _end_line(self) -> None:
        line, self._line = self._line, []
        data = "".join(line or []).encode("utf-8", "replace")
        while data:
            data = data[os.write(self._original_stdstream_fd, data) :]

    def _is_sent_here(self) -> bool:
        thread = self.pub_thread and self.pub_thread.thread
        return not thread or not thread.is_alive() or thread.ident == threading.get_ident()


class TakenText:
    """What a stream was printed by some moment, by the header of the cell that printed it; None until it is taken."""

    buffers: Any = None
