from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from nbpart.cli.signals import CancelOnSignal


class FakeBackfill:
    """One that runs until it is cancelled, or has ended already."""

    id = "20131231-235959-0042"

    def __init__(self, ended: bool = False, error: Exception | None = None) -> None:
        self.cancelled = 0
        self._error = error
        self._ended = threading.Event()
        if ended:
            self._ended.set()

    def wait(self, *, progress: bool) -> None:
        assert self._ended.wait(60)
        if self._error is not None:
            raise self._error

    def cancel(self) -> None:
        self.cancelled += 1
        self._ended.set()


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """No signal is ignored, as SIGHUP is in what nohup started."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def send(number: int) -> None:
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_the_backfill_and_raises_nothing(number: int) -> None:
    backfill: Any = FakeBackfill()
    with CancelOnSignal() as on_signal:
        on_signal.enable()
        threading.Timer(0.05, send, [number]).start()
        on_signal.wait_for(backfill)
        send(signal.SIGINT)  # pressed once more, while all is being closed
    assert backfill.cancelled == 1
    assert on_signal.was_signalled


def test_a_signal_before_the_wait_is_not_lost() -> None:
    backfill: Any = FakeBackfill()
    with CancelOnSignal() as on_signal:
        on_signal.enable()
        send(signal.SIGINT)
        on_signal.wait_for(backfill)
    assert backfill.cancelled == 1


def test_a_signal_before_the_start_raises_an_interrupt() -> None:
    with CancelOnSignal(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


def test_without_a_signal_nothing_is_cancelled_and_errors_come_through() -> None:
    backfill: Any = FakeBackfill(ended=True)
    with CancelOnSignal() as on_signal:
        on_signal.enable()
        on_signal.wait_for(backfill)
    assert not backfill.cancelled
    assert not on_signal.was_signalled
    failing: Any = FakeBackfill(ended=True, error=RuntimeError("the disk is full"))
    with CancelOnSignal() as on_signal, pytest.raises(RuntimeError, match="full"):
        on_signal.wait_for(failing)


def test_handlers_are_restored_and_ignored_signals_stay_ignored() -> None:
    before = signal.getsignal(signal.SIGINT)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with CancelOnSignal():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGINT) is not before
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGHUP, hangup)
