"""What a kernel that nobody talks to sends its messages through: a function in its own process, and no socket."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from ipykernel.iostream import BackgroundSocket, IOPubThread
from jupyter_client.session import Session, json_packer

from nbpart.run.kernels.lossless_output import LosslessThread

#: What `Session.send` takes behind the socket and the message.
_ARGUMENTS = ("content", "parent", "ident", "buffers", "track", "header", "metadata")

_logger = logging.getLogger("nbpart.run.kernels")


@dataclass(frozen=True, slots=True)
class LocalMessage:
    """A message as a client receives it; `packed` is its content as it would have been sent."""

    kind: str
    parent: dict[str, Any]
    content: dict[str, Any]
    packed: bytes
    header: dict[str, Any]
    metadata: dict[str, Any]
    buffers: list[bytes]

    def to_json(self) -> dict[str, Any]:
        """As nbclient takes it."""
        return {
            "msg_type": self.kind,
            "header": self.header,
            "parent_header": self.parent,
            "content": self.content,
            "metadata": self.metadata,
            "buffers": self.buffers,
        }


class OutputThread(LosslessThread, IOPubThread):
    """The thread that hands the messages of a kernel on, in their order, in the place of the one that sends them.

    A thread of its own, since an interrupt that comes while the main one does this would tear a message.
    """

    def __init__(self, deliver: Callable[[LocalMessage], None]) -> None:
        self._deliver = deliver
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._is_stopped = False
        self.io_loop = self
        self.socket = None
        self.background_socket = BackgroundSocket(self)  # type: ignore[no-untyped-call]
        self.thread = threading.Thread()  # of nobody, until `begin`

    def begin(self) -> None:
        """Start it, in the process whose output it hands on: a thread that was made before a fork never lives."""
        self.thread = threading.Thread(target=self._work, name="IOPub", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Return when all that was scheduled is done; what comes later is done where it comes from."""
        self._is_stopped = True
        if self.thread.is_alive():
            self._calls.put(lambda: None)
            self.thread.join()

    def close(self) -> None:
        pass  # there is no socket

    def schedule(self, f: Callable[[], object]) -> None:
        """Have a function called in this thread; at once where it does not run, as in a forked process."""
        if self.thread.is_alive():
            self._calls.put(f)
        else:
            f()

    def call_later(self, delay_s: float, f: Callable[[], object]) -> None:
        """To be called in this thread."""
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._numbers), f))

    def wait_room(self) -> None:
        pass  # nothing waits long: what takes messages in is no reader that may be slow

    def send(self, message: LocalMessage) -> None:
        """Hand a message on; when this returns it is where a killed process leaves it, but for printed text."""
        if threading.get_ident() == self.thread.ident:
            self._deliver(message)
            return
        if self.owing is not None:
            self.owing.send_soon()
        self.schedule(lambda: self._deliver(message))
        if message.kind not in ("stream", "status", "execute_input"):
            self.wait_turn()

    def _work(self) -> None:
        while not (self._is_stopped and self._calls.empty()):
            for call in self._await_calls():
                try:
                    call()
                except Exception:  # the output of a run goes on
                    _logger.exception("an output of this run was lost")

    def _await_calls(self) -> list[Callable[[], object]]:
        limit_s = max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None
        try:
            calls = [self._calls.get(timeout=limit_s)]
        except Empty:
            calls = []
        while self._timers and self._timers[0][0] <= time.monotonic():
            calls.append(heapq.heappop(self._timers)[2])
        return calls


class LocalSession(Session):
    """Makes the messages of a kernel, and hands those for everybody to `output` as long as there is one.

    `reply` is the last message that was sent to `REPLIES`, which stands for the one client.
    """

    REPLIES = "replies"
    output: OutputThread | None = None
    reply: LocalMessage | None = None

    def send(self, stream: Any, msg_or_type: Any, *args: Any, **kwargs: Any) -> Any:
        if self.output is None:
            return super().send(stream, msg_or_type, *args, **kwargs)
        if self.check_pid and os.getpid() != self.pid:
            _logger.warning("a message was made in a forked process, which cannot send it: %s", msg_or_type)
            return None
        given = dict(zip(_ARGUMENTS, args, strict=False)) | kwargs
        buffers = given.pop("buffers", None)
        if isinstance(msg_or_type, dict):
            made: Any = msg_or_type
            buffers = buffers or made.get("buffers")
        else:
            made = self.msg(
                msg_or_type, **{name: given.get(name) for name in ("content", "parent", "header", "metadata")}
            )
        message = self._read(made, buffers or ())
        if stream == self.REPLIES:
            self.reply = message
        elif stream is not None:
            self.output.send(message)
        return made

    def _read(self, made: Any, buffers: Any) -> LocalMessage:
        packed = self.pack(made["content"])
        content = self.unpack(packed)
        if not packed.startswith(b"{"):  # whoever configured another way meant that of sockets
            packed = json_packer(content)
        return LocalMessage(
            kind=made["header"]["msg_type"],
            parent=dict(made["parent_header"]),
            content=content,
            packed=packed,
            header=made["header"],
            metadata=made["metadata"],
            buffers=[bytes(memoryview(each)) for each in buffers],
        )


# a notebook that looks at its kernel's session finds what it knows
LocalSession.__name__, LocalSession.__qualname__, LocalSession.__module__ = (
    Session.__name__,
    Session.__qualname__,
    Session.__module__,
)
