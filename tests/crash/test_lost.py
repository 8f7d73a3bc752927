"""A run whose kernel is killed with the process that had forked it is made once more: that was no fault of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbpart
from nbpart.run.kernels import zygotes

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only"),
]


def kill_parent(partition_key: str) -> str:
    import os
    import signal
    import time
    from pathlib import Path

    times = Path(f"{partition_key}.txt")
    count = int(times.read_text()) if times.exists() else 0
    times.write_text(str(count + 1))
    if partition_key == "always" or (partition_key == "once" and count == 0):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return partition_key


def test_it_is_made_once_more_and_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with nbpart.open("workspace") as ws:
        keys = ws.dynamic_partitions("keys")
        keys.add("once", "never", "always")
        ws.asset(kill_parent, name="lost", partitions=keys)
        for key in keys:
            ws.backfill("lost", keys=[key], max_workers=1, backoff_s=0.1).wait(progress=False)
        status = ws.partition_status("lost").set_index("partition_key").status.to_dict()
        attempts = {key: int((tmp_path / f"{key}.txt").read_text()) for key in keys}
        error = ws.runs("lost", limit=1).error[0]
    assert status == {"once": "materialized", "never": "materialized", "always": "failed"}
    assert attempts == {"once": 2, "never": 1, "always": 2}
    assert "with the process that had forked it" in error
