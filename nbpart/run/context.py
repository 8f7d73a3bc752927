"""The run as its notebook uses it: load inputs, save data, log metrics."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbpart.errors import MissingInputError, ParameterError, UnknownNameError, UnsupportedTypeError, nearest
from nbpart.partitions import PartitionRef
from nbpart.partitions.keys import shorten
from nbpart.partitions.names import MAX_NAME_BYTES
from nbpart.run.check_result import CheckResult
from nbpart.run.curves import CurveLog
from nbpart.run.input_files import InputFault, InputFile, explain_fault, name_data
from nbpart.run.joined_frames import relate_frames, stack_frames
from nbpart.run.judging import judge, load_own
from nbpart.run.leaderboard import build_leaderboard
from nbpart.run.loaded_inputs import LoadedInputs
from nbpart.run.metric_log import MetricLog, refuse_secret
from nbpart.run.output_handler import OutputHandler
from nbpart.run.report import RunOutput
from nbpart.run.secrets import check_storage_options, read_storage_options
from nbpart.run.source_files import FetchedFiles, load_source
from nbpart.run.source_functions import define_function
from nbpart.run.spec import CALLED, InputItem, InputSpec, RunSpec
from nbpart.run.stopping import StopSignal
from nbpart.storage.file_record import FileRecord
from nbpart.storage.formats import SavedFile, load_file, save_file, save_value
from nbpart.storage.frames import is_instance
from nbpart.storage.integrity import find_fault_at_load
from nbpart.storage.named_format import FormatName, NamedFormat, find_named, refuse_format, runs_code
from nbpart.storage.store import Store

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb
    import pandas as pd


#: In bytes; what file systems take.
_LONGEST_FILE_NAME = 255


class RunContext:
    """The run that a notebook belongs to; `nbpart.current_run()` gives it.

    `recording` is False where nothing will be recorded (a notebook run by hand): the first save or log says so.
    `handler` is called after each save and log, and for faults of inputs. `own_files` are the paths in the store of
    files that this run made and may overwrite; any other file belongs to another run. `store` keeps the data files,
    `curves` appends what is logged by steps; by default they are those of the spec. `check_trust` raises where code of
    the workspace may not run; it is asked before a value is loaded that runs some, since whoever runs a notebook by
    hand need not trust its workspace.
    """

    def __init__(
        self,
        spec: RunSpec,
        recording: bool = True,
        handler: OutputHandler | None = None,
        own_files: set[str] | None = None,
        store: Store | None = None,
        check_trust: Callable[[], object] = lambda: None,
        curves: CurveLog | None = None,
    ) -> None:
        self.store = spec.store if store is None else store
        self.own_files = set() if own_files is None else own_files
        self.fetched = FetchedFiles()
        self._loaders: dict[str, Callable[..., Any]] = {}
        self._spec = spec
        self._recording = recording
        self._handler = handler or OutputHandler()
        self._check_trust = check_trust
        self._files: dict[str, FileRecord] = {file.name: file for file in spec.judged or ()}
        self._checks: dict[str, CheckResult] = {}
        self._logged = MetricLog(spec.where, CurveLog.of(spec) if curves is None else curves)
        self._faults: dict[tuple[int, str], InputFault] = {}
        # a run by hand has no log, and nobody who could ask it to stop
        self._stop = StopSignal(spec, self._logged.curves) if handler is not None and spec.log else None
        self._stopped: str | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._has_warned = False

    @property
    def asset(self) -> str:
        return self._spec.asset

    @property
    def partition_key(self) -> str | None:
        return self._spec.partition_key

    @property
    def partition_keys(self) -> tuple[str, ...]:
        """The keys of this run: one, or in a single-run backfill all of them."""
        return () if self.partition_key is None else (self.partition_key,)

    def partition(self, key: str) -> contextlib.AbstractContextManager[RunContext]:
        """One partition of this run, by one of its `partition_keys`, for a ``with`` block.

        Raises UnknownNameError for another key.
        """
        if key not in self.partition_keys:
            raise UnknownNameError(f"this run is of {self._spec.where}, not of {key!r}.")
        return contextlib.nullcontext(self)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the partition by name, typed; a copy."""
        return dict(self._spec.params)

    @property
    def columns(self) -> dict[str, Any]:
        """All columns that the set has of this partition by name, parameters and times too; a copy."""
        return dict(self._spec.columns)

    @property
    def partition_window(self) -> tuple[datetime, datetime] | None:
        """Start and end of the partition's window of time, aware; None where it belongs to none, or to several."""
        window = self._spec.window
        return None if window is None else (window[0], window[1])

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that this run was given in place of the defaults; a copy."""
        return dict(self._spec.settings)

    @property
    def run_id(self) -> str:
        return self._spec.run_id

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs, as `load` takes them: those of the arguments."""
        return tuple(self._spec.inputs)

    @property
    def missing(self) -> dict[str, list[str]]:
        """The keys without data that this run goes without, by input; none where it needs all of them."""
        return {name: list(given.missing) for name, given in self._spec.inputs.items() if given.missing}

    @property
    def output(self) -> RunOutput:
        """What has been saved and logged so far."""
        files, checks = tuple(self._files.values()), tuple(self._checks.values())
        return RunOutput(files, dict(self._logged.values), tuple(self._faults.values()), self._stopped, checks)

    def load(
        self,
        name: str | None = None,
        key: str | None = None,
        *,
        file: str | None = None,
        trusted: Collection[str] = (),
    ) -> Any:
        """The value of an input, as the partition mapping says; `name` is the argument under which it is read.

        One partition: its value, or None where there is none, it is missing or saved nothing. Many: one frame with a
        `partition_key` column when they are frames, else a mapping key -> value that loads a value when it is asked
        for; missing ones are left out. Both are in the order of the set. A source is its path, at a URL a
        `RemoteFile`, and a list of them where its path has a ``*``.
        `name` may be omitted where there is one input; `key` takes one of many; `file` a named extra file; the name of
        this run's own asset gives what it has saved itself, None where that is nothing. `trusted` names types that
        skops data may hold besides those that skops knows to be harmless.
        Raises UnknownNameError for a name or key that the run has not, MissingInputError for data that is gone, or is
        not what was saved: sizes are compared always, and the content of files up to 16 MiB and of all pickles.
        Raises UnreadableDataError for what was saved with other versions of packages and cannot be loaded here.
        """
        if name == self.asset and name not in self._spec.inputs and key is None:
            return self._load_own(file, trusted)
        name, given = self._input(name)
        self._warn_of_missing(name, given, key)
        if key is not None:
            if key in given.missing:
                return None
            return self._load_item(name, self._item(name, given, key), file, trusted)
        if given.is_many:
            return self._load_many(name, given, file, trusted)
        if given.items:
            return self._load_item(name, given.items[0], file, trusted)
        if given.missing and given.needs_data:
            label = PartitionRef(given.name or name, given.missing[0] or None).label
            raise MissingInputError(f"{self._spec.where} reads {label}, which has no data; materialize it first.")
        return None

    def relation(self, name: str | None = None) -> duckdb.DuckDBPyRelation:
        """An input of frames as a DuckDB relation, which reads only what a query needs: for more than memory holds.

        Partitioned inputs have the column `partition_key` in front. Raises UnsupportedTypeError for other inputs.
        """
        name, given = self._input(name)
        self._warn_of_missing(name, given, None)
        items = [item for item in given.items if item.format is not None]
        other = next((item for item in items if item.format != "frame"), None)
        if other is not None or not items:
            what = "has no data" if other is None else f"holds {other.format!r} data"
            raise UnsupportedTypeError(
                f"input {name!r} {what}, and only frames make a relation; use run.load({name!r})."
            )
        for item in items:
            self._check_file(name, item, "", item.main)
        import duckdb

        self._connection = self._connection or duckdb.connect()
        return relate_frames(self._connection, self.store, items)

    def metrics(self, name: str | None = None) -> pd.DataFrame:
        """What the runs logged that made an input, a partition a row, best first, as ``metrics=`` of its asset says.

        Columns: ``partition_key``, its parameters, ``stopped_early``, and the metrics. Those that were told to end
        early stand behind the others, as do those without a value. Nothing is loaded. Raises UnknownNameError for a
        name that the run has not, and UnsupportedTypeError for an input whose asset declares no ``metrics=``.
        """
        name, given = self._input(name)
        if not given.metrics:
            raise UnsupportedTypeError(
                f"{given.name or name} declares no metrics, so nobody knows which is best: register it with "
                "metrics={'accuracy': 'max'}."
            )
        return build_leaderboard(given)

    def save(self, value: Any, name: str | None = None, *, format: FormatName | None = None) -> None:
        """Save a value as the partition's data, or as one of its named extra files.

        Frames become Parquet, dicts and lists JSON, str text, figures PNG; bytes and the Path of a file stay what they
        are. What is none of these is saved in a `format` by name: "joblib", "pickle", "skops" or "safetensors"; of the
        partition's data the asset may say it. Saving again under a name replaces it. Raises UnsupportedTypeError for
        what cannot be saved.
        """
        if self._spec.judged is not None:
            raise ParameterError(f"{self._spec.where} is judged: a check saves nothing; return what it found.")
        wanted = self._choose_format(value, name, format)
        name = self._check_file_name(name)
        prefix = self._spec.data_prefix + (f".{name}" if name else "")
        try:
            if isinstance(value, Path):
                saved = self._save_file(Path(os.path.abspath(value)))
            else:
                saved = save_value(self.store, value, prefix, self.own_files, wanted)
        except UnsupportedTypeError as error:
            raise UnsupportedTypeError(f"{self._spec.where}: {error}") from error
        except OSError as error:
            if error.errno is None:
                raise
            reason = f"the data of {self._spec.where} cannot be saved: {os.strerror(error.errno)}"
            raise OSError(error.errno, reason, self._spec.locate(f"{prefix}.*")) from error
        self.own_files.add(saved.path)
        for change in saved.changes:
            print(f"nbpart: {self._spec.where}: {change}", file=sys.stderr)
        self._put_file(name, saved)
        self._changed("save")

    def output_path(self, filename: str) -> Path:
        """Where to write a file of your own; hand the path to `save` when it is complete."""
        if not filename or filename != Path(filename).name or filename in (".", "..") or not filename.isprintable():
            raise ParameterError(f"{filename!r} is no plain file name; give one without folders, as 'model.joblib'.")
        refuse_secret(self._spec.where, filename, "file")
        path = f"{self._spec.data_prefix}.{filename}"
        if (over := len(os.fsencode(path.rpartition("/")[2])) - _LONGEST_FILE_NAME) > 0:
            raise ParameterError(
                f"{shorten(filename)} is too long for a file beside the run's own; give a name that is at least "
                f"{over} bytes shorter."
            )
        if path not in self.own_files and self.store.stat(path) is not None:
            why = f"{self._spec.where}: a file of another run is there already"
            raise FileExistsError(errno.EEXIST, why, self._spec.locate(path))
        self.own_files.add(path)
        return self.store.draft_path(path)

    def log(self, *, step: int | None = None, **metrics: int | float | bool | str) -> None:
        """Log metrics beside the partition's data: numbers, truth values or text; logging a name again replaces it.

        With a ``step``, a whole number from 0, each is a point of a curve, which is kept with the run: numbers only,
        inf and nan too. The metric's value is then that of the last step, or what ``metrics=`` of the asset says, as
        ``{"loss": "min"}``; one that is logged without a step as well has that value. A step that is less than the one
        before begins a second curve.
        One whose name a column has already is shown as `metric.rows` beside the column `rows`. Raises DeclarationError
        for a name that cannot be one, ParameterError for a step that is none and for a name that differs from another
        metric only in case, and UnsupportedTypeError for other values; nothing is logged then.
        """
        if step is None:
            self._logged.set(metrics)
            self._changed("log")
        else:
            self._logged.add_point(step, metrics)
            self._warn_by_hand("log")

    def judge(self, name: str) -> bool:
        """Whether what this run has saved passes a check of its asset; each run asks by itself once its cells are done.

        Raises UnknownNameError for a check that it does not have.
        """
        checks = {check.name: check for check in self._spec.checks if check.code is not None}
        if name not in checks:
            raise UnknownNameError(f"this run of {self.asset} has no check {name!r}: {nearest(name, checks)}")
        self._checks[name] = judge(checks[name], self, self._load_own, self._spec.locate)
        self._changed("judge")
        return self._checks[name].passed

    def should_stop(self) -> bool:
        """Whether to end early: save what there is, and leave the loop.

        A person asked for it (`Run.stop`, the button), nine tenths of ``timeout_s`` are over, or the pruner of the
        backfill says so (`nbpart.median_pruner`), which compares what this run has logged with a step. It is asked
        after each step; once it is True it stays so. The run then ends as it would, marked ``stopped_early``, and is
        never counted as the best. False in a notebook that is run by hand.
        """
        if self._stopped is None and self._stop is not None and (why := self._stop.find_reason()) is not None:
            self._stopped = why
            print(f"nbpart: {self._spec.where} is to stop: {why}", file=sys.stderr)
            self._changed("should_stop")
        return self._stopped is not None

    def __repr__(self) -> str:
        return f"<run {self.run_id} of {self._spec.where}>"

    def _input(self, name: str | None) -> tuple[str, InputSpec]:
        inputs = self._spec.inputs
        if name is None:
            if len(inputs) != 1:
                raise UnknownNameError(
                    f"{self.asset} has {len(inputs)} inputs; name the one to load: {nearest('', inputs)}"
                )
            name = next(iter(inputs))
        if name not in inputs:
            raise UnknownNameError(f"{self.asset} has no input {name!r}: {nearest(name, inputs)}")
        return name, inputs[name]

    def _item(self, name: str, given: InputSpec, key: str) -> InputItem:
        item = given.find(key)
        if item is not None:
            return item
        known = [item.partition_key for item in given.items if item.partition_key is not None]
        raise UnknownNameError(f"{self._spec.where} does not read the key {key!r} of {name!r}: {nearest(key, known)}")

    def _warn_of_missing(self, name: str, given: InputSpec, key: str | None) -> None:
        missing = [m for m in given.missing if key is None or m == key]
        if missing:
            shown = ", ".join(repr(m) for m in missing[:5]) + (", …" if len(missing) > 5 else "")
            print(f"nbpart: {name} lacks {len(missing)} of its partitions: {shown}", file=sys.stderr)

    def _choose_format(self, value: Any, name: str | None, format: object) -> NamedFormat | None:
        if isinstance(value, Path):
            if format is not None:
                raise ParameterError(f"a Path is saved as the file that is there; leave format={format!r:.60} out.")
            return None
        if format is not None and (refusal := refuse_format(format)):
            raise ParameterError(refusal)
        return find_named(self._spec.format if format is None and name is None else str(format))

    def _load_item(self, name: str, item: InputItem, file: str | None, trusted: Collection[str] = ()) -> Any:
        if file is not None:
            if file not in item.files:
                raise UnknownNameError(f"{name!r} saved no file named {file!r}: {nearest(file, item.files)}")
            chosen: InputFile | None = item.files[file]
        else:
            chosen = item.main
        if chosen is None:
            return None
        if chosen.format == CALLED:
            return self._call(name, item.partition_key)
        if chosen.format == "source":
            return load_source(self._spec.locate(chosen.location), self._storage_options(name), self.fetched)
        if runs_code(chosen.format):
            self._check_trust()
        self._check_file(name, item, file or "", chosen)
        of = name_data(self._spec.inputs[name].name or name, item.partition_key)
        return load_file(
            self.store,
            chosen.location,
            chosen.format,
            may_run_code=True,
            trusted=trusted,
            of=of if file is None else f"{of}, file {file!r},",
            written_with=chosen.written_with,
        )

    def _load_own(self, file: str | None = None, trusted: Collection[str] = ()) -> Any:
        return load_own(self._spec, self.store, self._files, file, trusted, self._check_trust)

    def _call(self, source: str, key: str | None) -> Any:
        code = self._spec.inputs[source].load
        if code is None:
            return key
        self._check_trust()
        name = self._spec.inputs[source].name or source
        if source not in self._loaders:
            self._loaders[source] = define_function(f"source {name}", code.with_paths(self._spec.locate))
        try:
            return self._loaders[source](*(() if key is None else (key,)))
        except Exception as error:
            error.add_note(f"nbpart: raised by {code.call}, which loads source {name!r}.")
            raise

    def _storage_options(self, name: str) -> Mapping[str, Any]:
        source = self._spec.inputs[name].name or name
        if source in self._spec.storage_options:  # run by hand: nothing comes through a pipe
            return check_storage_options(source, self._spec.storage_options[source])
        return read_storage_options(source)

    def _load_many(self, name: str, given: InputSpec, file: str | None, trusted: Collection[str]) -> Any:
        items = {item.partition_key or "": item for item in given.items}
        values = LoadedInputs(name, items, lambda item: self._load_item(name, item, file, trusted))
        are_frames = all(item.format == "frame" for item in given.items) or (
            given.load is not None and all(is_instance(value, "pandas", "DataFrame") for value in values.values())
        )
        if not values or not are_frames or file is not None:
            return values
        return stack_frames(dict(values))

    def _check_file(self, name: str, item: InputItem, file: str, saved: InputFile | None) -> None:
        """Raise MissingInputError for a file that is not the one that was saved, so that no other content is read."""
        if saved is None:
            return
        path, version = saved.location, saved.data_version
        fault = find_fault_at_load(self.store, path, saved.format, saved.bytes, version)
        if fault is None:
            return
        if item.materialization_id is not None:
            found = InputFault(item.materialization_id, file, fault)
            self._faults[found.materialization_id, file] = found
            self._handler.handle_faults(self.output)
        given = self._spec.inputs[name]
        is_value, name = given.kind == "source", given.name or name
        raise MissingInputError(
            explain_fault(name, item.partition_key, self._spec.locate(path), fault, is_value=is_value)
        )

    def _check_file_name(self, name: str | None) -> str:
        if name is None:
            return ""
        refuse_secret(self._spec.where, name, "file")
        if not name.isidentifier():
            raise ParameterError(
                f"{name!r} cannot name a saved file; use letters, digits and underscores, as in 'roc'."
            )
        if len(name.encode()) > MAX_NAME_BYTES:
            raise ParameterError(
                f"{shorten(name)} is too long to name a saved file; file systems have room for {MAX_NAME_BYTES} bytes."
            )
        taken = next((n for n in self._files if n.lower() == name.lower() and n != name), None)
        if taken is not None:
            raise ParameterError(f"{name!r} differs only in case from {taken!r}, which is saved already; rename one.")
        return name

    def _save_file(self, file: Path) -> SavedFile:
        """Store a file where it was written beside the run's own, else a copy of it."""
        if not file.is_file():
            raise MissingInputError(
                f"{self._spec.where}: there is no file at {str(file)!r}; write it before saving it."
            )
        prefix = self._spec.data_prefix
        own_name = f"{prefix.rpartition('/')[2]}."
        if file.name.startswith(own_name):
            path = f"{prefix}.{file.name.removeprefix(own_name)}"
            if self.store.draft_path(path) == file:
                return save_file(self.store, path, file)
        self.output_path(file.name)
        return save_file(self.store, f"{prefix}.{file.name}", file)

    def _put_file(self, name: str, saved: SavedFile) -> None:
        before = self._files.get(name)
        record = FileRecord(
            name,
            saved.kind,
            saved.format,
            saved.path,
            saved.rows,
            saved.bytes,
            saved.data_version,
            saved.schema,
        )
        self._files[name] = record
        is_replaced = before is not None and all(file.path != before.path for file in self._files.values())
        if before is not None and is_replaced and not self._handler.keeps_replaced_files:
            self.store.remove(before.path)

    def _changed(self, what: str) -> None:
        self._warn_by_hand(what)
        before = self.output
        self._spec, output = self._handler.handle_change(self._spec, before)
        if output is not before:
            self._take_up(output)
            self.own_files.update(file.path for file in output.files)

    def _take_up(self, output: RunOutput) -> None:
        """Go on from what was saved and logged before."""
        self._files, self._logged.values = {file.name: file for file in output.files}, dict(output.metrics)
        self._stopped = output.stopped
        self._checks = {check.name: check for check in output.checks}

    def _warn_by_hand(self, what: str) -> None:
        if not self._recording and not self._has_warned:
            self._has_warned = True
            folder = Path(self._spec.locate(self._spec.data_prefix)).parent
            print(f"nbpart: run by hand, so {what}() records nothing; files go to {folder}", file=sys.stderr)
