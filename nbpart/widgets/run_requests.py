"""What widgets ask of single runs: their notebook, their curves, and that they end early."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nbpart.widgets import explorer_json
from nbpart.widgets.actions import RunActions
from nbpart.widgets.curve_lines import encode_lines
from nbpart.widgets.run_payloads import CurveLineJson
from nbpart.widgets.schema import Answer


class RunRequests:
    """Answers requests about runs; ``after`` is called after each that changes something."""

    def __init__(self, actions: RunActions, after: Callable[[], None]) -> None:
        self._actions, self._after = actions, after

    @property
    def handlers(self) -> Mapping[str, Callable[..., Answer]]:
        """What answers each request, by its name."""
        return {
            "read_executed_notebook": self._read_executed_notebook,
            "read_curves": self._read_curves,
            "stop_run": self._stop,
        }

    def _read_executed_notebook(self, run_id: str) -> Answer:
        shown, images = explorer_json.notebook_json(self._actions.read_executed_notebook(run_id))
        return Answer(shown, code=f"ws.get_run({run_id!r}).notebook", buffers=images)

    def _read_curves(self, run_ids: list[str], metric: str, by_time: bool, smoothing: float) -> Answer:
        found = self._actions.read_curves(run_ids, metric, by_time=by_time, smoothing=smoothing)
        lines: list[CurveLineJson] = [
            {"run_id": one.run_id, "points": len(one.x), "total": one.total, "live": one.is_live} for one in found.lines
        ]
        code = f"ws.get_run({run_ids[0]!r}).curves" if len(run_ids) == 1 else ""
        payload = {"metric": found.metric, "names": list(found.names), "lines": lines}
        return Answer(payload, code=code, buffers=[encode_lines(found.lines)])

    def _stop(self, run_id: str) -> Answer:
        message = self._actions.stop_run(run_id)
        self._after()
        return Answer(message=message, code=f"ws.get_run({run_id!r}).stop()")
