from __future__ import annotations

import threading
import time

from nbpart.widgets.reloading import Reloading


def test_who_asks_meanwhile_is_served_by_one_call_and_who_is_urgent_waits_for_no_pause() -> None:
    began, go_on, times = threading.Semaphore(0), threading.Semaphore(0), []

    def work() -> None:
        times.append(time.monotonic())
        began.release()
        assert go_on.acquire(timeout=20)
        if len(times) == 1:
            raise ValueError("it is logged, and the next is read all the same")

    reloading = Reloading(work)
    reloading.ask()
    assert began.acquire(timeout=20)
    for _ in range(5):
        reloading.ask()
    time.sleep(0.1)
    go_on.release()
    ended = time.monotonic()
    assert began.acquire(timeout=20)
    assert times[1] - ended > 0.2, "it pauses after what took long"
    time.sleep(0.1)
    reloading.ask(urgent=True)
    go_on.release()
    ended = time.monotonic()
    assert began.acquire(timeout=20)
    assert times[2] - ended < 0.2
    go_on.release()
    assert not began.acquire(timeout=0.5), "five asked at once"
