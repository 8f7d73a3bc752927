"""The triggers of a workspace as a person handles them: a table, and each by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from nbpart.automation.due import LastLook, find_next_look
from nbpart.automation.ticks import Tick, find_trigger, list_ticks
from nbpart.automation.watching import Watch, find_watch
from nbpart.catalog import TriggerRecord, events, queries
from nbpart.errors import UnknownNameError, nearest
from nbpart.project.project import Project

if TYPE_CHECKING:
    import pandas as pd

#: Looks once with a trigger, given its name.
LookNow = Callable[..., Tick]
_COLUMNS = ("trigger", "kind", "on", "last_look", "outcome", "next_look", "message", "error")


class Trigger:
    """One trigger: a sensor, a watched source, a schedule, or the automation of an asset."""

    def __init__(self, project: Project, name: str, look_now: LookNow) -> None:
        self._project, self.name, self._look_now = project, name, look_now

    @property
    def kind(self) -> str:
        """``sensor``, ``source``, ``schedule`` or ``automation``."""
        return str(self._record.kind)

    @property
    def is_on(self) -> bool:
        """Whether a watcher looks with it."""
        return self._record.is_on

    @property
    def cursor(self) -> str | None:
        """What its last look left for the next one."""
        return self._record.cursor

    def on(self) -> None:
        """Let watchers look with it again; what came while it was off belongs to nobody."""
        self._project.catalog.write(lambda batch: events.switch_trigger(batch, self.name, is_on=True))

    def off(self) -> None:
        """Let no watcher look with it, until it is turned on. `tick` still does."""
        self._project.catalog.write(lambda batch: events.switch_trigger(batch, self.name, is_on=False))

    def remove(self) -> None:
        """Take it off the list; its ticks stay recorded. It comes back when it is declared again."""
        self._project.catalog.write(lambda batch: events.remove_trigger(batch, self.name))

    def tick(self, **options: Any) -> Tick:
        """Look once, now; see `Workspace.tick` for the options."""
        return self._look_now(self.name, **options)

    def ticks(self, limit: int | None = None) -> pd.DataFrame:
        """Its looks, newest first; see `Workspace.ticks`."""
        return list_ticks(self._project, self.name, limit)

    def keys_of(self, tick_id: int) -> pd.DataFrame:
        """The keys that came and went by one of its looks: ``partitions, partition_key, action``.

        ``tick_id`` is that of `ticks`.
        """
        return self._project.catalog.read(lambda batch: queries.keys_of_tick(batch, int(tick_id)))

    @property
    def _record(self) -> TriggerRecord:
        return find_trigger(self._project, self.name)

    def __repr__(self) -> str:
        record = self._record
        return f"<{record.kind} {record.name!r}, {'on' if record.is_on else 'off'}>"


class Triggers(Mapping[str, Trigger]):
    """The triggers of a workspace by name; displays as a table."""

    def __init__(self, project: Project, look_now: LookNow) -> None:
        self._project, self._look_now = project, look_now

    @property
    def frame(self) -> pd.DataFrame:
        """``trigger, kind, on, last_look, outcome, next_look, message, error``: a row each.

        The last five are those of its last look. ``next_look`` is empty where nobody watches, or it is off.
        """
        import pandas as pd

        now = self._project.catalog.clock()
        watch = find_watch(self._project.catalog.path, now)
        records, ticks = self._project.catalog.read(
            lambda batch: (queries.load_triggers(batch), queries.last_ticks(batch).set_index("trigger_id"))
        )
        sequence = self._project.catalog.sequence()
        rows = []
        for record in records:
            tick = ticks.loc[record.trigger_id] if record.trigger_id in ticks.index else None
            last = None if tick is None else LastLook(tick.happened_at.to_pydatetime(), int(tick.failures), sequence)
            coming = find_next_look(record, last, sequence, now) if watch.is_watched and record.is_on else None
            seen = (None,) * 4 if tick is None else (tick.happened_at, tick.outcome, tick.message, tick.error)
            rows.append((record.name, str(record.kind), record.is_on, *seen[:2], coming, *seen[2:]))
        frame = pd.DataFrame(rows, columns=_COLUMNS)
        for name in ("outcome", "message", "error"):
            frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
        for name in ("last_look", "next_look"):
            frame[name] = pd.to_datetime(frame[name], utc=True)
        return frame

    @property
    def watch(self) -> Watch:
        """Who watches, or did last."""
        return find_watch(self._project.catalog.path, self._project.catalog.clock())

    def __getitem__(self, name: str) -> Trigger:
        known = {one.lower(): one for one in self}
        if not isinstance(name, str) or name.lower() not in known:
            raise UnknownNameError(f"there is no trigger {name!r}; {nearest(str(name), known.values())}")
        return Trigger(self._project, known[name.lower()], self._look_now)

    def __iter__(self) -> Iterator[str]:
        return iter([one.name for one in self._project.catalog.read(queries.load_triggers)])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return f"<{describe_watching(self._project) or 'no triggers'}>"

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import triggers_html

        return triggers_html(self.frame, describe_watching(self._project))


def describe_unwatched(project: Project) -> str:
    """The sentence of `describe_watching` where triggers are on and nobody watches; else ""."""
    sentence = describe_watching(project)
    is_watched = find_watch(project.catalog.path, project.catalog.clock()).is_watched if sentence else True
    return "" if is_watched else sentence


def describe_watching(project: Project, now: datetime | None = None) -> str:
    """``3 triggers; nobody has watched since 18:02``; "" where no trigger is on."""
    on = [one for one in project.catalog.read(queries.load_triggers) if one.is_on]
    if not on:
        return ""
    at = now or project.catalog.clock()
    watch = find_watch(project.catalog.path, at)
    return f"{len(on):,} trigger{'' if len(on) == 1 else 's'}; {watch.describe(at)}"
