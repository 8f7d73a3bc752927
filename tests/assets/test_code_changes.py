"""What changed between two versions of code, in a few words."""

from __future__ import annotations

from typing import Any

from nbpart.assets.code_changes import KeptCode, describe_code_change
from nbpart.assets.definition import AssetDefinition


def notebook(*cells: str) -> KeptCode:
    made: list[dict[str, Any]] = [{"cell_type": "code", "source": source, "metadata": {}} for source in cells]
    return KeptCode(AssetDefinition("train", "notebook", path="work/train.ipynb"), {"cells": made, "metadata": {}})


def compiled(setup: str, parameters: str = "", **env: str) -> KeptCode:
    cells = [
        {"cell_type": "code", "id": name, "source": source, "metadata": {}}
        for name, source in (("parameters", parameters), ("setup", setup))
    ]
    metadata = {"nbpart": {"compiled_from": "function"}}
    return KeptCode(AssetDefinition("clean", "function", env=env), {"cells": cells, "metadata": metadata})


def test_a_cell_is_named_by_its_place_in_the_new_notebook() -> None:
    old = notebook("a = 1", "b = 2", "c = 3")
    assert describe_code_change(old, notebook("a = 1", "b = 5", "c = 3")) == "train.ipynb, cell 2"
    assert describe_code_change(old, notebook("# first", "new = 0", "a = 1", "b = 2", "c = 3")) == "train.ipynb, cell 2"
    assert describe_code_change(old, notebook("a = 1", "c = 3")) == "train.ipynb, a cell is gone"
    assert describe_code_change(old, notebook("a = 1  # one", "\nb  =  2", "c = 3")) == ""
    assert describe_code_change(old, notebook("%time a = (", "b = 2", "c = 3")) == "train.ipynb, cell 1"


def test_names_that_a_function_carries() -> None:
    old = compiled("KEEP = 1\n\ndef clean():\n    return KEEP", "depth = 3")
    assert describe_code_change(old, compiled("KEEP = 2\n\ndef clean():\n    return KEEP", "depth = 3")) == "KEEP"
    assert describe_code_change(old, compiled("KEEP = 1\n\ndef clean():\n    return KEEP", "depth = 4")) == (
        "default of depth"
    )
    many = "\n".join(f"n{n} = {n}" for n in range(6))
    assert describe_code_change(compiled(""), compiled(many)) == "n0, n1, n2 and 3 more"
    assert describe_code_change(compiled("", TZ="UTC"), compiled("", TZ="CET")) == "environment variable TZ"


def test_the_file_and_the_name_in_a_module() -> None:
    definition = AssetDefinition("clean", "function", module="", modules={"parts": ("code/x.py", "src/parts.py")})
    before, after = (
        KeptCode(definition, None, {"parts": f"def half(x):\n    return x / {n}\n\n\ndef other(): pass\n"})
        for n in (2, 3)
    )
    assert describe_code_change(before, after) == "parts.py: half"
    assert describe_code_change(KeptCode(definition, None, {}), after) == "", "what is gone is not known"
