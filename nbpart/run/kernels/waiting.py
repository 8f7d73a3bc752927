"""Waiting for descriptors and processes in an event loop: woken by the system, not by a clock."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

from nbpart.run.kernels.processes import is_gone
from nbpart.run.kernels.zygotes import ForkedKernel

_POLL_S = 0.02


async def wait_readable(descriptor: int, limit_s: float | None) -> bool:
    """Whether the descriptor has something to read (or its end) before the limit is over."""
    # a copy: a loop knows one reader of a descriptor, and more than one may wait
    copy = os.dup(descriptor)
    loop = asyncio.get_running_loop()
    came = asyncio.Event()
    loop.add_reader(copy, came.set)
    try:
        await asyncio.wait_for(came.wait(), limit_s)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(copy)
        os.close(copy)
    return True


async def wait_end(process: Any, limit_s: float | None) -> bool:
    """Whether the process ended before the limit is over."""
    if process.poll() is not None:
        return True
    if isinstance(process, ForkedKernel):
        return await _wait_told(process, limit_s)
    pidfd = _open_pidfd(process.pid)
    if pidfd is None:
        return await _poll_end(process, limit_s)
    try:
        return await wait_readable(pidfd, limit_s)
    finally:
        os.close(pidfd)


async def _wait_told(kernel: ForkedKernel, limit_s: float | None) -> bool:
    end = None if limit_s is None else time.monotonic() + limit_s
    while kernel.poll() is None:
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            return False
        try:
            await wait_readable(kernel.fileno(), kernel.next_look_s(left))
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
