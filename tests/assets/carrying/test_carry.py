from __future__ import annotations

import asyncio
import datetime
import enum
import math
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbpart.assets.carrying.carry import carry
from nbpart.assets.spelling import CannotSpell, no_name, spell, spell_setting
from nbpart.errors import CarryError, DeclarationError
from tests.assets.cells import FakeAsset, Shell, run_source
from tests.assets.conftest import Write


def carried(shell: Shell, name: str = "f") -> dict[str, Any]:
    """The namespace that the carried source of a function makes elsewhere."""
    return run_source(carry(shell[name]).source)


def problem(shell: Shell, name: str = "f") -> str:
    with pytest.raises(CarryError) as caught:
        carry(shell[name])
    return str(caught.value)


def test_a_cell_is_carried_as_one_would_write_it(shell: Shell) -> None:
    shell.run("import math\nfrom pathlib import Path\nLIMIT = 3")
    shell.run("def half(x):\n    # comments stay\n    return x / 2")
    shell.run(
        "@asset(partitions='x')\ndef f(x, y=LIMIT):\n    return Path('a'), math.sqrt(half(x)) + y".replace(
            "@asset", "asset = lambda **k: lambda f: f\n@asset"
        )
    )
    assert carry(shell["f"]).source == (
        "import math\n"
        "from pathlib import Path\n"
        "\n"
        "LIMIT = 3\n"
        "\n\n"
        "def half(x):\n    # comments stay\n    return x / 2\n"
        "\n\n"
        "def f(x, y=LIMIT):\n    return Path('a'), math.sqrt(half(x)) + y"
    )
    assert carried(shell)["f"](8) == (Path("a"), 5.0)
    assert carry(shell["f"]).call == "f"


def test_what_is_not_named_stays_behind(shell: Shell) -> None:
    shell.run(
        "import os, json\nUNUSED = open\nOTHER = 1\ndef neighbour(): return OTHER\ndef f(x): return json.dumps(x)"
    )
    assert carry(shell["f"]).source == "import json\n\n\ndef f(x): return json.dumps(x)"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("import os.path", "import os"),
        ("import xml.etree.ElementTree as ET", "import xml.etree.ElementTree as ET"),
        ("from collections import OrderedDict as OD", "from collections import OrderedDict as OD"),
        ("from math import sqrt", "from math import sqrt"),
        ("from random import random", "from random import random"),
        ("from concurrent import futures", "from concurrent import futures"),
        ("from email.mime.text import MIMEText", "from email.mime.text import MIMEText"),
        ("import numpy as np", "import numpy as np"),
        ("from numpy import sin", "from numpy import sin"),
        ("from pandas import DataFrame", "from pandas import DataFrame"),
        ("from typing import Optional", "from typing import Optional"),
    ],
)
def test_imports_are_as_a_person_writes_them(shell: Shell, written: str, expected: str) -> None:
    name = re.split(r"[ .]", written)[-1] if "path" not in written else "os"
    shell.run(f"{written}\ndef f(): return {name}")
    assert carry(shell["f"]).source.startswith(expected + "\n")
    assert carried(shell)["f"]() is shell[name]


def test_a_submodule_is_imported_where_it_is_used(shell: Shell) -> None:
    shell.run("import xml.dom.minidom\nimport os.path")
    shell.run("def f(text): return xml.dom.minidom.parseString(text).documentElement.tagName, os.getcwd()")
    assert carry(shell["f"]).source.startswith("import os\nimport xml\nimport xml.dom.minidom\n")
    assert carried(shell)["f"]("<a/>")[0] == "a"


def test_numpy_random_needs_no_import_of_its_own(shell: Shell) -> None:
    shell.run("import numpy as np\ndef f(): return np.random.default_rng(0).integers(9)")
    assert carry(shell["f"]).source.count("import") == 1


def test_defaults_decorators_and_annotations_come_along(shell: Shell) -> None:
    shell.run(
        "import functools, datetime\n"
        "class Row(dict):\n    pass\n"
        "SIZE = 2\n"
        "def times(n):\n"
        "    def around(g):\n"
        "        @functools.wraps(g)\n"
        "        def inner(*a): return g(*a) * n\n"
        "        return inner\n"
        "    return around\n"
        "@times(SIZE)\n"
        "def f(day: datetime.date, size=SIZE) -> Row:\n    return size"
    )
    namespace = carried(shell)
    assert namespace["f"](None) == 4
    assert namespace["Row"]({"a": 1}) == {"a": 1}


@pytest.mark.parametrize("wraps", ["@functools.wraps(g)\n", ""])
def test_a_decorated_helper_is_carried_with_its_decorator(shell: Shell, wraps: str) -> None:
    shell.run(
        f"import functools\ndef loud(g):\n    {wraps or 'pass'}\n    def inner(*a): return g(*a).upper()\n"
        "    return inner\n"
        "@loud\n@functools.cache\ndef greet(x): return 'hello ' + x\n"
        "def f(x): return greet(x)"
    )
    assert carried(shell)["f"]("you") == "HELLO YOU"


def test_recursion_between_functions(shell: Shell) -> None:
    shell.run(
        "def even(n): return n == 0 or odd(n - 1)\ndef odd(n): return n != 0 and even(n - 1)\ndef f(n): return f(n)"
    )
    shell.run("def f(n): return even(n) if n < 5 else f(n - 2)")
    assert carried(shell)["f"](8) is True


def test_a_function_knows_itself_before_its_cell_has_ended(shell: Shell) -> None:
    shell.run(
        "from nbpart.assets.carrying.carry import carry\n"
        "def asset(g):\n    global source\n    source = carry(g).source\n    return 'replaced'\n"
        "f = 'older'\n"
        "@asset\ndef f(n): return n and n + f(n - 1)"
    )
    assert run_source(shell["source"])["f"](3) == 6


def test_classes_come_in_the_order_of_their_need(shell: Shell) -> None:
    shell.run(
        "from dataclasses import dataclass, field\nfrom enum import Enum, auto\n"
        "class Base:\n    size = 3\n"
        "@dataclass\nclass Child(Base):\n    items: list = field(default_factory=list)\n    kind: 'Kind' = None\n"
        "    def grow(self): return Grown(self.size)\n"
        "class Grown(Base):\n    def __init__(self, size): self.size = size + 1\n    def back(self): return Child()\n"
        "class Kind(Enum):\n    RED = auto()\n    BLUE = auto()\n"
        "DEFAULT = Kind.BLUE\nTABLE = {Kind.RED: Base, Kind.BLUE: [Child]}\n"
        "def f(): return TABLE[DEFAULT][0]().grow().size, DEFAULT.name"
    )
    assert carried(shell)["f"]() == (4, "BLUE")


def test_a_circle_is_cut_where_it_matters_only_when_called(shell: Shell) -> None:
    shell.run(
        "def register(cls): return cls\n"
        "def make(): return Thing()\n"
        "def register(cls):\n    cls.maker = staticmethod(make)\n    return cls\n"
        "@register\nclass Thing:\n    pass\n"
        "def f(): return type(make().maker()).__name__"
    )
    assert carried(shell)["f"]() == "Thing"


def test_the_newest_form_of_a_class_is_carried(shell: Shell) -> None:
    shell.run("class Size:\n    value = 1").run("class Size:\n    value = 2").run("def f(): return Size.value")
    assert carried(shell)["f"]() == 2


CONSTANTS = """
import datetime as dt, re
from datetime import date
from pathlib import Path
from decimal import Decimal
from zoneinfo import ZoneInfo
import numpy as np
A = {"day": date(2013, 1, 1), "at": dt.datetime(2013, 1, 1, 12, tzinfo=dt.timezone.utc), "for": dt.timedelta(hours=2)}
B = [re.compile(r"\\d+ \\"x\\"", re.I | re.M), Path("/data/x"), {1, 2}, frozenset(), set(), (1,), (), None, ..., b"x"]
C = [float("nan"), float("inf"), -0.0, np.float64(0.5), Decimal("1.10"), range(3), dt.time(3, 4)]
D = dt.datetime(2020, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
E = ["it's", 'say "x"', "both ' and \\"", "new\\nline", "ünï", max, int]
def f(): return A, B, C, D, E
"""


def test_constants_come_back_equal(shell: Shell) -> None:
    shell.run(CONSTANTS)
    a, b, c, d, e = carried(shell)["f"]()
    assert (a, b, d, e) == (shell["A"], shell["B"], shell["D"], shell["E"])
    assert math.isnan(c[0])
    assert c[1:] == shell["C"][1:]
    assert str(c[2]) == "-0.0"
    assert [type(x) for x in c] == [type(x) for x in shell["C"]]


def test_names_of_the_namespace_are_not_taken_for_a_constant(shell: Shell) -> None:
    shell.run("import datetime as dt\nX = [dt.date(2013, 1, 1)]\ndel dt\ndate = 'mine'\ndef f(): return X, date")
    assert carried(shell)["f"]() == ([datetime.date(2013, 1, 1)], "mine")


def test_long_constants_are_laid_out(shell: Shell) -> None:
    shell.run("NAMES = {f'a_rather_long_name_{i}': [i, {'deep': 'x' * 90}] for i in range(4)}\ndef f(): return NAMES")
    source = carry(shell["f"]).source
    assert 'NAMES = {\n    "a_rather_long_name_0": [\n        0,\n' in source
    assert carried(shell)["f"]() == shell["NAMES"]


def test_type_aliases_and_named_tuples_are_carried_as_written(shell: Shell) -> None:
    shell.run(
        "from typing import Literal, TypeVar\nfrom collections import namedtuple\nfrom functools import partial\n"
        "Mode = Literal['a', 'b']\nNumber = int | float\nT = TypeVar('T')\nPoint = namedtuple('Point', 'x y')\n"
        "K = 4\ndef add(a, b): return a + b\nadd_k = partial(add, K)\n"
        "def f(m: Mode, n: Number, t: T) -> Point: return Point(n, add_k(1))"
    )
    assert carried(shell)["f"]("a", 2, None) == (2, 5)


def test_assets_are_carried_as_their_functions(shell: Shell) -> None:
    shell.shell.user_ns["asset"] = FakeAsset
    shell.run("@asset\ndef other(x): return x + 1\nalias = other\n@asset\ndef f(x): return other(alias(x))")
    source = carry(shell["f"].function).source
    assert "@" not in source
    assert run_source(source)["f"](1) == 3


@pytest.mark.parametrize(
    "decorator",
    ["@ws.asset(partitions=files)", "@nbpart.asset", "@mark(partitions=files)", "@asset(\n    name='x',\n)"],
)
def test_decorators_that_declare_are_left_out(shell: Shell, decorator: str) -> None:
    shell.run("import functools, types\ndef mark(*a, **k): return a[0] if a else lambda g: g\nfiles = open")
    shell.run("ws = nbpart = types.SimpleNamespace(asset=mark)\nmark.__module__ = 'nbpart.assets.asset'\nasset = mark")
    shell.run(f"{decorator}\n@functools.cache  # kept\ndef f(x): return x")
    assert carry(shell["f"]).source == "import functools\n\n\n@functools.cache  # kept\ndef f(x): return x"


def test_deferred_annotations_stay_deferred(shell: Shell) -> None:
    shell.run("from __future__ import annotations\nfrom typing import TYPE_CHECKING\nimport pandas as pd\n")
    shell.run("if TYPE_CHECKING:\n    from nowhere import Ghost\n")
    shell.run("@lambda g: g\ndef f(x: pd.DataFrame, y: Ghost = None): return x")
    source = carry(shell["f"]).source
    assert source.startswith("from __future__ import annotations\n\nimport pandas as pd\n\n\n")
    assert run_source(source)["f"](1) == 1


def test_magics_in_a_function_are_carried(shell: Shell) -> None:
    shell.run("def f(x):\n    %time y = 1\n    display(x)\n    return get_ipython()")
    assert "get_ipython().run_line_magic('time', 'y = 1')" in carry(shell["f"]).source
    assert run_source(carry(shell["f"]).source)["f"]


def test_what_ipython_puts_in_place_of_builtins_is_no_function_of_the_notebook(shell: Shell) -> None:
    shell.run("def f(path):\n    with open(path) as file:\n        return file.read() or exit()")
    assert carried(shell)["f"](__file__).startswith("from __future__")
    shell.run("def open(path):\n    return path\ndef g(path):\n    return open(path)")
    assert run_source(carry(shell["g"]).source)["g"]("x") == "x"


def test_nested_functions_bring_plain_variables(shell: Shell) -> None:
    shell.run(
        "def make(n, text):\n"
        "    def f(x):\n        s = '''a\nb'''\n        return f(x - 1) if x > 5 else (x * n, s, text)\n"
        "    return f\nf = make(3, 'hi')"
    )
    assert carried(shell)["f"](6) == (15, "a\nb", "hi")


def test_names_that_a_function_makes_global(shell: Shell) -> None:
    shell.run("def f():\n    global made\n    made = 1\n    return made")
    assert carried(shell)["f"]() == 1


def test_async_functions(shell: Shell) -> None:
    shell.run("import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x")
    assert asyncio.run(carried(shell)["f"](1)) == 1


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("import tempfile\nX = tempfile.TemporaryFile()", ["`X`, used by `f`, is an open file", "inside the function"]),
        ("import sqlite3\nX = sqlite3.connect(':memory:')", ["a sqlite3.Connection", "move it to a module"]),
        ("X = lambda: 1", ["a lambda", "with def"]),
        (
            "import pandas\nX = pandas.DataFrame({'a': [1]})",
            ["a pandas.DataFrame", "say ws.value('X', X) and take X as an argument"],
        ),
        ("import numpy\nX = numpy.zeros(3)", ["a numpy.ndarray: say ws.value('X', X) and take X as an argument"]),
        (
            "class C:\n    def fit(self): ...\n    def get_params(self): ...\nX = C()",
            ["a C: save it to a file, say ws.value('X', Path(...)) and take X as input"],
        ),
        ("X = [object()]", ["a list that holds an object"]),
        ("class C: pass\nX = C()", ["`X`, used by `f`, is a C:"]),
        ("X = 'x' * 30000", ["30006 characters", "keep it in a file"]),
        ("Xylophone = 1", ["`X`, used by `f`, is not defined"]),
        ("def X(): return 1\nold = X\ndef X(): return old()", ["`old`, used by `X`, is an earlier form of 'X'"]),
        ("X = []\nX.append(X)", ["a list that holds a list"]),
        ("import types\nX = types.ModuleType('made')", ["`X`, used by `f`, is a module"]),
        ("def make():\n    def g(): pass\n    return g\nX = [make()]", ["a list that holds a function"]),
        ("import threading\nX = {'lock': threading.Lock()}", ["a dict that holds a thread.lock"]),
    ],
)
def test_what_cannot_be_carried_is_named(shell: Shell, cell: str, words: list[str]) -> None:
    shell.run(f"{cell}\ndef f(): return X")
    message = problem(shell)
    assert message.startswith("The function 'f' cannot be carried into a notebook of its own: ")
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("exec('def X(): return 1')", "`X`, used by `f`, is a function without source"),
        (
            "X = 1\ndef g():\n    X = 2\n    def inner(): return X\n    return inner\ninner = g()",
            "another thing there than elsewhere in the carried code: rename one of them",
        ),
    ],
)
def test_what_has_no_source_or_two_meanings_is_named(shell: Shell, cell: str, words: str) -> None:
    shell.run(cell)
    shell.run(f"def f(): return X{', inner()' if 'inner' in cell else ''}")
    assert words in problem(shell)


def test_an_object_that_a_cell_imported_is_imported(shell: Shell) -> None:
    shell.shell.run_cell("from logging import (", store_history=True)  # a slip before it does not matter
    shell.run("from logging import root as top\ndef f(): return top")
    assert carry(shell["f"]).source.startswith("from logging import root as top\n")
    assert carried(shell)["f"]() is shell["top"]


def test_a_class_without_source_is_refused(shell: Shell) -> None:
    shell.run("exec('Unplaced = type(\"Unplaced\", (), {})')\ndef f(): return Unplaced")
    assert "`Unplaced`, used by `f`, is the class 'Unplaced', whose source is not at hand" in problem(shell)


def test_a_class_under_another_name_is_carried_with_its_own(shell: Shell) -> None:
    shell.run("class Size:\n    value = 1\nX = Size\ndef f(): return X.value")
    assert "X = Size" in carry(shell["f"]).source
    assert carried(shell)["f"]() == 1


def test_names_that_the_other_side_has_are_left_out_and_listed(shell: Shell) -> None:
    shell.run("ws = open\nK = 1\ndef f(): return ws, K")
    found = carry(shell["f"], given=["ws", "other"])
    assert found.given == {"ws"}
    assert found.source == "K = 1\n\n\ndef f(): return ws, K"


def test_a_variable_that_has_no_value_yet_is_refused(shell: Shell) -> None:
    shell.run("def make():\n    def f(): return late\n    keep.append(f)\n    return\n    late = 1\nkeep = []\nmake()")
    shell.run("f = keep[0]")
    assert "`late`, used by `f`, is" in problem(shell)


def test_one_error_names_all_problems(shell: Shell) -> None:
    shell.run("import sqlite3\ndb = sqlite3.connect(':memory:')\nbad = lambda x: x\ndef g(): return db, nothing\n")
    shell.run("def f(): return g(), db, bad, __file__")
    lines = problem(shell).splitlines()
    assert len(lines) == 5, "each name is told once, by its first user"
    assert "`db`, used by `g`" in lines[1]
    assert "`nothing`, used by `g`, is not defined" in lines[2]
    assert "`bad`, used by `f`" in lines[3]


def test_the_nearest_name_is_offered(shell: Shell) -> None:
    shell.run("threshold = 1\ndef f(): return treshold")
    assert "did you mean 'threshold'?" in problem(shell)


def test_closures_over_more_than_constants_are_refused(shell: Shell) -> None:
    shell.run("def make():\n    db = object()\n    def f(): return db\n    return f\nf = make()")
    assert "`db`, used by `f`, is an object of the function around it" in problem(shell)
    shell.run("def make():\n    n = 0\n    def f():\n        nonlocal n\n        n += 1\n    return f\nf = make()")
    assert "nonlocal" in problem(shell)


@pytest.mark.parametrize("made", ["lambda x: x", "print", "type('C', (), {'m': lambda self: 1})().m"])
def test_what_no_def_made_is_refused(shell: Shell, made: str) -> None:
    shell.run(f"f = {made}")
    with pytest.raises(DeclarationError):
        carry(shell["f"])


def test_a_method_is_refused(shell: Shell) -> None:
    shell.run("class C:\n    def m(self): return 1\nf = C.m")
    with pytest.raises(DeclarationError, match=r"'C\.m' belongs to a class"):
        carry(shell["f"])


def test_a_function_without_source_is_refused() -> None:
    namespace = run_source("def f(): return 1")
    with pytest.raises(DeclarationError, match="source of 'f' cannot be found"):
        carry(namespace["f"])


def test_a_nested_function_of_a_module_imports_its_neighbours(write: Write, load: Callable[[str], ModuleType]) -> None:
    write(
        **{
            "tool.py": "LIMIT = 2\ndef helper(x): return x + LIMIT\n"
            "def make(n):\n    def f(x): return helper(x) * n\n    return f\n"
        }
    )
    source = carry(load("tool").make(3)).source
    assert source == "from tool import helper\n\nn = 3\n\n\ndef f(x): return helper(x) * n"
    assert run_source(source)["f"](1) == 9


def test_assets_of_modules_are_imported(shell: Shell, write: Write, load: Callable[[str], ModuleType]) -> None:
    write(**{"tool.py": "from tests.assets.cells import FakeAsset as asset\n@asset\ndef clean(x): return x + 1\n"})
    load("tool")
    shell.run("from tool import clean\ndef f(x): return clean(x)")
    assert carry(shell["f"]).source.startswith("from tool import clean\n")
    assert carried(shell)["f"](1) == 2


def test_carrying_is_stable(shell: Shell) -> None:
    shell.run(CONSTANTS)
    first = carry(shell["f"]).source
    shell.run("unrelated = 1\n" + CONSTANTS)
    assert carry(shell["f"]).source == first


def test_a_script_is_carried_like_cells(project: Path, shell: Shell) -> None:
    script = project / "script.py"
    script.write_text("from enum import Enum\nclass Kind(Enum):\n    A = 1\n\ndef f():\n    return Kind.A.value\n")
    shell.run(f"%run {script}")
    assert carried(shell)["f"]() == 1


class Colour(enum.Enum):
    RED = 1


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.dates(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.frozensets(st.integers() | st.text())
    ),
    max_leaves=12,
)


@given(plain)
def test_spelled_values_come_back(value: Any) -> None:
    spelled = spell(value, lambda kind: kind.__name__)
    assert eval(spelled, {"date": datetime.date, "inf": math.inf}) == value
    assert type(eval(spelled, {"date": datetime.date})) is type(value)


@given(st.text(), st.sampled_from([0, re.I, re.M | re.S, re.A]))
def test_spelled_patterns_come_back(text: str, flags: int) -> None:
    pattern = re.compile(re.escape(text), flags)
    assert eval(spell(pattern, lambda made: f"re.{made.__name__}"), {"re": re}) == pattern


def test_values_without_a_spelling() -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in (object(), loop, [object()], type("Mine", (dict,), {})()):
        with pytest.raises(CannotSpell):
            spell(value, no_name)
    assert spell(Colour.RED, lambda kind: kind.__name__) == "Colour.RED"
    assert spell(PurePosixPath("a"), lambda kind: kind.__name__) == 'PurePosixPath("a")'
    assert spell(ZoneInfo("UTC"), lambda kind: kind.__name__) == 'ZoneInfo("UTC")'


def test_settings_are_what_json_can_carry() -> None:
    assert spell_setting({"a": [1, 2.5, None, True, ("x",)]}) == '{"a": [1, 2.5, None, True, ("x",)]}'
    for value in ({1, 2}, b"x", datetime.date(2013, 1, 1), {1: 2}, math.nan, object(), Colour.RED):
        assert spell_setting(value) is None
