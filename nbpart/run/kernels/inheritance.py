"""What a process hands on to one that it starts, beside its environment and its folder: a fork of another takes it on.

Linux only.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Python ignores two of these itself and hands them on as they were; an interrupt is the kernel's own affair.
_NOT_HANDED_ON = ("SIGKILL", "SIGSTOP", "SIGPIPE", "SIGXFSZ", "SIGINT")
_SIGNALS = sorted(map(int, signal.valid_signals()))
_HANDED_ON = [number for number in _SIGNALS if number not in {getattr(signal, name, 0) for name in _NOT_HANDED_ON}]
_IDENTITY = ("Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


@dataclass(frozen=True)
class Inheritance:
    """What a process inherits from the thread that starts it.

    `limits` are resource limits by number, `ignored` and `blocked` are signals, `oom` is the system's OOM score.
    """

    umask: int
    limits: dict[int, tuple[int, int]]
    processors: tuple[int, ...]
    nice: int
    policy: tuple[int, int]
    ignored: tuple[int, ...]
    blocked: tuple[int, ...]
    oom: int

    @classmethod
    def of_this_thread(cls) -> Inheritance:
        """What a process that the calling thread starts now would inherit."""
        import resource  # not on every platform

        numbers = sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})
        status = _read_status("/proc/thread-self/status")
        return cls(
            umask=int(status["Umask"], 8),
            limits={limit: resource.getrlimit(limit) for limit in numbers},
            processors=tuple(sorted(os.sched_getaffinity(0))),
            nice=os.getpriority(os.PRIO_PROCESS, 0),
            policy=(os.sched_getscheduler(0), os.sched_getparam(0).sched_priority),
            ignored=_read_mask(status["SigIgn"], _HANDED_ON),
            blocked=_read_mask(status["SigBlk"], _SIGNALS),
            oom=int(Path("/proc/self/oom_score_adj").read_text()),
        )

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Inheritance:
        limits = {int(limit): (pair[0], pair[1]) for limit, pair in data["limits"].items()}
        names = ("processors", "policy", "ignored", "blocked")
        return cls(**{**data, "limits": limits, **{name: tuple(data[name]) for name in names}})

    def take(self) -> None:
        """Set it in this process, in all its threads. Raises OSError or ValueError for what it may not set."""
        import resource

        own = Inheritance.of_this_thread()
        os.umask(self.umask)
        for thread in map(int, os.listdir("/proc/self/task")):
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                self._take_place(own, thread)
        for number in {*self.ignored} ^ {*own.ignored}:
            # a handler that a library set is the library's affair
            if signal.getsignal(number) in (signal.SIG_DFL, signal.SIG_IGN):
                signal.signal(number, signal.SIG_IGN if number in self.ignored else signal.SIG_DFL)
        if self.oom != own.oom:
            Path("/proc/self/oom_score_adj").write_text(str(self.oom))
        # last, since what is done before needs files
        for limit, pair in self.limits.items():
            if pair != own.limits[limit]:
                resource.setrlimit(limit, pair)

    def _take_place(self, own: Inheritance, thread: int) -> None:
        if self.processors != own.processors:
            os.sched_setaffinity(thread, self.processors)
        if self.policy != own.policy:
            os.sched_setscheduler(thread, self.policy[0], os.sched_param(self.policy[1]))
        if self.nice != own.nice:
            os.setpriority(os.PRIO_PROCESS, thread, self.nice)


def read_identity() -> tuple[str, ...]:
    """User, groups and capabilities of this process: a process forked before a change does not have the new ones."""
    status = _read_status()
    return tuple(status.get(name, "") for name in _IDENTITY)


def _read_mask(mask: str, signals: Iterable[int]) -> tuple[int, ...]:
    bits = int(mask, 16)
    return tuple(number for number in signals if bits >> (number - 1) & 1)


def _read_status(place: str = "/proc/self/status") -> dict[str, str]:
    # the mask of new files is in sight there; to ask for it otherwise would change it for a moment
    lines = Path(place).read_text("utf-8", "replace").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
