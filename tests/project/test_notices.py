from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

STORY = """
import logging, sys
{before}
import nbpart
ws = nbpart.open("workspace")
nbpart.open("workspace")
{after}
files = ws.dynamic_partitions("files")
files.add("a"); files.remove("a"); files.add("a")
ws.close()
"""
NOTICE = "files: 'a' had been removed before; added again with its history.\n"


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("", "", NOTICE),
        ("", "import io; sys.stderr = io.StringIO()", ""),
        ("", "logging.basicConfig(level='INFO', format='own %(message)s')", "own " + NOTICE),
        ("logging.basicConfig(level='INFO', format='own %(message)s')", "", "own " + NOTICE),
        ("logging.basicConfig(level='WARNING')", "", ""),
        ("logging.getLogger('nbpart').setLevel('ERROR')", "", ""),
    ],
    ids=["shown", "current stderr", "configured later", "configured", "configured quiet", "silenced"],
)
def test_a_user_sees_notices_once(project: Path, before: str, after: str, shown: str) -> None:
    code = STORY.format(before=before, after=after)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == shown


def test_no_handler_is_added_where_logging_is_configured(project: Path) -> None:
    from nbpart.project.notices import show_notices

    assert logging.getLogger().handlers, "pytest has its own"
    show_notices()
    assert not logging.getLogger("nbpart").handlers
