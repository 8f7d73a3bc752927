"""``python -m frontend bundle``: write what is made of Python, and the bundles. ``check``: types and lint. ``test``."""

from __future__ import annotations

import sys
from collections.abc import Callable

from frontend import generate, tools


def bundle() -> str:
    generate.write()
    tools.bundle()
    return ""


def check() -> str:
    tools.install()
    return tools.run("tsc", ["--project", "."]) + tools.run(
        "oxlint", ["--config", "oxlint.json", "--deny-warnings", "src", "tests"]
    )


COMMANDS: dict[str, Callable[[], str]] = {"bundle": bundle, "check": check, "test": tools.test}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        raise SystemExit(f"one of {', '.join(COMMANDS)} is needed")
    try:
        print(COMMANDS[sys.argv[1]](), end="")
    except tools.ToolError as error:
        raise SystemExit(str(error)) from None
