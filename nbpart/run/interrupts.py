"""Waiting for a call so that a Ctrl-C ends it in good order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def call_interruptibly(call: Callable[[], Any], on_interrupt: Callable[[], None], name: str) -> Any:
    """Run `call` in a thread of that name and wait. Returns its result, or raises its error.

    A Ctrl-C calls `on_interrupt`, after which `call` is expected to return. A thread is used since the main thread,
    where a Ctrl-C arrives, may have an event loop running, as in Jupyter.
    """
    results: list[Any] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name=name).start()
    # not join(): interrupted by a Ctrl-C it takes the thread for ended
    while not done.is_set():
        try:
            done.wait()
        except KeyboardInterrupt:
            on_interrupt()
    if errors:
        raise errors[0]
    return results[0]
