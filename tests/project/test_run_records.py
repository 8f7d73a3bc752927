"""The parameters and settings of a recorded run, without a kernel."""

from __future__ import annotations

from pathlib import Path

import nbpart
from tests.backfill.pools import Stage


def test_a_run_has_the_parameters_of_its_partition_and_the_settings_that_it_was_given(tmp_path: Path) -> None:
    with nbpart.open(tmp_path / "ws") as ws:
        ws.project.make_pool = Stage().make_pool
        trials = ws.dynamic_partitions("trials", params={"depth": int, "lr": float})
        trials.add(depth=3, lr=0.1)

        @ws.asset(partitions=trials)
        def model(depth: int, lr: float, epochs: int = 1) -> float:
            return depth * lr * epochs

        @ws.asset
        def report(model: dict[str, float]) -> int:
            return len(model)

        ws.backfill("model", settings={"epochs": 5}).wait(progress=False)
        ws.backfill("report").wait(progress=False)
        trained, reported = (ws.get_run(ws.runs(asset).run_id[0]) for asset in ("model", "report"))
        assert trained.params == {"depth": 3, "lr": 0.1}
        assert trained.settings == {"epochs": 5}
        assert (trained.to_json()["params"], trained.to_json()["settings"]) == (trained.params, trained.settings)
        assert (reported.params, reported.settings) == ({}, {})
