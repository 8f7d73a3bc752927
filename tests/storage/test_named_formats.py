"""Formats that are asked for by name: what goes in comes back, and what of it may run."""

from __future__ import annotations

import io
import json
import sys
import types
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from nbpart.errors import (
    ExtraRequiredError,
    MissingInputError,
    UnreadableDataError,
    UnsupportedTypeError,
    UntrustedWorkspaceError,
)
from nbpart.storage import FORMATS, FileFault, SavedFile, Store, find_fault, find_fault_at_load, load_file, save_value
from nbpart.storage.named_format import FormatName, NamedFormat, find_named, runs_code
from nbpart.storage.store import publish_bytes

X, Y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])


class Scale:
    """A class that skops does not know."""

    def __init__(self, by: float) -> None:
        self.by = by


class Touch:
    """What leaves a mark when a pickle of it is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


class Changed:
    """What can be saved, and not loaded any more, as trees of scikit-learn 1.2 in 1.6."""

    def __setstate__(self, state: object) -> None:
        raise ValueError("node array from the pickle has an incompatible dtype:\n- expected: a\n- got     : b")


class Unwilling:
    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("cannot pickle this lock")


def fitted() -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)


def save(store: Store, value: Any, format: NamedFormat, name: str = "run-1") -> SavedFile:
    return save_value(store, value, f"data/{name}", format=format)


def load(store: Store, saved: SavedFile, **more: Any) -> Any:
    return load_file(store, saved.path, saved.format, may_run_code=True, written_with=saved.schema, **more)


def test_the_names_are_those_that_a_declaration_takes() -> None:
    assert list(get_args(FormatName)) == list(NamedFormat)
    assert {format.value for format in NamedFormat} <= set(FORMATS)
    assert find_named("frame") is None
    assert [format for format in FORMATS if runs_code(format)] == ["joblib", "pickle"]


@pytest.mark.parametrize("format", [NamedFormat.JOBLIB, NamedFormat.PICKLE, NamedFormat.SKOPS])
def test_an_estimator_comes_back_and_its_file_knows_its_versions(store: Store, format: NamedFormat) -> None:
    model = fitted()
    saved = save(store, model, format)
    assert saved.path == f"data/run-1{format.ending}"
    assert (saved.format, saved.kind, saved.rows) == (format.value, "file", None)
    assert find_fault(store, saved.path, saved.format, saved.bytes, saved.data_version) is None
    assert load(store, saved).predict_proba(X).tolist() == model.predict_proba(X).tolist()
    versions = json.loads(saved.schema or "")
    assert {"python", "sklearn", "numpy"} <= set(versions)
    assert versions["numpy"] == np.__version__


@pytest.mark.parametrize("format", [NamedFormat.JOBLIB, NamedFormat.PICKLE])
def test_what_has_a_format_of_its_own_is_saved_in_the_one_that_is_asked_for(store: Store, format: NamedFormat) -> None:
    for name, value in {"a": {"n": {1, 2}}, "b": "text", "c": None, "d": [np.zeros(2, dtype=object)]}.items():
        loaded = load(store, save(store, value, format, name))
        assert repr(loaded) == repr(value)
    frame = pd.DataFrame({"n": [1]})
    assert load(store, save(store, frame, format, "e")).equals(frame)


def test_arrays_come_back_with_their_shape_whatever_their_order_in_memory(store: Store) -> None:
    """safetensors/safetensors#825: arrays as PCA of scikit-learn makes them were written as other ones, silently."""
    grid = np.arange(6, dtype="float32").reshape(2, 3)
    arrays = {
        "w": grid.T,
        "f": np.asfortranarray(grid),
        "s": grid[:, ::2],
        "big": grid.astype(">f4"),
        "one": grid[0, 1],
    }
    arrays["one"] = np.array(arrays["one"])
    saved = save(store, arrays, NamedFormat.SAFETENSORS)
    loaded = load(store, saved)
    assert {name: (a.shape, a.tolist()) for name, a in loaded.items()} == {
        name: (a.shape, a.tolist()) for name, a in arrays.items()
    }
    again = save(store, dict(reversed(arrays.items())), NamedFormat.SAFETENSORS, "run-2")
    assert again.data_version == saved.data_version
    assert load(store, save(store, {}, NamedFormat.SAFETENSORS, "run-3")) == {}


def test_tensors_of_torch_are_written_and_read_by_its_own_functions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch is too large to install for this; that its tensors take the other way is what can be seen without it."""
    calls: list[str] = []
    torch: Any = types.ModuleType("torch")
    own: Any = types.ModuleType("safetensors.torch")

    class Tensor:
        def __init__(self, array: Any) -> None:
            self.array = array

        def detach(self) -> Tensor:
            return self

        def contiguous(self) -> Tensor:
            return self

    def save_file(tensors: Any, path: Path, metadata: Any) -> None:
        import safetensors.numpy

        calls.append("save")
        safetensors.numpy.save_file({name: one.array for name, one in tensors.items()}, path, metadata=metadata)

    def load_torch(path: str) -> Any:
        calls.append("load")
        return "tensors"

    torch.Tensor, own.save_file, own.load_file = Tensor, save_file, load_torch
    Tensor.__module__ = "torch"
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "safetensors.torch", own)
    saved = save(store, {"w": Tensor(np.zeros(2))}, NamedFormat.SAFETENSORS)
    assert load(store, saved) == "tensors"
    assert calls == ["save", "load"]
    with pytest.raises(UnsupportedTypeError, match="of one library"):
        save(store, {"w": Tensor(np.zeros(2)), "n": np.zeros(2)}, NamedFormat.SAFETENSORS, "run-2")


@pytest.mark.parametrize(
    ("value", "format", "sentence"),
    [
        (np.zeros(2), NamedFormat.SAFETENSORS, r'not a ndarray; save \{"name": value\}'),
        ({"w": [1.0]}, NamedFormat.SAFETENSORS, "'w' is a list; make one of it"),
        ({1: np.zeros(2)}, NamedFormat.SAFETENSORS, "only text for names, not 1"),
        ({"t": np.array(["2024"], dtype="M8[D]")}, NamedFormat.SAFETENSORS, "cannot be saved as safetensors"),
        (Unwilling(), NamedFormat.PICKLE, "cannot be saved as pickle .TypeError: cannot pickle this lock"),
        (Unwilling(), NamedFormat.JOBLIB, "cannot be saved as joblib"),
        (lambda: 1, NamedFormat.PICKLE, "cannot be saved as pickle"),
        ((n for n in "ab"), NamedFormat.SKOPS, "cannot be saved as skops"),
    ],
)
def test_what_a_format_cannot_hold_is_said_and_leaves_no_file(
    store: Store, value: Any, format: NamedFormat, sentence: str
) -> None:
    with pytest.raises(UnsupportedTypeError, match=sentence):
        save(store, value, format)
    assert list(store.list("data", with_leftovers=True)) == []


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (LogisticRegression(), r"format='joblib' of its asset or of run.save \(joblib, pickle, skops, safetensors\)"),
        ({"w": np.zeros(2)}, r"at \['w'\] is of type numpy.ndarray.*ask for a format by name"),
    ],
)
def test_without_a_format_the_sentence_names_those_that_there_are(store: Store, value: Any, sentence: str) -> None:
    with pytest.raises(UnsupportedTypeError, match=sentence):
        save_value(store, value, "data/run-1")


def test_a_pickle_is_loaded_by_who_trusts_it_alone(store: Store, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for format in (NamedFormat.JOBLIB, NamedFormat.PICKLE):
        saved = save(store, Touch(mark), format, format.value)
        with pytest.raises(UntrustedWorkspaceError, match="loading it would run what it says"):
            load_file(store, saved.path, saved.format)
        find_fault(store, saved.path, saved.format, saved.bytes, saved.data_version)
        assert not mark.exists()
        load(store, saved)
        assert mark.exists()
        mark.unlink()


def test_the_content_of_a_pickle_is_compared_whatever_its_size(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbpart.storage.integrity.HASHED_AT_LOAD", 10)
    for value, format, found in (
        (list(range(100)), NamedFormat.PICKLE, FileFault.CONTENT),
        ({"w": np.zeros(9)}, NamedFormat.SAFETENSORS, None),
    ):
        saved = save(store, value, format, format.value)
        publish_bytes(store, saved.path, bytes(saved.bytes))
        fault = find_fault_at_load(store, saved.path, saved.format, saved.bytes, saved.data_version)
        assert fault is found


def test_types_that_skops_does_not_know_are_named_and_may_be_trusted(store: Store) -> None:
    saved = save(store, Scale(2.0), NamedFormat.SKOPS)
    name = f"{__name__}.Scale"
    with pytest.raises(UnreadableDataError) as caught:
        load(store, saved, of="model, partition 'a'")
    assert str(caught.value) == (
        f"the skops data of model, partition 'a' holds types that skops does not know to be harmless: {name}; look at "
        f"what they are, and load it with trusted=['{name}'], which load() of a workspace and of a run take."
    )
    assert load(store, saved, trusted=(name, "other.Type")).by == 2.0


def test_a_class_that_moved_is_told_with_the_versions_of_then_and_now(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: Any = types.ModuleType("models_of_then")
    before.__version__ = "1.2.2"
    exec("class Model: pass", vars(before))  # noqa: S102
    monkeypatch.setitem(sys.modules, "models_of_then", before)
    saved = save(store, [before.Model()], NamedFormat.PICKLE)
    del before.Model
    before.__version__ = "1.6.1"
    with pytest.raises(UnreadableDataError) as caught:
        load(store, saved, of="model, partition 'a'")
    text = str(caught.value)
    assert text.startswith("the pickle data of model, partition 'a' cannot be loaded here (AttributeError: ")
    assert (
        f"it was written with python {sys.version.split()[0]}, models_of_then 1.2.2, and here is models_of_then 1.6.1"
        in text
    )
    assert text.endswith(". Make it again to repair it.")
    assert isinstance(caught.value.__cause__, AttributeError)
    monkeypatch.delitem(sys.modules, "models_of_then")
    with pytest.raises(UnreadableDataError, match=r"ModuleNotFoundError.*and here is models_of_then not installed"):
        load(store, saved)


def test_what_a_notebook_defines_itself_is_said_when_it_is_saved_and_when_it_is_missing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ageron/handson-ml#540: a pipeline with a function of the notebook could not be loaded in another one."""
    own: Any = types.ModuleType("__main__")
    exec("def add_features(x): return x", vars(own))  # noqa: S102
    monkeypatch.setitem(sys.modules, "__main__", own)
    pipeline = make_pipeline(FunctionTransformer(own.add_features), StandardScaler())
    for format in (NamedFormat.JOBLIB, NamedFormat.PICKLE):
        own.add_features = pipeline[0].func
        saved = save(store, pipeline, format)
        [change] = saved.changes
        assert change.startswith("add_features is defined by the notebook itself, and only a notebook that defines it")
        del own.add_features
        with pytest.raises(UnreadableDataError, match=r"in no other one: put it in a module, and make the data again"):
            load(store, saved)
    assert save(store, fitted(), NamedFormat.PICKLE, "run-2").changes == ()


def test_a_module_that_is_not_found_with_the_same_versions_is_no_matter_of_making_it_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """joblib/joblib#1073: No module named 'utils'."""
    utils: Any = types.ModuleType("utils_of_a_notebook")
    exec("class Model: pass", vars(utils))  # noqa: S102
    monkeypatch.setitem(sys.modules, "utils_of_a_notebook", utils)
    saved = save(store, utils.Model(), NamedFormat.JOBLIB)
    monkeypatch.delitem(sys.modules, "utils_of_a_notebook")
    with pytest.raises(UnreadableDataError, match=r", as here\. What it names has to be found by an import"):
        load(store, saved)


def test_an_error_of_many_lines_is_told_in_one(store: Store) -> None:
    """cta-observatory/cta-lstchain#1366: what was expected and what was got stood on further lines."""
    changed = Changed()
    vars(changed)["n"] = 1
    for format in (NamedFormat.JOBLIB, NamedFormat.PICKLE):
        with pytest.raises(UnreadableDataError, match=r"incompatible dtype: - expected: a - got : b\); it was written"):
            load(store, save(store, changed, format, format.value))


def test_what_is_no_file_of_its_format_is_told_so(store: Store) -> None:
    for format in NamedFormat:
        path = f"data/x{format.ending}"
        publish_bytes(store, path, b"nothing of the kind")
        with pytest.raises(UnreadableDataError, match=rf"of '{path}' cannot be loaded here .*is not known"):
            load_file(store, path, format.value, may_run_code=True)
        store.remove(path)
        with pytest.raises(MissingInputError, match="is gone"):
            load_file(store, path, format.value, may_run_code=True)


def test_a_package_that_is_not_there_is_named_with_its_extra(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for format in (NamedFormat.JOBLIB, NamedFormat.SKOPS, NamedFormat.SAFETENSORS):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ExtraRequiredError, match=rf"install nbpart\[{format}\], also where runs execute"):
            save(store, {}, format)
        with pytest.raises(ExtraRequiredError, match=rf"nbpart\[{format}\]"):
            load_file(store, "data/x", format.value, may_run_code=True)


def test_joblib_data_is_what_joblib_itself_reads_and_writes(store: Store) -> None:
    import joblib

    model = fitted()
    saved = save(store, model, NamedFormat.JOBLIB)
    with store.read(saved.path) as file:
        assert joblib.load(io.BytesIO(file.read())).predict(X).tolist() == model.predict(X).tolist()
