"""What a caller changed after the zygote began is what its kernels have: as a process that it starts would."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from nbpart.run.kernels import zygotes
from nbpart.run.kernels.forked_kernel import PrewarmError
from tests.run.conftest import PACKAGE_ROOT, make_spec

pytestmark = pytest.mark.skipif(not zygotes.is_supported(), reason="kernels are forked on Linux only")
SEEN = """
import json, os, resource, signal, sys
def see():
    return {
        "umask": os.umask(0o022),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "processors": sorted(os.sched_getaffinity(0)),
        "nice": os.getpriority(os.PRIO_PROCESS, 0),
        "policy": os.sched_getscheduler(0),
        "ignored": [number for number in (1, 10, 12) if signal.getsignal(number) == signal.SIG_IGN],
        "variable": os.environ.get("NBP_CHANGED"),
        "parent": os.environ.get("JPY_PARENT_PID"),
    }
"""
#: A caller that changes itself between two runs, and says what a process that it starts sees of that.
CALLER = f"""
import subprocess
{SEEN}
from nbpart.run import RunSpec
from nbpart.run.notebook import execute
first, second = (RunSpec.read(path) for path in sys.argv[1:3])
kinds = [execute(first).kernel_kind]
os.umask(0o077)
resource.setrlimit(resource.RLIMIT_NOFILE, (300, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
os.nice(3)
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGUSR1, lambda *_: None)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
os.environ["NBP_CHANGED"] = "yes"
started = subprocess.run([sys.executable, "-c", sys.argv[3]], env={{**os.environ, "JPY_PARENT_PID": str(os.getpid())}},
                         stdout=subprocess.PIPE, check=True).stdout
kinds.append(execute(second).kernel_kind)
print(json.dumps([kinds, json.loads(started)]))
"""


@pytest.mark.kernel
def test_a_fork_has_what_a_started_process_would_have(tmp_path: Path) -> None:
    tell = f"{SEEN}\nwith open('seen.json', 'w') as file: json.dump(see(), file)"
    specs = [make_spec(tmp_path, name, tell) for name in ("before", "after")]
    paths = [str(spec.write()) for spec in specs]
    command = [sys.executable, "-c", CALLER, *paths, f"{SEEN}\nprint(json.dumps(see()))"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": PACKAGE_ROOT}, stdout=subprocess.PIPE, timeout=120)
    kinds, started = json.loads(done.stdout)
    assert kinds == ["prewarmed", "prewarmed"]
    seen = json.loads(Path(specs[1].locate(specs[1].folder), "seen.json").read_text())
    assert started["umask"] == 0o077
    assert started["ignored"] == [signal.SIGHUP, signal.SIGUSR2]
    assert seen == started


def test_what_a_fork_cannot_take_on_is_left_to_an_ordinary_start() -> None:
    found: list[Any] = []

    def work() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        zygote = zygotes.Zygote(None, None, None)  # type: ignore[arg-type]
        try:
            zygote.run_kernel({}, "/", [], {}, {})
        except PrewarmError as error:
            found.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "blocked" in found[0]


def test_limits_are_those_of_the_caller() -> None:
    from nbpart.run.kernels.inheritance import Inheritance

    mine = Inheritance.of_this_thread()
    assert mine.limits[resource.RLIMIT_NOFILE] == resource.getrlimit(resource.RLIMIT_NOFILE)
    assert Inheritance.from_json(json.loads(json.dumps(mine.to_json()))) == mine
