"""Waiting for a call in a way that a Ctrl-C can end it in good order."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def call_interruptibly(call: Callable[[], Any], on_interrupt: Callable[[], None], name: str) -> Any:
    """Call in a thread and wait; a Ctrl-C here is handed to `on_interrupt`, and the call then comes to its own end.

    The main thread may have an event loop running, as in Jupyter, and is where a Ctrl-C arrives.
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
