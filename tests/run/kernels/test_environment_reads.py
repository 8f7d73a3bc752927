"""What is read of the environment while modules are imported is known by its name, however it was asked for."""

from __future__ import annotations

import json
import os

from nbpart.run.kernels.environment_reads import EnvironmentReads


def test_a_variable_is_known_that_was_asked_for_in_bytes() -> None:
    reads = EnvironmentReads()
    with reads.watch():
        os.environ.get("HOME")
        os.environb.get(b"NBP_ASKED_IN_BYTES")
        os.get_exec_path()  # as subprocess does, at the import of scikit-learn for instance
    assert {"HOME", "NBP_ASKED_IN_BYTES", "PATH"} <= reads.names
    assert EnvironmentReads.from_json(json.loads(json.dumps(reads.to_json()))) == reads
    assert reads.covers("NBP_ASKED_IN_BYTES")
