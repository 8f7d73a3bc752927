"""What happened to models that were saved in one version of a library and read in another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import nbpart

THEN = {"__init__.py": '__version__ = "1.2.2"\n', "linear.py": "class Ridge:\n    coef = 1.5\n"}
NOW = {"__init__.py": '__version__ = "1.6.1"\n', "models.py": "class Ridge:\n    coef = 2.5\n"}


def install(folder: Path, files: dict[str, str]) -> None:
    package = folder / "fieldlearn"
    package.mkdir(parents=True, exist_ok=True)
    for file in package.glob("*.py"):
        file.unlink()
    for name, text in files.items():
        (package / name).write_text(text)


def model(partition_key: str) -> Any:
    import importlib
    import os

    # as a library that is installed: no code of the asset, whatever becomes of it
    package = os.path.join(os.environ["FIELD_LIBRARY"], "fieldlearn")
    name = "linear" if os.path.exists(os.path.join(package, "linear.py")) else "models"
    return importlib.import_module(".".join(["fieldlearn", name])).Ridge()


def score(model: Any) -> dict[str, float]:
    return {"coef": model.coef}


def other(partition_key: str) -> dict[str, str]:
    return {"key": partition_key}


@pytest.mark.kernel
def test_a_model_of_another_version_fails_alone_and_is_repaired_by_making_it_again(
    ws: nbpart.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """cta-observatory/cta-lstchain#1366: models that joblib wrote could not be loaded after an upgrade."""
    library = tmp_path / "library"
    monkeypatch.setenv("FIELD_LIBRARY", str(library))
    monkeypatch.setenv("PYTHONPATH", str(library))
    install(library, THEN)
    keys = ws.dynamic_partitions("keys")
    keys.add("a", "b")
    ws.asset(model, partitions=keys, format="joblib")
    ws.asset(score, partitions=keys)
    ws.asset(other, partitions=keys)
    ws.backfill("*").wait(progress=False).raise_for_failures()
    assert ws.load("score", "a") == {"coef": 1.5}

    install(library, NOW)
    ws.backfill("model", keys="b", status="all").wait(progress=False).raise_for_failures()
    backfill = ws.backfill(["score", "other"], status="all").wait(progress=False).id
    runs = ws.runs(backfill=backfill)
    ended = {(run.asset, run.partition_key): run.status for run in runs.itertuples()}
    assert ended == {
        ("score", "a"): "failed",
        ("score", "b"): "succeeded",
        ("other", "a"): "succeeded",
        ("other", "b"): "succeeded",
    }
    error = runs[runs.status == "failed"]["error"].item()
    python = sys.version.split()[0]
    for part in (
        "the joblib data of model, partition 'a' cannot be loaded here",
        "ModuleNotFoundError: No module named 'fieldlearn.linear'",
        f"it was written with python {python}, fieldlearn 1.2.2",
        "and here is fieldlearn 1.6.1",
    ):
        assert part in error
    assert list(ws.partition_status("model")["status"]) == ["materialized", "materialized"]
    assert ws.plan("model").frame.empty

    ws.backfill("model", keys="a", status="all").wait(progress=False).raise_for_failures()
    ws.backfill("score", keys="a").wait(progress=False).raise_for_failures()
    assert ws.load("score", "a") == {"coef": 2.5}
