"""The triggers of a workspace as a person handles them: a table, and each by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Any

from nbpart.automation.ticks import Tick, find_trigger, list_ticks
from nbpart.automation.trigger_rows import TriggerRow, describe_watch, load_triggers, summarize
from nbpart.automation.watching import Watch, find_watch
from nbpart.catalog import TriggerRecord, events, queries
from nbpart.errors import UnknownNameError, nearest
from nbpart.project.project import Project

if TYPE_CHECKING:
    import pandas as pd

#: Looks once with a trigger, given its name.
LookNow = Callable[..., Tick]


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
    """The triggers of a workspace by name; displays as a live table."""

    def __init__(self, project: Project, look_now: LookNow) -> None:
        self._project, self._look_now = project, look_now

    @property
    def frame(self) -> pd.DataFrame:
        """``trigger, kind, on, last_look, outcome, next_look, message, error``: a row each.

        The last five are those of its last look. ``next_look`` is empty where nobody watches, or it is off.
        """
        import pandas as pd

        catalog, now = self._project.catalog, self._project.catalog.clock()
        found = catalog.read(load_triggers).make_rows(catalog.path, find_watch(catalog.path, now), now)
        rows = [astuple(row) for row in found]
        frame = pd.DataFrame(rows, columns=[each.name for each in fields(TriggerRow)])
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

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)[:300]

    def __repr__(self) -> str:
        return f"<{describe_watching(self._project) or 'no triggers'}>"

    def _ipython_display_(self) -> None:
        """Show the live table in a notebook, and the repr elsewhere."""
        display_triggers(self._project, repr(self))

    def _repr_html_(self) -> str:
        from nbpart.widgets.tables import triggers_html

        return triggers_html(summarize(self._project.catalog.read(load_triggers), self._project))


def display_triggers(project: Project, text: str) -> None:
    """Show the live table of triggers in a notebook, and elsewhere a text."""
    from IPython import get_ipython

    if project.show_triggers is None or getattr(get_ipython(), "kernel", None) is None:
        print(text)
    else:
        project.show_triggers()._ipython_display_()


def describe_unwatched(project: Project) -> str:
    """The sentence of `describe_watching` where triggers are on and nobody watches; else ""."""
    sentence = describe_watching(project)
    is_watched = find_watch(project.catalog.path, project.catalog.clock()).is_watched if sentence else True
    return "" if is_watched else sentence


def describe_watching(project: Project) -> str:
    """``3 triggers; nobody has watched since 18:02``; "" where no trigger is on."""
    n_on = sum(one.is_on for one in project.catalog.read(queries.load_triggers))
    now = project.catalog.clock()
    return describe_watch(n_on, find_watch(project.catalog.path, now), now) if n_on else ""
