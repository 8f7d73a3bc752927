"""Declaring with a workspace: the decorators and functions of `nbpart` as methods that register at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from nbpart.assets.asset import Asset, OnMissingInput, Source, asset, notebook, source, value_source
from nbpart.assets.automation import Automation
from nbpart.assets.check_definition import Severity
from nbpart.assets.checks import Check, check
from nbpart.assets.freshness import Expectation
from nbpart.assets.notebook_patterns import find_notebooks
from nbpart.automation import Schedule, Sensor, declare_sensor, schedule
from nbpart.automation.hook import Hook, declare_hook
from nbpart.automation.hooks import FAILURE, LATE
from nbpart.automation.sensor import DEFAULT_TIMEOUT_S
from nbpart.storage.named_format import FormatName

A = TypeVar("A", bound=Asset)


class Declaring(Generic[A]):
    """The declaring methods of a workspace; ``A`` is the type that they return for an asset."""

    @property
    def root(self) -> Path:
        """The folder of the workspace."""
        raise NotImplementedError

    def register(self, *items: Any) -> None:
        """Register declarations."""
        raise NotImplementedError

    def _register_source(self, declared: Source) -> Source:
        """Register a source and return it as it can be used here."""
        raise NotImplementedError

    def _register_assets(self, declared: Sequence[Asset]) -> list[A]:
        """Register assets together and return them as they can be used here."""
        raise NotImplementedError

    def _register_asset(self, declared: Asset) -> A:
        return self._register_assets([declared])[0]

    def source(  # noqa: PLR0913
        self,
        name: str,
        url: str | os.PathLike[str] | None = None,
        *,
        partitions: Any = None,
        version: Literal["hash", "etag", "size+mtime"] | Callable[..., Any] | None = None,
        load: Callable[..., Any] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        description: str = "",
        group: str = "",
        tags: Iterable[str] = (),
    ) -> Source:
        """Register files, or a table, that come from elsewhere; see `nbpart.source` for the options."""
        declared = source(
            name,
            url,
            partitions=partitions,
            version=version,
            load=load,
            storage_options=storage_options,
            description=description,
            group=group,
            tags=tags,
        )
        return self._register_source(declared)

    def value(
        self, name: str, value: Any, *, description: str = "", group: str = "", tags: Iterable[str] = ()
    ) -> Source:
        """Register a value of this notebook as a source, which assets take as an argument: a frame, an array, a dict.

        It is saved in the workspace. Given again with other content it is a new version, and what read it is stale;
        an equal one changes nothing. ``value`` is what a run can save, or the Path of a file.
        """
        declared = value_source(name, description, group, tags)
        self._give_value(declared, value)
        return declared

    def _give_value(self, source: Source, value: Any) -> None:
        """Save a value of this notebook as a source."""
        raise NotImplementedError

    def asset(  # noqa: PLR0913
        self,
        function: Callable[..., Any] | None = None,
        *,
        name: str | None = None,
        partitions: Any = None,
        deps: Iterable[Any] = (),
        on_missing_input: OnMissingInput = "block",
        description: str | None = None,
        group: str = "",
        tags: Iterable[str] = (),
        retries: int | None = None,
        backoff_s: float | None = None,
        timeout_s: float | None = None,
        limit: int | None = None,
        secrets: Iterable[str] = (),
        env: Mapping[str, Any] | None = None,
        fresh: Expectation | None = None,
        automation: Automation | None = None,
        format: FormatName | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> Any:
        """Register a function as an asset, as a decorator; see `nbpart.asset` for the options."""
        declare = asset(
            name=name,
            partitions=partitions,
            deps=deps,
            on_missing_input=on_missing_input,
            description=description,
            group=group,
            tags=tags,
            retries=retries,
            backoff_s=backoff_s,
            timeout_s=timeout_s,
            limit=limit,
            secrets=secrets,
            env=env,
            fresh=fresh,
            automation=automation,
            format=format,
            metrics=metrics,
        )

        def decorate(f: Callable[..., Any]) -> A:
            return self._register_asset(declare(f))

        return decorate if function is None else decorate(function)

    def notebook(  # noqa: PLR0913
        self,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        partitions: Any = None,
        deps: Iterable[Any] = (),
        kernel_name: str | None = None,
        on_missing_input: OnMissingInput = "block",
        description: str = "",
        group: str = "",
        tags: Iterable[str] = (),
        retries: int | None = None,
        backoff_s: float | None = None,
        timeout_s: float | None = None,
        limit: int | None = None,
        secrets: Iterable[str] = (),
        env: Mapping[str, Any] | None = None,
        fresh: Expectation | None = None,
        automation: Automation | None = None,
        format: FormatName | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> A:
        """Register a notebook as an asset; see `nbpart.notebook` for the options."""
        declared = notebook(
            path,
            name=name,
            partitions=partitions,
            deps=deps,
            kernel_name=kernel_name,
            on_missing_input=on_missing_input,
            description=description,
            group=group,
            tags=tags,
            retries=retries,
            backoff_s=backoff_s,
            timeout_s=timeout_s,
            limit=limit,
            secrets=secrets,
            env=env,
            fresh=fresh,
            automation=automation,
            format=format,
            metrics=metrics,
        )
        return self._register_asset(declared)

    def notebooks(  # noqa: PLR0913
        self,
        pattern: str | os.PathLike[str],
        *,
        partitions: Any = None,
        deps: Iterable[Any] = (),
        kernel_name: str | None = None,
        on_missing_input: OnMissingInput = "block",
        group: str = "",
        tags: Iterable[str] = (),
        retries: int | None = None,
        backoff_s: float | None = None,
        timeout_s: float | None = None,
        limit: int | None = None,
        env: Mapping[str, Any] | None = None,
        automation: Automation | None = None,
    ) -> list[A]:
        """Register each notebook that a pattern means (``"*.ipynb"``, ``"steps/**/*.py"``) as an asset of its name.

        All of them or none; returned in the order of their names. The options hold for each; see `nbpart.notebook`.
        Hidden files, the workspace's own and the notebook that calls this are left out. Raises `DeclarationError` where
        nothing is called like that, and where two files would make one name.
        """
        declared = [
            notebook(
                path,
                partitions=partitions,
                deps=deps,
                kernel_name=kernel_name,
                on_missing_input=on_missing_input,
                group=group,
                tags=tags,
                retries=retries,
                backoff_s=backoff_s,
                timeout_s=timeout_s,
                limit=limit,
                env=env,
                automation=automation,
            )
            for path in find_notebooks(pattern, self.root)
        ]
        return self._register_assets(declared)

    def check(
        self,
        asset: Any,
        *,
        name: str | None = None,
        blocking: bool = False,
        severity: Severity = "error",
        description: str | None = None,
    ) -> Callable[[Callable[..., Any]], Check]:
        """Register a function as a check of an asset, as a decorator; see `nbpart.check` for the options.

        It judges each partition in the run that makes it, and what is there by `Workspace.run_checks`. Raises
        `UnknownNameError` too, for an asset that is not there.
        """
        declare = check(asset, name=name, blocking=blocking, severity=severity, description=description)

        def decorate(f: Callable[..., Any]) -> Check:
            declared = declare(f)
            self.register(declared)
            return declared

        return decorate

    def sensor(
        self,
        function: Callable[..., Any] | None = None,
        *,
        every: str | float = "30s",
        name: str | None = None,
        partitions: Any = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Any:
        """Register a sensor, as a decorator; see `nbpart.sensor` for the options.

        The function takes a context and returns keys to add and run, or an `nbpart.SensorResult`.
        """

        def decorate(f: Callable[..., Any]) -> Sensor:
            declared = declare_sensor(f, every=every, name=name, partitions=partitions, timeout_s=timeout_s)
            self.register(declared)
            return declared

        return decorate if function is None else decorate(function)

    def schedule(
        self, selection: Any, *, cron: str, timezone: str = "UTC", where: Any = None, name: str | None = None
    ) -> Schedule:
        """Register a schedule: at the times of ``cron`` a backfill of what is outdated of ``selection``.

        See `nbpart.schedule` for the options. Raises `UnknownNameError` too, for an asset or a column that is not
        there, and `ConditionError` for a condition that cannot be asked.
        """
        declared = schedule(selection, cron=cron, timezone=timezone, where=where, name=name)
        self.register(declared)
        return declared

    def on_failure(
        self,
        function: Callable[..., Any] | None = None,
        *,
        name: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Any:
        """Register a function that a watcher calls with an `nbpart.HookEvent` when something failed, as a decorator.

        Once for a backfill of which steps failed, with their number and the first error, and once when the looks of a
        trigger begin to fail; never for a run, nor for what only waits. It is called in a process of its own, whose
        environment holds what secrets it needs: ``os.environ["TOKEN"]``. What it raises is shown and stops nothing.
        """
        return self._declare_hook(FAILURE, function, name, timeout_s)

    def on_late(
        self,
        function: Callable[..., Any] | None = None,
        *,
        name: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Any:
        """Register a function that a watcher calls with an `nbpart.HookEvent` when partitions have become late.

        Once for all that a look finds; see `on_failure`.
        """
        return self._declare_hook(LATE, function, name, timeout_s)

    def _declare_hook(self, event: str, function: Callable[..., Any] | None, name: str | None, timeout_s: float) -> Any:
        def declare(f: Callable[..., Any]) -> Hook:
            hook = declare_hook(event, f, name=name, timeout_s=timeout_s)
            self.register(hook)
            return hook

        return declare if function is None else declare(function)
