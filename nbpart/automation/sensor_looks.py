"""What a sensor asks for: its function is called, in a child or in this kernel, and its answer read."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from nbpart.automation.demand import Demand
from nbpart.automation.evaluation import Look
from nbpart.automation.sensor import Sensor
from nbpart.automation.sensor_call import call_sensor, load_function
from nbpart.automation.sensor_children import SensorChildren
from nbpart.automation.sensor_code import load_definition
from nbpart.automation.sensor_demand import read_demand
from nbpart.project.partition_sets import load_sets


def evaluate_in_child(children: SensorChildren, look: Look) -> Demand:
    """What a sensor asks for, whose function runs in a child. Raises `TriggerFailedError`."""
    sets = children.load_sets(look.project)
    result, printed = children.ask(look.project, look.trigger, sets)
    demand = read_demand(look.registry, sets, result, look.trigger.definition["set_name"])
    return replace(demand, printed=printed)


def evaluate_here(sensor: Sensor | None, workspace: object, look: Look) -> Demand:
    """What a sensor asks for, whose function runs in this process; ``sensor`` is its declaration if it was made here.

    Raises what the function raises.
    """
    project, record = look.project, look.trigger
    definition, sets = load_definition(record, project.root), load_sets(project.catalog)
    # its relative paths mean the folder where it was registered
    with contextlib.chdir(definition.folder):
        function = sensor.function if sensor is not None else load_function(record.name, definition, workspace, sets)
        result = call_sensor(record.name, function, record.cursor, sets, definition.set_name)
    return read_demand(look.registry, sets, result, definition.set_name)
