"""The definition of a registered asset: everything that another process needs to plan and run it.

The catalog stores it as JSON; the code itself is in a snapshot in the workspace.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from nbpart.assets.automation import Automation
from nbpart.assets.check_definition import CheckDefinition
from nbpart.assets.freshness import Expectation
from nbpart.assets.kept_paths import find_path, keep_path
from nbpart.assets.metrics import Metric, metrics_from_json, metrics_to_json
from nbpart.assets.modules.search_path import SearchPath
from nbpart.assets.source_reading import FUNCTION, VALUE, SourceReading
from nbpart.partitions.mapping import Mapping as KeyMapping
from nbpart.partitions.mapping import mapping_from_json


@dataclass(frozen=True)
class Dependency:
    """What ``deps`` of a declaration says of one input: the ``argument`` under which a run loads ``name``.

    ``mapping`` is None where it follows from the partitions of the two.
    """

    argument: str
    name: str
    mapping: KeyMapping | None = None


@dataclass(frozen=True)
class Input:
    """One asset or source that an asset reads, and which of its keys; ``argument`` is by what a run loads it.

    ``reads_one``: it arrives as the value of one key, not as the values of many.
    """

    name: str
    mapping: KeyMapping
    argument: str = ""
    reads_one: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "argument", self.argument or self.name)


@dataclass(frozen=True)
class AssetDefinition:
    """An asset or source as registered.

    ``set_name`` is ``""`` where it is not partitioned. ``path`` is the notebook's file or the source's pattern,
    ``folder`` the working directory of its runs, ``snapshot`` the notebook that runs (relative to the workspace),
    ``modules`` the local modules that were kept with it: name -> (snapshot, original file), ``settings`` what a
    backfill may override: name -> default, ``secrets`` those of them whose values are recorded nowhere.
    ``env`` holds the variables of the environment that its runs have; they are part of ``code_version``.
    ``import_roots`` and ``late_roots`` are folders where its runs find modules too, before and after Python's own.
    ``module`` is the one that runs import the function from, empty where it is carried.
    ``reading`` says how a source is looked at and read.
    ``retries``, ``backoff_s`` and ``timeout_s`` hold where a backfill says nothing else; at most ``limit`` of its runs
    are under way at a time.
    ``columns`` are the columns of its set, and ``partition_window``, that the parameters cell of its notebook names,
    ``bound`` those columns that do not make the key and that its code takes by name.
    ``fresh`` says by when its partitions are expected.
    ``kernel`` is the kernel that its runs get, by ``kernel_name`` or by the notebook, empty for the usual one.
    ``automation`` is what it asks for by itself. ``format`` is what its value is saved in, where asked for by name.
    ``metrics`` say which way each is better; the first one orders. ``check_cells`` are the checks in its notebook.
    """

    name: str
    kind: str
    set_name: str = ""
    inputs: tuple[Input, ...] = ()
    code_version: str = ""
    folder: str = ""
    path: str | None = None
    snapshot: str | None = None
    import_roots: tuple[str, ...] = ()
    modules: Dict[str, tuple[str, str]] = field(default_factory=dict)
    settings: Dict[str, Any] = field(default_factory=dict)
    deps: tuple[Dependency, ...] = ()
    on_missing_input: str = "block"
    description: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    timeout_s: float | None = None
    kernel_name: str | None = None
    language: str = "python"
    origin: str = ""
    secrets: tuple[str, ...] = ()
    module: str = ""
    kernel: str = ""
    env: Dict[str, str] = field(default_factory=dict)
    late_roots: tuple[str, ...] = ()
    retries: int | None = None
    backoff_s: float | None = None
    limit: int | None = None
    reading: SourceReading | None = None
    columns: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()
    fresh: Expectation | None = None
    automation: Automation | None = None
    format: str | None = None
    metrics: Dict[str, Metric] = field(default_factory=dict)
    check_cells: tuple[CheckDefinition, ...] = ()

    def __repr__(self) -> str:
        over = f" over {self.set_name!r}" if self.is_partitioned else ""
        reads = f", reads {', '.join(dict.fromkeys(read.name for read in self.inputs))}" if self.inputs else ""
        return f"<{self.kind} {self.name!r}{over}{reads}>"

    @property
    def search_path(self) -> SearchPath:
        """Where its code finds modules that are somebody's own, but for its folder."""
        return SearchPath(tuple(map(Path, self.import_roots)), tuple(map(Path, self.late_roots)))

    @property
    def labels(self) -> tuple[str, ...]:
        """By what selections and limits mean it beside its name: ``tag:db``, ``group:daily``."""
        return (*(f"tag:{tag}" for tag in self.tags), *([f"group:{self.group}"] if self.group else []))

    @property
    def is_source(self) -> bool:
        return self.kind == "source"

    @property
    def is_value(self) -> bool:
        """Whether it is a source that holds a value of a notebook."""
        return self.reading is not None and self.reading.version == VALUE

    @property
    def is_of_functions(self) -> bool:
        """Whether it is a source that is no file: functions say what there is and read it."""
        return self.reading is not None and self.reading.version == FUNCTION

    @property
    def is_partitioned(self) -> bool:
        return bool(self.set_name)

    def to_json(self, root: Path) -> dict[str, Any]:
        """As the catalog of the workspace ``root`` keeps it: the paths of code near it are relative."""
        kept = self.with_paths(lambda path: keep_path(path, root))
        data = {one.name: getattr(kept, one.name) for one in fields(kept)}
        for name in ("inputs", "deps"):
            data[name] = [_reference_to_json(each) for each in data[name]]
        data["reading"] = kept.reading and asdict(kept.reading)
        data["fresh"] = kept.fresh and kept.fresh.to_json()
        data["metrics"] = metrics_to_json(kept.metrics)
        data["check_cells"] = [one.to_json() for one in kept.check_cells]
        data["automation"] = kept.automation and kept.automation.to_json()
        return data

    def with_paths(self, change: Callable[[str], str]) -> AssetDefinition:
        """The same with each path of its code changed."""
        path, origin = self.path, self.origin
        if path is not None and self.is_source:
            # a relative pattern is one below the folder, which moves with it
            is_near = os.path.isabs(path) and not os.path.isabs(change(path)) and not os.path.isabs(change(self.folder))
            path = os.path.relpath(path, self.folder) if is_near else path
        elif path is not None:
            path, origin = change(path), change(origin) if origin == path else origin
        return replace(
            self,
            folder=change(self.folder) if self.folder else "",
            path=path,
            reading=self.reading and self.reading.with_paths(change),
            origin=origin,
            import_roots=tuple(map(change, self.import_roots)),
            late_roots=tuple(map(change, self.late_roots)),
            modules={name: (snapshot, change(original)) for name, (snapshot, original) in self.modules.items()},
        )

    @classmethod
    def from_json(cls, data: Dict[str, Any], root: Path | None = None) -> AssetDefinition:
        """Read `to_json` back; fields that a newer version added are ignored.

        Without the workspace's ``root`` the paths are as they were kept.
        """
        known = {k: v for k, v in data.items() if k in cls.__dataclass_fields__}
        made = cls(**known)
        made = replace(
            made,
            inputs=tuple(Input(**_reference_from_json(each)) for each in known.get("inputs", ())),
            import_roots=tuple(made.import_roots),
            late_roots=tuple(made.late_roots),
            modules={name: (pair[0], pair[1]) for name, pair in made.modules.items()},
            deps=tuple(Dependency(**_reference_from_json(each)) for each in known.get("deps", ())),
            tags=tuple(made.tags),
            secrets=tuple(made.secrets),
            columns=tuple(made.columns),
            bound=tuple(made.bound),
            reading=SourceReading.from_json(known["reading"]) if known.get("reading") else None,
            fresh=Expectation.from_json(known["fresh"]) if known.get("fresh") else None,
            metrics=metrics_from_json(known.get("metrics")),
            check_cells=tuple(CheckDefinition.from_json(one) for one in known.get("check_cells", ())),
            automation=Automation.from_json(known["automation"]) if known.get("automation") else None,
        )
        return made if root is None else made.with_paths(lambda path: find_path(path, root))


def _reference_to_json(reference: Dependency | Input) -> dict[str, Any]:
    data = {one.name: getattr(reference, one.name) for one in fields(reference)}
    return data | {"mapping": reference.mapping and reference.mapping.to_json()}


def _reference_from_json(data: Dict[str, Any]) -> dict[str, Any]:
    return {**data, "mapping": mapping_from_json(data["mapping"]) if data["mapping"] else None}
