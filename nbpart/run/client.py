"""nbclient's client for one run, which waits for events where nbclient waits for fixed times."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from queue import Empty
from typing import Any

from nbclient.client import timestamp
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbclient.util import ensure_async

from nbpart.run.cell_outputs import CellOutputs
from nbpart.run.executed_notebook import NotebookRecord
from nbpart.run.kernels.launch import RunKernel

_REPLY_LIMIT_S = 30.0
#: A kernel that answered a cell and sends nothing for so long will not send that it is idle.
_IDLE_LIMIT_S = 30.0
_ASK_AGAIN_S = 0.25
_LATE_S = 0.02
_LAST_OUTPUT_S = 0.5
_SILENCE_S = 5.0
_ALIVE_S = 0.5
_TURN_S = 0.05
_FIRST_ASK_S, _ASK_GROWTH, _LONGEST_ASK_S = 0.05, 1.6, 1.0

_logger = logging.getLogger("nbpart.run")


class RunClient(CellOutputs):
    """Executes cells, passes on what they print, and notices a dead kernel at once."""

    def __init__(self, record: NotebookRecord, write: Callable[[str, str], None], kernel: RunKernel) -> None:
        """``write`` is called with the name of a stream and a text that was printed to it."""
        super().__init__(record, write, km=kernel.manager)
        self._kernel = kernel
        self.on_cell_executed = self._keep_reply
        self._message_count = 0

    async def connect(self, limit_s: float) -> dict[str, Any]:
        """Open the channels. Returns the kernel's reply to ``kernel_info_request``.

        Raises DeadKernelError where it does not answer within `limit_s` seconds.
        """
        self.kc = self.km.client()
        self.kc.start_channels()
        end, pause = time.monotonic() + limit_s, _FIRST_ASK_S
        request_ids: set[str] = set()
        info: dict[str, Any] = {}
        # the end of a question that comes by the other channel shows that this one is connected too
        while True:
            request_ids.add(self.kc.kernel_info())
            until = time.monotonic() + pause
            with contextlib.suppress(Empty):
                info = info or await self._next("shell", until, lambda m: m["msg_type"] == "kernel_info_reply")
                await self._next(
                    "iopub", until, lambda m: _is_idle(m) and m["parent_header"].get("msg_id") in request_ids
                )
                return info
            if not await self._is_alive():
                raise DeadKernelError("it ended before it answered")
            if time.monotonic() > end:
                raise DeadKernelError(f"no answer within {limit_s:g} s")
            pause = min(pause * _ASK_GROWTH, _LONGEST_ASK_S)

    async def request_end(self, grace_s: float) -> None:
        """Ask the kernel to end, wait for that at most `grace_s` seconds, and pass on the output that still comes."""
        if self.kc is None:
            return
        self.kc.shutdown()
        await self._kernel.ended(grace_s)
        await self.receive_rest()

    async def receive_rest(self) -> None:
        """Handle the messages that are there, until there is a pause of `_LATE_S`."""
        with contextlib.suppress(Empty):
            while self.kc is not None:
                self.take(await self._next("iopub", time.monotonic() + _LATE_S, lambda message: True))

    async def execute_quietly(self, code: str) -> bool:
        """Execute code without outputs in the notebook. Returns whether the kernel executed it without an error."""
        sent = self.kc.execute(code, silent=True, store_history=False)
        # what a thread of it prints meanwhile would be waited for
        taking = asyncio.ensure_future(self._receive_on())
        try:
            reply = await self._next(
                "shell", time.monotonic() + _REPLY_LIMIT_S, lambda m: m["parent_header"].get("msg_id") == sent
            )
        except Empty:
            return False
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
        return bool(reply["content"]["status"] == "ok")

    async def _receive_on(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                self.take(await self._next("iopub", time.monotonic() + _SILENCE_S, lambda message: True))

    def disconnect(self) -> None:
        if self.kc is not None:
            self.kc.stop_channels()
            self.kc = None

    async def async_execute_cell(self, cell: Any, cell_index: int, *args: Any, **options: Any) -> Any:
        self.reply, self.notes, self._hooks = {}, [], []
        return await super().async_execute_cell(cell, cell_index, *args, **options)

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        self._executed[parent_msg_id] = cell, cell_index
        turn_ends = time.monotonic() + _TURN_S
        while True:
            message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=None))
            self._message_count += 1
            if time.monotonic() > turn_ends:  # messages that wait already are had without a turn for anybody else
                await asyncio.sleep(0)
                turn_ends = time.monotonic() + _TURN_S
            if message["parent_header"].get("msg_id") == parent_msg_id:
                try:
                    self.process_message(message, cell, cell_index)
                except CellExecutionComplete:
                    return
            else:
                self.take(message)

    async def _async_poll_for_reply(
        self, msg_id: str, cell: Any, timeout: float | None, task_poll_output_msg: Any, task_poll_kernel_alive: Any
    ) -> dict[str, Any]:
        """Wait for the reply to a cell, and until all of its output was handled, however long that takes."""
        reply: dict[str, Any] = {}
        while reply.get("parent_header", {}).get("msg_id") != msg_id:
            # nbclient answers an output widget on this channel by a copy of the socket, which takes the event that a
            # reply has come away from this one: it is asked again
            with contextlib.suppress(Empty):
                reply = await ensure_async(self.kc.shell_channel.get_msg(timeout=_ASK_AGAIN_S))
        if self.record_timing:
            cell["metadata"]["execution"]["shell.execute_reply"] = timestamp(reply)
        if not await self._is_silent_before(task_poll_output_msg, _IDLE_LIMIT_S):
            await task_poll_output_msg  # which raises what is wrong with an output
        else:
            _logger.warning("a cell's output may not be all: its kernel did not say that it is done")
            task_poll_output_msg.cancel()
        task_poll_kernel_alive.cancel()
        return reply

    async def _is_silent_before(self, task: asyncio.Future[Any], limit_s: float) -> bool:
        """Wait until the task is done or no message came for `limit_s`. Returns whether the latter came first."""
        while not task.done():
            taken = self._message_count
            await asyncio.wait({task}, timeout=limit_s)
            if self._message_count == taken and not task.done():
                return True
        return False

    async def _async_poll_kernel_alive(self) -> None:
        if self._kernel.process is None:
            while await self._is_alive():
                await asyncio.sleep(_ALIVE_S)
        else:
            await self._kernel.ended(None)
        if self.task_poll_for_reply is not None:
            # what it printed last may still be on its way
            await self._is_silent_before(self.task_poll_for_reply, _LAST_OUTPUT_S)
            self.task_poll_for_reply.cancel()

    async def _is_alive(self) -> bool:
        process = self._kernel.process
        return process.poll() is None if process is not None else bool(await ensure_async(self.km.is_alive()))

    async def _next(self, channel: str, until: float, is_meant: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        source = self.kc.iopub_channel if channel == "iopub" else self.kc.shell_channel
        while True:
            timeout = max(0.0, until - time.monotonic())
            message: dict[str, Any] = await ensure_async(source.get_msg(timeout=timeout))
            self._message_count += 1
            if is_meant(message):
                return message

    def _keep_reply(self, cell: Any, cell_index: int, execute_reply: Mapping[str, Any]) -> None:
        self.reply = execute_reply["content"]


def _is_idle(message: Mapping[str, Any]) -> bool:
    return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")
