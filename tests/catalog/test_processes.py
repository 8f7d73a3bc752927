"""Six processes write and read one catalog for some seconds: no error, nothing lost, and everybody gets a turn."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from nbpart.catalog import Catalog
from tests.catalog.story import Story

PROCESSES = 6
SECONDS = 4.0
#: A writer waits no longer for its turn, in seconds, where the machine is not busy with something else.
LONGEST_S = 1.0
#: Where it is: so many times the longest that a single process took for a write, with nobody to wait for.
PATIENCE = 10 * PROCESSES
WRITES_AND_READS = """
import json, sys, time
from pathlib import Path
from nbpart.catalog import Catalog, events, queries

path, name, seconds, set_id = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
catalog = Catalog.open(path, create=False, purpose=name)
catalog.read(lambda batch: batch.sequence)
print("ready", flush=True)
sys.stdin.readline()
waits, wholes, written = [], [], []

def add(batch):
    waits.append(time.monotonic() - asked)
    assert events.add_keys(batch, set_id, [f"{name}/{len(written)}"]).new

def count(batch):
    return batch.value("SELECT count(*) FROM keys WHERE starts_with(key, ?)", f"{name}/"), queries.status_counts(batch)

end = time.monotonic() + seconds
while time.monotonic() < end:
    asked = time.monotonic()
    catalog.write(add)
    wholes.append(time.monotonic() - asked)
    written.append(f"{name}/{len(written)}")
    seen, _ = catalog.read(count)
    assert seen == len(written), (seen, len(written))
catalog.close()
print(json.dumps({"waits": waits, "wholes": wholes, "written": written}))
"""


@dataclass
class Told:
    """What a process says of its writes: how long each waited for its turn and took in all, in seconds."""

    waits: list[float]
    wholes: list[float]
    written: list[str]


def run_processes(path: Path, names: list[str], seconds: float, set_id: int) -> list[Told]:
    """Let processes of these names write and read at once."""
    command = [sys.executable, "-c", WRITES_AND_READS, str(path)]
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen([*command, name, str(seconds), str(set_id)], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for name in names
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        answers = [process.communicate(timeout=120) for process in processes]
        assert [(process.returncode, error) for process, (_, error) in zip(processes, answers, strict=True)] == [
            (0, "")
        ] * len(processes)
        return [Told(**json.loads(said)) for said, _ in answers]
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.mark.timeout(300)
def test_six_processes_write_and_read_one_catalog(catalog: Catalog, story: Story, path: Path) -> None:
    story.register("model")
    [alone] = run_processes(path, ["alone"], 1.0, story.files)
    told = run_processes(path, [f"process {number}" for number in range(PROCESSES)], SECONDS, story.files)
    waits = [wait for one in told for wait in one.waits]
    allowed_s = max(LONGEST_S, PATIENCE * max(alone.wholes))
    print(
        f"{PROCESSES} processes: {len(waits) / SECONDS:.0f} writes/s; a writer waited {statistics.median(waits):.3f} s"
        f" (median), {max(waits):.3f} s at most (allowed: {allowed_s:.1f} s); one alone:"
        f" {len(alone.wholes):.0f} writes/s, {max(alone.wholes):.3f} s for the longest"
    )
    written = {key for one in [alone, *told] for key in one.written}
    assert {row[0] for row in catalog.read(lambda b: b.rows("SELECT key FROM keys WHERE key <> ''"))} == written
    assert catalog.read(lambda b: b.value("SELECT count(*) FROM members WHERE set_id <> 0")) == len(written)
    events = catalog.read(lambda b: b.value("SELECT count(*) FROM member_events"))
    assert events == len(written)
    assert min(len(one.written) for one in told) > 0.2 * len(waits) / PROCESSES, "one was left behind"
    assert max(waits) <= allowed_s
    assert story.findings() == []
