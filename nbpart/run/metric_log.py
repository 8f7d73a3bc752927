"""The metrics of a run: single values, and curves of those that are logged by steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nbpart.errors import ParameterError
from nbpart.partitions.names import check_identifier
from nbpart.run.curves import CurveLog, check_curve_value, check_step
from nbpart.run.secrets import redactor_of_this_run
from nbpart.run.texts import check_metric


class MetricLog:
    """What a run has logged so far: ``values`` by name, and ``curves``; ``where`` names the run in errors.

    Each method checks all that it is given before it logs any of it, and raises as `RunContext.log` says.
    """

    def __init__(self, where: str, curves: CurveLog) -> None:
        self.values: dict[str, int | float | bool | str] = {}
        self.curves, self._where = curves, where

    def set(self, metrics: Mapping[str, Any]) -> None:
        """Log values that have no step; a name that is logged again has the new one."""
        checked = dict(self.values)
        for name, value in metrics.items():
            self._check_name(name, [*checked, *self.curves.names])
            checked[name] = check_metric(name, value)
        self.values = checked

    def add_point(self, step: Any, metrics: Mapping[str, Any]) -> None:
        """Log the values of one step."""
        number = check_step(step)
        if not metrics:
            raise ParameterError(f"nothing is logged at step {step}: name a metric, as in run.log(loss=0.3, step=17).")
        known = self.curves.names
        for name in metrics:
            if name not in known:
                self._check_name(name, [*self.values, *known, *metrics])
        self.curves.log(number, {name: check_curve_value(name, value) for name, value in metrics.items()})

    def _check_name(self, name: str, known: Iterable[str]) -> None:
        lower = check_identifier(name, "metric").lower()
        refuse_secret(self._where, name, "metric")
        taken = next((other for other in known if other.lower() == lower and other != name), None)
        if taken is not None:
            raise ParameterError(f"{name!r} differs only in case from the metric {taken!r}; use one spelling.")


def refuse_secret(where: str, name: str, what: str) -> None:
    """Raise `ParameterError` where a secret stands in the name of what a run leaves; ``where`` names the run."""
    if redactor_of_this_run().redact(name) != name:
        raise ParameterError(f"{where}: a secret stands in the name of a {what}; choose another name.")
