"""Variables that code sets for itself are found however they are set."""

from __future__ import annotations

import pytest

from nbpart.run.environment_writes import ANY, find_set_variables


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import os\nos.environ['OMP_NUM_THREADS'] = '1'", {"OMP_NUM_THREADS"}),
        ("import os as o\no.environ['A'], x = '1', 2\ndel o.environ['B']", {"A", "B"}),
        ("from os import environ as e\ne['A'] = '1'\ne.setdefault('B', '2')\ne.pop('C', None)", {"A", "B", "C"}),
        ("os.environ.update({'A': '1'}, B='2')\nos.environ |= {'C': '3'}", {"A", "B", "C"}),
        ("environment = os.environ\nenvironment['A'] = '1'", {"A"}),
        ("os.putenv('A', '1')\nos.unsetenv('B')\nos.environb[b'C'] = b'1'", {"A", "B", "C"}),
        ("%env A=1\n%set_env B 2\n%env\n%env C", {"A", "B"}),
        ("def f():\n    if True:\n        os.environ['A'] = '1'", {"A"}),
        ("for name in ('A', 'B'):\n    os.environ[name] = '1'", {ANY}),
        ("os.environ[f'{x}_THREADS'] = '1'", {ANY}),
        ("os.environ.update(values)", {ANY}),
        ("os.environ.update(**values)", {ANY}),
        ("os.environ.clear()", {ANY}),
        ("from dotenv import load_dotenv\nload_dotenv()", {ANY}),
        ("%load_ext dotenv\n%dotenv", {ANY}),
        ("print(os.environ['A'], os.environ.get('B'), 'C' in os.environ)", set()),
        ("values['A'] = '1'\nvalues.update(B='1')  # environ", set()),
        ("%%bash\nexport A=1  # env", set()),
        ("os.environ['A'] = = '1'", set()),
        ("x = 1", set()),
    ],
)
def test_what_code_sets_in_its_environment_is_found(source: str, names: set[str]) -> None:
    assert find_set_variables(["x = 1", source]) == names
