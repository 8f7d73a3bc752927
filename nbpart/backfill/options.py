"""How a backfill runs."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbpart.assets.definition import AssetDefinition
from nbpart.errors import DeclarationError, ParameterError, nearest
from nbpart.partitions import to_plain
from nbpart.run.secrets import check_secret
from nbpart.run.spec import decode_value, encode_value

if TYPE_CHECKING:
    from nbpart.assets.definition import AssetDefinition

PER_PARTITION, SINGLE_RUN = "per_partition", "single_run"


@dataclass(frozen=True)
class Options:
    """How a backfill runs.

    ``params`` overrides settings of its runs, ``timeout_s`` bounds a run in seconds, ``limits`` says how many runs of
    an asset (by its name) or of all assets with a tag (``"tag:db"``) may go on at once, ``keep_failed_kernels`` how
    many kernels of failed runs are left alive to be looked at. ``policy`` is ``"per_partition"``, a run a step, or
    ``"single_run"``, one run of an asset for all its keys that are ready. ``preload`` names modules that pre-warmed
    kernels find imported already. ``secrets`` are settings whose values are recorded nowhere.

    Raises `DeclarationError` for an option that cannot be, `ParameterError` for a setting that cannot reach a run.
    """

    max_workers: int
    retries: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None
    backoff_s: float = 1.0
    limits: Mapping[str, int] = field(default_factory=dict)
    keep_failed_kernels: int = 0
    policy: str = PER_PARTITION
    preload: tuple[str, ...] = ()
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        check_count("max_workers", self.max_workers, least=1)
        check_count("retries", self.retries)
        _check_seconds("backoff_s", self.backoff_s)
        if self.timeout_s is not None:
            _check_seconds("timeout_s", self.timeout_s, above_zero=True)
        object.__setattr__(self, "params", _plain_settings(self.params))
        object.__setattr__(self, "secrets", _plain_settings(self.secrets, is_secret=True))
        for name, most in self.limits.items():
            check_count(f"limits[{name!r}]", most, least=1)
        check_count("keep_failed_kernels", self.keep_failed_kernels)
        if self.policy not in (PER_PARTITION, SINGLE_RUN):
            raise DeclarationError(f"policy is {PER_PARTITION!r} or {SINGLE_RUN!r}, not {self.policy!r}.")
        for name, value in self.secrets.items():
            check_secret(name, value)
        object.__setattr__(self, "preload", tuple(self.preload))

    def to_json(self) -> dict[str, Any]:
        """All but the values of secrets, of which only the names are kept."""
        options = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain = {"params": encode_value(dict(self.params)), "limits": dict(self.limits), "secrets": list(self.secrets)}
        return options | plain | {"preload": list(self.preload)}

    @classmethod
    def from_json(cls, recorded: Mapping[str, Any], **changed: Any) -> Options:
        """The options of a backfill as they were recorded, but for those that are given anew.

        Raises `DeclarationError` for an option that is none, and where a secret is not given again.
        """
        known = [f.name for f in dataclasses.fields(cls)]
        for name in changed:
            if name not in known:
                raise DeclarationError(f"a backfill has no option {name!r}; {nearest(name, known)}")
        given = {"secrets": {}, **changed}
        if missing := [name for name in recorded.get("secrets", ()) if name not in given["secrets"]]:
            raise DeclarationError(
                f"the value of the secret setting {missing[0]!r} is recorded nowhere; give it again: "
                f"secrets={{{missing[0]!r}: ...}}, in a terminal --secret {missing[0]}."
            )
        return cls(**{**recorded, "params": decode_value(recorded["params"]), **given})


def _plain_settings(settings: Mapping[str, Any], *, is_secret: bool = False) -> dict[str, Any]:
    """The settings as they are recorded and arrive in a run: what was given, what ran and what is told are equal."""
    plain = {}
    for name, value in settings.items():
        try:
            plain[name] = to_plain(value)
            encode_value(plain[name])
        except (ValueError, RecursionError) as error:
            why = "it holds itself" if isinstance(error, RecursionError) else error
            if is_secret:  # the error shows the value
                why = "pass text, numbers, dates, or lists and dicts of them"
                raise ParameterError(f"the secret {name!r} holds what cannot be handed to a run; {why}.") from None
            raise ParameterError(f"the setting {name!r} cannot be handed to a run; {why}.") from error
    return plain


def make_options(
    selected: Iterable[AssetDefinition],
    *,
    max_workers: int | None = None,
    params: Mapping[str, Any] | None = None,
    secrets: Mapping[str, Any] | None = None,
    limits: Mapping[str, int] | None = None,
    **others: Any,
) -> Options:
    """The options of a backfill of the ``selected`` assets, whether or not anything of them has to run.

    ``params`` may hold secrets too. Raises `DeclarationError` for an option that cannot be, and for settings, secrets
    and limits of what is not selected.
    """
    for name in others:
        if name not in (known := [f.name for f in dataclasses.fields(Options)]):
            raise DeclarationError(f"a backfill has no option {name!r}; {nearest(name, known)}")
    definitions = [definition for definition in selected if not definition.is_source]
    params, limits = {**(params or {}), **(secrets or {})}, dict(limits or {})
    hidden = {name for definition in definitions for name in definition.secrets}
    _check_secrecy(definitions, params, secrets or {}, hidden)
    check_names(definitions, params, limits)
    return Options(
        max_workers=check_workers(max_workers),
        params={name: value for name, value in params.items() if name not in hidden},
        secrets={name: value for name, value in params.items() if name in hidden},
        limits=limits,
        **others,
    )


def _check_secrecy(
    definitions: Iterable[AssetDefinition], given: Iterable[str], secrets: Iterable[str], hidden: Collection[str]
) -> None:
    for name in secrets:
        if name not in hidden:
            raise DeclarationError(
                f"secrets names {name!r}, which no selected asset declares as one; register it with secrets=[{name!r}]."
            )
    for definition in definitions:
        for name in given:
            if name in hidden and name in definition.settings and name not in definition.secrets:
                raise DeclarationError(
                    f"{name!r} is a secret of another asset and would be recorded with the runs of {definition.name}; "
                    f"register {definition.name} with secrets=[{name!r}] too, or rename one of the settings."
                )


def check_names(selected: Iterable[AssetDefinition], params: Iterable[str] = (), limits: Iterable[str] = ()) -> None:
    """Raise `DeclarationError` for a setting or a limit of what is not among the ``selected`` assets."""
    definitions = list(selected)
    settings = {name for definition in definitions for name in definition.settings}
    assets = [definition.name for definition in definitions]
    told = ", ".join(assets[:5]) + (", ..." if len(assets) > 5 else "")
    for name in params:
        if name not in settings:
            raise DeclarationError(
                f"params names {name!r}, which is no setting of {told or 'what is selected'}; {nearest(name, settings)}"
            )
    limited = {*assets, *(f"tag:{tag}" for definition in definitions for tag in definition.tags)}
    for name in limits:
        if name not in limited:
            raise DeclarationError(
                f"limits names {name!r}, which is no asset that is selected nor the tag of one; "
                f"{nearest(name, limited)}"
            )


def check_workers(max_workers: int | None) -> int:
    """The number of workers to use: as asked, or the cores that this process may use."""
    if max_workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return check_count("max_workers", max_workers, least=1)


def check_count(name: str, value: Any, least: int = 0) -> int:
    """A whole number of at least ``least``. Raises `DeclarationError`."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise DeclarationError(f"{name} is a whole number of at least {least}, not {value!r}.")
    return value


def _check_seconds(name: str, value: Any, *, above_zero: bool = False) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < float("inf") or (above_zero and not value):
        raise DeclarationError(f"{name} is a number of seconds{' above 0' if above_zero else ''}, not {value!r}.")
