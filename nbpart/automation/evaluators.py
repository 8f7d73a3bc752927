"""The evaluation of each kind of trigger."""

from __future__ import annotations

from functools import partial

from nbpart.automation.automation_looks import evaluate_automation
from nbpart.automation.evaluation import Evaluate
from nbpart.automation.schedule_looks import evaluate_schedule
from nbpart.automation.sensor_children import SensorChildren
from nbpart.automation.sensor_looks import evaluate_in_child
from nbpart.automation.watched_source import evaluate_source
from nbpart.catalog import TriggerRecord
from nbpart.states import TriggerKind


def choose_evaluation(trigger: TriggerRecord, children: SensorChildren) -> Evaluate:
    """How a trigger looks; sensors run in ``children``."""
    match trigger.kind:
        case TriggerKind.SENSOR:
            return partial(evaluate_in_child, children)
        case TriggerKind.SOURCE:
            return evaluate_source
        case TriggerKind.SCHEDULE:
            return evaluate_schedule
        case TriggerKind.AUTOMATION:
            return evaluate_automation
