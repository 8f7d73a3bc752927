"""Registering declarations of every kind: assets, sources, partitions and triggers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nbpart.assets.asset import Asset, name_of
from nbpart.assets.automation import Automation
from nbpart.assets.checks import Check
from nbpart.assets.watched_source import WatchedSource
from nbpart.automation.hook import Hook
from nbpart.automation.schedule import Schedule
from nbpart.automation.schedule_looks import check_schedule
from nbpart.automation.sensor import Sensor
from nbpart.automation.sensor_code import define_sensor, to_stored
from nbpart.automation.watched_source import check_watch
from nbpart.catalog import Batch, events, queries
from nbpart.catalog.conditions import choose_where
from nbpart.errors import ConditionError, UnknownNameError
from nbpart.project.checks import prepare_check, record_checks
from nbpart.project.project import Project
from nbpart.project.registration import check_unique, register, remove_asset
from nbpart.states import TriggerKind


def register_items(project: Project, items: Sequence[Any], workspace: object) -> dict[str, Sensor]:
    """Register declarations of every kind, all of them or none; returns the sensors by name.

    ``workspace`` is the face of the project: a sensor's code may use variables that hold an object of its type. Raises
    what `nbpart.project.registration.register` raises, and `CarryError` for a sensor defined in a notebook cell that
    uses something which cannot be stored with its source, `UnknownNameError` and `ConditionError` for a schedule of
    what is not there or cannot be asked.
    """
    automated = {item.name: item.automation for item in items if isinstance(item, Asset)}
    sensors = [item for item in items if isinstance(item, Sensor)]
    definitions = {s.name: asdict(to_stored(define_sensor(s, type(workspace)), project.root)) for s in sensors}
    schedules = [item for item in items if isinstance(item, Schedule)]
    watched = [item for item in items if isinstance(item, WatchedSource)]
    hooks = [item for item in items if isinstance(item, Hook)]
    checks = [(item, prepare_check(item)) for item in items if isinstance(item, Check)]
    told = {h.name: asdict(to_stored(define_sensor(h.code, type(workspace)), project.root)) for h in hooks}
    check_unique([*sensors, *schedules, *watched], "trigger")
    check_unique(hooks, "hook")

    def save_triggers(batch: Batch) -> None:
        for name, definition in definitions.items():
            events.save_trigger(batch, name, TriggerKind.SENSOR, definition)
        for schedule in schedules:
            check_schedule(batch, project.root, schedule)
            events.save_trigger(batch, schedule.name, TriggerKind.SCHEDULE, schedule.to_json())
        for watch in watched:
            check_watch(batch, project.root, watch)
            events.save_trigger(batch, watch.name, TriggerKind.SOURCE, watch.to_json())
        for name, automation in automated.items():
            _save_automation(batch, name, automation)
        for hook in hooks:
            events.save_hook(batch, hook.name, hook.event, told[hook.name])
        record_checks(batch, project.root, checks)

    others = [item for item in items if not isinstance(item, Sensor | Schedule | WatchedSource | Hook | Check)]
    register(project, others, save_triggers)
    return {sensor.name: sensor for sensor in sensors}


def remove_item(project: Project, asset: Any) -> None:
    """Remove an asset or source from the registry, with its automation or what watches it.

    Raises what `remove_asset` raises.
    """

    def remove_trigger(batch: Batch) -> None:
        trigger = queries.find_trigger(batch, name_of(asset))
        if trigger is not None and trigger.kind in (TriggerKind.SOURCE, TriggerKind.AUTOMATION):
            events.remove_trigger(batch, trigger.name)

    remove_asset(project, asset, remove_trigger)


def _save_automation(batch: Batch, asset: str, automation: Automation | None) -> None:
    """Record the automation of an asset as a trigger of its name, or take that off.

    Raises `ConditionError` or `UnknownNameError` for a condition that cannot be asked of the asset.
    """
    if automation is None:
        events.drop_automation(batch, asset)
        return
    if automation.where is not None:
        asset_id = next(one.asset_id for one in queries.load_assets(batch) if one.name == asset)
        try:
            choose_where(batch, asset_id, automation.where, asset)
        except (ConditionError, UnknownNameError) as error:
            raise type(error)(f"the automation of {asset!r}: {error}") from None
    events.save_trigger(batch, asset, TriggerKind.AUTOMATION, automation.to_json())
