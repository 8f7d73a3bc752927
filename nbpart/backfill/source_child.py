"""Asking the version function of a source, in a child process of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

from nbpart.assets.source_reading import FunctionCode
from nbpart.errors import MissingInputError

log = logging.getLogger("nbpart")

#: A version function that takes longer than so many seconds is ended.
TIMEOUT_S = 120.0
_MOST_PRINTED = 10_000


def ask_versions(
    source: str, code: FunctionCode, keys: Sequence[str | None], timeout_s: float | None = None
) -> dict[str | None, str]:
    """What there is of each key of a source, by its version function; keys of which there is nothing are left out.

    ``keys`` is ``[None]`` for a source without partitions. What the function prints is logged. Raises
    `MissingInputError`, which names source and function, where it fails or takes longer than ``timeout_s`` (by default
    `TIMEOUT_S`) seconds.
    """
    is_whole = list(keys) == [None]
    task = {"source": source, "code": asdict(code), "keys": None if is_whole else list(keys)}
    timeout_s = TIMEOUT_S if timeout_s is None else timeout_s
    whose = f"source {source!r}: its function {code.call}"
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", "from nbpart.run.source_functions import main; main()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        answer, printed = child.communicate(json.dumps(task).encode("utf-8", "surrogatepass"), timeout_s)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):  # it and what it has started
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        raise MissingInputError(f"{whose} did not answer within {timeout_s:g} s; make it faster.") from None
    text = printed.decode("utf-8", "replace").strip()
    if text:
        log.info("source %s, %s: %s", source, code.call, text[-_MOST_PRINTED:])
    if child.returncode != 0 or not answer:
        raise MissingInputError(f"{whose} ended its process (exit code {child.returncode}); see the log.")
    result = json.loads(answer)
    if "error" in result:
        raise MissingInputError(f"{whose} failed: {result['error']}")
    versions: dict[str, str] = result["versions"]
    return {None if is_whole else key: version for key, version in versions.items()}
