"""The kind of a file system, as the system lists what is mounted."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbpart.storage.mounts import find_file_system

MOUNTS = r"""22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv rw shared:2 - nfs4 server:/srv rw,vers=4.2
31 30 0:41 / /srv/a\040b rw - tmpfs tmpfs rw
32 22 0:42 / /mnt/data rw - fuse.sshfs host:/ rw
33 22 0:43 / /srvs rw - xfs /dev/sdb rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/x", "ext4"), ("/srv/me/w", "nfs4"), ("/srv/a b/w", "tmpfs"), ("/mnt/data", "fuse.sshfs"), ("/srvs", "xfs")],
)
def test_the_kind_of_a_file_system_is_that_of_the_nearest_mount(tmp_path: Path, folder: str, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert find_file_system(Path(folder), str(mounts)) == kind
    assert find_file_system(Path(folder), str(tmp_path / "none")) is None
