"""The CPU time and memory of a process, as the system counts them."""

from __future__ import annotations

import os
from pathlib import Path

from nbpart.run.kernels.forked_kernel import Usage


def read_usage(pid: int) -> Usage | None:
    """CPU seconds of a process and of the children that it waited for, and its peak memory; None where unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    ticks = sum(int(field) for field in fields[11:15])
    peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) * 1024 if peak else None)
