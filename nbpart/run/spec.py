"""The spec of a run: everything that one attempt needs, since a run has no access to the catalog.

It is frozen and is passed on as a JSON file. Dates keep their type there: `{"$date": "2024-05-01"}`. Where an input has
more than 1,000 items, they are in a Parquet file beside the spec.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from nbpart.assets.metrics import Metric, metrics_from_json, metrics_to_json
from nbpart.assets.source_reading import FunctionCode
from nbpart.errors import ParameterError
from nbpart.run.check_result import CheckSpec
from nbpart.run.input_files import InputFile
from nbpart.run.pruners import Pruner, pruner_from_json, pruner_to_json
from nbpart.storage import place_curves, place_stop_request
from nbpart.storage.adopted import AdoptingStore, find_place, is_adopted
from nbpart.storage.file_record import FileRecord
from nbpart.storage.relative import to_absolute
from nbpart.storage.store import LocalStore, Store, publish_bytes

_INLINE_ITEMS = 1000
#: How an input arrives: as the value of one key at most, or as those of many.
ONE, MANY = "one", "many"
#: The format of an item that a function of its source loads, or that is only a key.
CALLED = "called"
#: The fields of a spec that hold values, which JSON alone would change.
_ENCODED = ("params", "columns", "window", "settings", "injected")


@dataclass(frozen=True, slots=True)
class InputItem:
    """One partition of an input: where it is and how to read it.

    `location` is the path of its main file in the store, of a source a path as `RunSpec.locate` takes it, or a URL.
    `format` is None where the partition was materialized without data (it reads as None), "source" where `location`
    itself is what the run gets, else a format of `nbpart.storage`. `data_version` is that of all its files together,
    `bytes`, `file_version` and `written_with` are those of the main one; `files`: the extra ones by name.
    `materialization_id` is by what the catalog knows the data; `metrics` are what its run logged, where its asset says
    which way they are better, and `stopped_early` whether that was told to end early.
    """

    partition_key: str | None
    location: str
    format: str | None
    params: Mapping[str, Any] = field(default_factory=dict)
    data_version: str | None = None
    files: Mapping[str, InputFile] = field(default_factory=dict)
    bytes: int | None = None
    file_version: str | None = None
    materialization_id: int | None = None
    written_with: str | None = None
    metrics: Mapping[str, int | float | bool | str] = field(default_factory=dict)
    stopped_early: bool = False

    @property
    def main(self) -> InputFile | None:
        """The main data file; None where there is none."""
        if self.format is None:
            return None
        return InputFile(self.location, self.format, self.bytes, self.file_version, self.written_with)

    def to_json(self) -> dict[str, Any]:
        return {
            "partition_key": self.partition_key,
            "location": self.location,
            "format": self.format,
            "params": encode_value(dict(self.params)),
            "data_version": self.data_version,
            "files": {name: list(file) for name, file in self.files.items()},
            "bytes": self.bytes,
            "file_version": self.file_version,
            "materialization_id": self.materialization_id,
            "written_with": self.written_with,
            "metrics": dict(self.metrics),
            "stopped_early": self.stopped_early,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> InputItem:
        files = {name: InputFile(*file) for name, file in data["files"].items()}
        return cls(**{**data, "params": decode_value(data["params"]), "files": files})


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a run: `kind` is "asset" or "source", `shape` is `ONE` or `MANY`, as one partition reads it.

    `missing` names the keys without data that the run goes without; where it `needs_data`, loading one such key is an
    error. `load` is the function that loads items of the format `CALLED`; without it they are their keys. `name` is
    that of the asset or source. In a run of many partitions `is_split` says that each reads only some of the items, see
    `Member.reads`. `metrics` say what is better of each that an asset logs; the first one orders.
    """

    kind: str
    shape: str
    items: tuple[InputItem, ...] = ()
    missing: tuple[str, ...] = ()
    load: FunctionCode | None = None
    name: str = ""
    is_split: bool = False
    needs_data: bool = False
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    _by_key: dict[str | None, InputItem] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def is_many(self) -> bool:
        return self.shape == MANY or self.is_split

    def of_member(self, reads: MemberReads | None) -> InputSpec:
        """The input as one partition of a run of many reads it."""
        if reads is None:
            return self
        items = tuple(self.items[place] for place in reads.places)
        return dataclasses.replace(self, items=items, missing=reads.missing, is_split=False)

    def find(self, key: str) -> InputItem | None:
        """The item of a key, without going through all of them."""
        if not self._by_key:
            self._by_key.update((item.partition_key, item) for item in self.items)
        return self._by_key.get(key)

    def to_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in ("kind", "shape", "name", "is_split", "needs_data")}
        return {
            **plain,
            "items": [item.to_json() for item in self.items],
            "missing": list(self.missing),
            "load": self.load and dataclasses.asdict(self.load),
            "metrics": metrics_to_json(self.metrics),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> InputSpec:
        items = tuple(InputItem.from_json(item) for item in data["items"])
        load = FunctionCode(**data["load"]) if data["load"] else None
        metrics = metrics_from_json(data["metrics"])
        return cls(**{**data, "items": items, "missing": tuple(data["missing"]), "load": load, "metrics": metrics})


@dataclass(frozen=True, slots=True)
class MemberReads:
    """What one partition of a run of many reads of an input: the places of its items, and the keys without data."""

    places: tuple[int, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One partition of a run of many: a run of its own in the catalog, whose data files begin with `data_prefix`.

    `reads` is by the name of an input; of an input that is not there it reads all that the run does.
    """

    run_no: int
    run_id: str
    partition_key: str
    data_prefix: str
    params: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)
    window: Sequence[datetime.datetime] | None = None
    reads: Mapping[str, MemberReads] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        data = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        reads = {name: [list(one.places), list(one.missing)] for name, one in data.pop("reads").items()}
        return {name: encode_value(value) for name, value in data.items()} | {"reads": reads}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Member:
        values = {name: decode_value(value) for name, value in data.items() if name != "reads"}
        reads = {name: MemberReads(*map(tuple, one)) for name, one in data["reads"].items()}
        return cls(**values, reads=reads)


@dataclass(frozen=True)
class RunSpec:
    """All that one attempt of a run needs.

    Every path is relative to `workspace`, which alone is absolute, but for folders that do not move with it: `locate`
    makes one absolute. What the run leaves lies in the workspace, its data files in the `store`.

    notebook: the notebook to execute. folder: its working directory. import_roots: more of sys.path, in front;
    late_roots: at its end.
    modules: name -> (snapshot, original): a module of that name is imported from the snapshot's source.
    params, columns: what the partition has by name, the parameters that make its key and all columns of its set.
    window: start and end of its window of time, None where it has not just one.
    injected: what becomes the cell after the parameters cell. data_prefix: what the names of its data files begin
    with. output_notebook, log, report: what the attempt leaves. timeout_s: limit of the attempt in seconds, or None.
    preload: modules that a prewarmed kernel finds imported already, by name. keep_kernel: where the connection file
    of the kernel goes, if the kernel shall be kept: where a cell raises, and with keeps_succeeded where all succeed. It
    ends by itself after keep_kernel_s seconds.
    members: the partitions of a run of many, which has no key of its own. secrets: settings that are written nowhere,
    not with the spec either. run_no: its number in the catalog, of a run of many that of its first; None where it is
    recorded nowhere. env: variables of the environment that its kernel has from the start. format: in which its main
    value is saved, where one is asked for by name. storage_options: of those of its sources that have any, by name;
    written nowhere, and None where whoever starts the run lacks one.
    metrics: what is better of each that it logs. pruner: what tells it to end early, and others: the file with what the
    runs beside it came to. checks: what judges what it saved. judged: of a run that only judges a partition, the files
    of its data; None of any other.
    """

    run_id: str
    attempt: int
    asset: str
    partition_key: str | None
    notebook: str
    folder: str
    output_notebook: str
    log: str
    data_prefix: str
    report: str
    workspace: str
    params: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)
    window: Sequence[datetime.datetime] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    injected: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    import_roots: tuple[str, ...] = ()
    late_roots: tuple[str, ...] = ()
    modules: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    kernel_name: str | None = None
    language: str | None = None
    timeout_s: float | None = None
    preload: tuple[str, ...] = ()
    keep_kernel: str | None = None
    keep_kernel_s: float = 3600.0
    keeps_succeeded: bool = False
    members: tuple[Member, ...] = ()
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)
    run_no: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    format: str | None = None
    storage_options: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict, repr=False)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    pruner: Pruner | None = None
    others: str | None = None
    checks: tuple[CheckSpec, ...] = ()
    judged: tuple[FileRecord, ...] | None = None

    @property
    def where(self) -> str:
        """The asset and key as messages name them."""
        return self.asset if self.partition_key is None else f"{self.asset}, partition {self.partition_key!r}"

    @property
    def store(self) -> Store:
        """The store of the workspace, in which the run publishes its files."""
        root = Path(self.workspace)
        return AdoptingStore(LocalStore(root), root)

    def locate(self, path: str) -> str:
        """A path of the spec as an absolute path on this machine; a URL stays as it is."""
        return str(find_place(path, Path(self.workspace))) if is_adopted(path) else to_absolute(path, self.workspace)

    @property
    def mark(self) -> str:
        """What its processes are found by on this machine: no run of another workspace has the same."""
        return f"{self.run_id}@{hashlib.sha256(self.workspace.encode()).hexdigest()[:16]}"

    @property
    def path(self) -> Path:
        """The path of the spec's own file while the run is executed."""
        return Path(self.locate(f"{self.report}.spec"))

    @property
    def part(self) -> Path:
        """The path of the file in which the notebook writes what it has saved and logged so far."""
        return Path(self.locate(f"{self.report}.part"))

    @property
    def journal(self) -> Path:
        """The path of the file to which what its cells send is appended while it is executed."""
        return Path(self.locate(f"{self.log}.journal"))

    @property
    def curves(self) -> str:
        """The path of the file to which its curves are appended."""
        return place_curves(self.data_prefix)

    @property
    def stop_request(self) -> str:
        """The path of the file by which a person asks it to stop; it holds who."""
        return place_stop_request(self.data_prefix)

    @property
    def stop_asked(self) -> str:
        """The path of the file that is there once it has asked whether to stop."""
        return f"{self.stop_request}.asked"

    @property
    def imports(self) -> tuple[tuple[str, ...], dict[str, tuple[str, str]], tuple[str, ...]]:
        """The arguments of `nbpart.run.modules.install`: import roots, modules and late roots, where they are now."""
        modules = {name: (self.locate(kept), self.locate(original)) for name, (kept, original) in self.modules.items()}
        return tuple(map(self.locate, self.import_roots)), modules, tuple(map(self.locate, self.late_roots))

    def to_json(self) -> dict[str, Any]:
        """What `write` writes: without the workspace, the secrets and the storage options."""
        data = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        for name in _ENCODED:
            data[name] = encode_value(data[name])
        data["inputs"] = {name: given.to_json() for name, given in self.inputs.items()}
        data["modules"] = {name: list(pair) for name, pair in self.modules.items()}
        data["members"] = [member.to_json() for member in self.members]
        data["metrics"], data["pruner"] = metrics_to_json(self.metrics), pruner_to_json(self.pruner)
        data["checks"] = [check.to_json() for check in self.checks]
        data["judged"] = None if self.judged is None else [file.to_json() for file in self.judged]
        del data["secrets"], data["storage_options"], data["workspace"]
        return data | {name: list(data[name]) for name in ("import_roots", "late_roots", "preload")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], workspace: str) -> RunSpec:
        """Read `to_json` back, of a run of the workspace at this absolute path."""
        values = dict(data)
        for name in _ENCODED:
            values[name] = decode_value(values[name])
        values["inputs"] = {name: InputSpec.from_json(given) for name, given in data["inputs"].items()}
        values["modules"] = {name: (snapshot, original) for name, (snapshot, original) in data["modules"].items()}
        for name in ("import_roots", "late_roots", "preload"):
            values[name] = tuple(data[name])
        values["metrics"], values["pruner"] = metrics_from_json(data["metrics"]), pruner_from_json(data["pruner"])
        values["members"] = tuple(Member.from_json(member) for member in data["members"])
        values["checks"] = tuple(CheckSpec.from_json(check) for check in data["checks"])
        if data["judged"] is not None:
            values["judged"] = tuple(FileRecord.from_json(file) for file in data["judged"])
        return cls(**values, workspace=workspace)

    def of_member(self, member: Member) -> RunSpec:
        """The spec of one partition of a run of many, as if it were run alone."""
        inputs = {name: given.of_member(member.reads.get(name)) for name, given in self.inputs.items()}
        return dataclasses.replace(
            self,
            run_no=member.run_no,
            run_id=member.run_id,
            partition_key=member.partition_key,
            data_prefix=member.data_prefix,
            params=member.params,
            columns=member.columns,
            window=member.window,
            inputs=inputs,
            members=(),
        )

    def write(self) -> Path:
        """Write the spec to its own `path`, and long inputs as Parquet files beside it."""
        data = self.to_json()
        path = f"{data['report']}.spec"
        for name, given in data["inputs"].items():
            if len(given["items"]) > _INLINE_ITEMS:
                beside = f"{path}.{name}.parquet"
                self.store.publish(beside, partial(_write_items, items=given.pop("items")))
                given["items_file"] = beside.rpartition("/")[2]
        publish_bytes(
            self.store, path, json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass"), is_durable=False
        )
        return self.path

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> RunSpec:
        """Read what `write` wrote there. The workspace is where the spec's own place in it says."""
        path = Path(os.path.abspath(path))
        data = json.loads(path.read_bytes())
        for given in data["inputs"].values():
            beside = given.pop("items_file", None)
            if beside is not None:
                given["items"] = _read_items(path.with_name(beside))
        depth = len(Path(data["report"]).parts)
        return cls.from_json(data, str(path.parents[depth - 1]))

    def remove_files(self) -> None:
        """Remove the spec, its long inputs, the part of a report and the journal; report, log and notebook stay."""
        for name in self.inputs:
            self.path.with_name(f"{self.path.name}.{name}.parquet").unlink(missing_ok=True)
        prefixes = [self.data_prefix, *(member.data_prefix for member in self.members)]
        requests = [place_stop_request(prefix) for prefix in prefixes]
        stops = [Path(self.locate(path)) for request in requests for path in (request, f"{request}.asked")]
        for path in (self.path, self.part, self.journal, *stops):
            path.unlink(missing_ok=True)


def encode_value(value: Any) -> Any:
    """A value of a parameter or setting as plain JSON; ParameterError for what has no place there."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime.datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"$date": value.isoformat()}
    if isinstance(value, list | tuple):
        return [encode_value(item) for item in value]
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) or key.startswith("$") for key in value):
            return {"$dict": [[encode_value(key), encode_value(item)] for key, item in value.items()]}
        return {key: encode_value(item) for key, item in value.items()}
    raise ParameterError(
        f"{value!r:.60} of type {type(value).__qualname__} cannot be handed to a run; "
        "pass numbers, text, dates or lists."
    )


def decode_value(value: Any) -> Any:
    """What `encode_value` encoded; a tuple comes back as a list."""
    if isinstance(value, list):
        return [decode_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((tag, inner),) = value.items()
        if tag == "$datetime":
            return datetime.datetime.fromisoformat(inner)
        if tag == "$date":
            return datetime.date.fromisoformat(inner)
        if tag == "$dict":
            return {decode_value(key): decode_value(item) for key, item in inner}
    return {key: decode_value(item) for key, item in value.items()}


def _write_items(path: Path, items: Sequence[Mapping[str, Any]]) -> None:
    """Write items as `InputItem.to_json` has them, one a row."""
    import pyarrow
    import pyarrow.parquet

    columns: dict[str, Any] = {name: [item[name] for item in items] for name in items[0]}
    for name in ("params", "files", "metrics"):
        columns[name] = [json.dumps(value) for value in columns[name]]
    kinds = {"bytes": pyarrow.int64(), "materialization_id": pyarrow.int64(), "stopped_early": pyarrow.bool_()}
    table = pyarrow.table({n: pyarrow.array(v, kinds.get(n, pyarrow.string())) for n, v in columns.items()})
    pyarrow.parquet.write_table(table, path, compression="zstd")


def _read_items(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        rows = file.read().to_pylist()
    return [row | {name: json.loads(row[name]) for name in ("params", "files", "metrics")} for row in rows]
