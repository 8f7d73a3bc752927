from __future__ import annotations

import builtins
import copy
import inspect
import pickle
import traceback
from typing import Any

import pytest

from nbpart import errors
from nbpart.errors import ExtraRequiredError, NbpartError, RunFailedError, make_run_error, nearest

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, NbpartError)]
BUILTIN_EXCEPTIONS = [
    c for _, c in inspect.getmembers(builtins, inspect.isclass) if issubclass(c, Exception) and c is not ExceptionGroup
]


def fail(error_class: str) -> RunFailedError:
    return make_run_error(
        "Run 1 of model for 'a' failed.",
        run_id="run-1",
        asset="model",
        partition_key="a",
        error_class=error_class,
        error_message="no such column",
        traceback="Traceback ...",
    )


def pickled(error: Any) -> Any:
    return pickle.loads(pickle.dumps(error))  # noqa: S301


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_survives_pickling_and_copying(cls: type[NbpartError]) -> None:
    error = cls("What happened: do this.")
    error.asset = "model"  # type: ignore[attr-defined]
    error.add_note("a note")
    for again in (pickled(error), copy.copy(error)):
        assert type(again) is cls
        assert str(again) == "What happened: do this."
        assert again.args == error.args
        assert vars(again)["asset"] == "model"
        assert again.__notes__ == ["a note"]


def test_the_name_of_a_package_survives_pickling() -> None:
    assert pickled(ExtraRequiredError("pip install nbpart[lab]", name="jupyterlab")).name == "jupyterlab"


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_shows_its_sentence_and_nothing_else(cls: type[NbpartError]) -> None:
    assert str(cls("It is 'so'.")) == "It is 'so'."
    assert str(cls()) == cls.__name__


def test_every_class_stands_in_the_tree_at_the_top_of_the_file() -> None:
    for cls in CLASSES:
        assert cls.__name__ in (errors.__doc__ or "")
        assert cls.__doc__


@pytest.mark.parametrize("raised", BUILTIN_EXCEPTIONS)
def test_a_failed_run_is_an_instance_of_what_the_notebook_raised(raised: type[Exception]) -> None:
    error = fail(raised.__name__)
    for one in (error, pickled(error), copy.copy(error)):
        assert isinstance(one, raised)
        assert isinstance(one, RunFailedError)
        assert type(one).__name__ == "RunFailedError"
        assert str(one) == "Run 1 of model for 'a' failed."
        assert (one.run_id, one.asset, one.partition_key) == ("run-1", "model", "a")
        assert (one.error_class, one.error_message, one.traceback) == (
            raised.__name__,
            "no such column",
            "Traceback ...",
        )


@pytest.mark.parametrize("raised", BUILTIN_EXCEPTIONS)
def test_a_traceback_of_a_failed_run_shows_the_sentence(raised: type[Exception]) -> None:
    assert "Run 1 of model for 'a' failed." in "".join(traceback.format_exception(fail(raised.__name__)))


@pytest.mark.parametrize(
    "name", ["ValueError", "KeyError", "OSError", "FileNotFoundError", "SyntaxError", "UnicodeDecodeError"]
)
def test_except_means_what_it_says(name: str) -> None:
    with pytest.raises(getattr(builtins, name)) as caught:
        raise fail(name)
    assert isinstance(caught.value, RunFailedError)


@pytest.mark.parametrize(
    "name",
    ["ArrowInvalid", "DeadKernel", "", "print", "int", "KeyboardInterrupt", "SystemExit", "ExceptionGroup", "__doc__"],
)
def test_any_other_class_is_a_plain_failed_run(name: str) -> None:
    error = fail(name)
    for one in (error, pickled(error)):
        assert type(one) is RunFailedError
        assert one.error_class == name
        assert one.partition_key == "a"


def test_nearest() -> None:
    assert nearest("modle", ["model", "files"]) == "did you mean 'model'?"
    assert nearest("zzz", ["model", "files"]) == "there is 'files', 'model'."
    assert nearest("zzz", []) == "there is none yet."
    assert nearest("zzz", "abcdefghi") == "there is 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', …."


def test_nearest_does_not_compare_a_whole_set_of_keys() -> None:
    assert nearest("12345x", map(str, range(20_000))) == "there are 20,000 others."
