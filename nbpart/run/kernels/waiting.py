"""Waiting for descriptors and processes in an event loop: woken by the system, not by a clock."""

from __future__ import annotations

import asyncio
import os
import select
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from nbpart.run.kernels.forked_kernel import ForkedKernel
from nbpart.run.kernels.processes import is_gone

_POLL_S = 0.02
T = TypeVar("T")


async def wait_readable(descriptor: int, limit_s: float | None) -> bool:
    """Whether the descriptor has something to read (or its end) before the limit is over."""
    # a copy: a loop knows one reader of a descriptor, and more than one may wait
    copy = os.dup(descriptor)
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(copy, came.set)
    try:
        async with asyncio.timeout(limit_s):
            # in a forked process a loop that its parent used is woken for others too
            while not _is_readable(copy):
                await came.wait()
                came.clear()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(copy)
        os.close(copy)
    return True


def _is_readable(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


async def call_in_thread(call: Callable[..., T], *arguments: Any) -> T:
    """What a call returns or raises that blocks, made in a thread of its own; the loop goes on meanwhile.

    Not `asyncio.to_thread`: in a forked process a loop that its parent used holds threads that are not there, and is
    woken by a pipe that it shares.
    """
    done: Future[T] = Future()
    bell = os.pipe()

    def work() -> None:
        try:
            done.set_result(call(*arguments))
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            done.set_exception(error)
        finally:
            os.close(bell[1])

    threading.Thread(target=work, name="nbpart call", daemon=True).start()
    try:
        await wait_readable(bell[0], None)
    finally:
        os.close(bell[0])
    return done.result()


async def wait_end(process: Any, limit_s: float | None) -> bool:
    """Whether the process ended before the limit is over."""
    if process.poll() is not None:
        return True
    if isinstance(process, ForkedKernel):
        return await _wait_for_exit_message(process, limit_s)
    pidfd = _open_pidfd(process.pid)
    if pidfd is None:
        return await _poll_end(process, limit_s)
    try:
        return await wait_readable(pidfd, limit_s)
    finally:
        os.close(pidfd)


async def _wait_for_exit_message(kernel: ForkedKernel, limit_s: float | None) -> bool:
    end = None if limit_s is None else time.monotonic() + limit_s
    while kernel.poll() is None:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            return False
        try:
            await wait_readable(kernel.fileno(), kernel.poll_after_s(left))
        except (OSError, ValueError):  # another thread saw its end, or let go of it
            return kernel.poll() is not None
    return True


def _open_pidfd(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


async def _poll_end(process: Any, limit_s: float | None) -> bool:
    loop = asyncio.get_running_loop()
    end = None if limit_s is None else loop.time() + limit_s
    while process.poll() is None:
        if end is not None and loop.time() > end:
            return False
        await asyncio.sleep(_POLL_S)
    return True


def has_ended(pid: int, started: str | None) -> bool:
    """Whether the process of that number and start is gone, or only waits to be reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    if started is None:
        return False
    return is_gone(f"{pid}.{started}")
