"""Opening the files of a workspace without following links, and creating them for all who share the workspace.

A workspace may come out of an archive or a shared folder, so a file of nbpart may have been replaced by a link to
another file, a second name of it, or a pipe that never ends. These are refused with an error that names them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from pathlib import Path

from nbpart.errors import OutsideWorkspaceError, WorkspaceError

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
#: The current folder, as the calls of the system that rename files spell it.
_HERE = {"linux": -100, "darwin": -2}
_NO_SUCH_RENAME = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
_OF_ANOTHER_KIND = {errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR, errno.ENOTDIR}
_READ_WRITE = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH


def open_own(
    path: Path, *, writes: bool = False, create: bool = False, like: Path | None = None, folder: int | None = None
) -> int:
    """The descriptor of an ordinary file of one name; with `folder`, the last part of `path` in that open folder.

    `create` makes the file if it is not there, with mode and group of the file `like`; without one, or where that is
    not there yet, as files in a shared folder are made (see `share`). Raises FileNotFoundError where it is not there,
    WorkspaceError for what is something else or cannot be opened.
    """
    flags = (os.O_RDWR if writes else os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    name = path if folder is None else path.name
    try:
        while True:
            try:
                return _checked(os.open(name, flags, dir_fd=folder), path)
            except FileNotFoundError:
                if not create:
                    raise
            with contextlib.suppress(FileExistsError):  # another process was faster: its file is the one
                file = os.open(name, flags | os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
                take_permissions(file, like, path.parent if folder is None else folder)
                return file
    except (FileNotFoundError, WorkspaceError):
        raise
    except OSError as error:
        raise explain(error, path) from error


def read_own(path: Path, most_bytes: int = 1 << 16, *, of_this_user: bool = False) -> bytes:
    """The beginning of a file of the workspace, which others may not have written if `of_this_user`.

    Raises as `open_own`.
    """
    file = open_own(path)
    try:
        if of_this_user and os.fstat(file).st_uid != os.geteuid():
            raise WorkspaceError(f"{path} belongs to another user; what it says is not followed.")
        return os.read(file, most_bytes)
    finally:
        os.close(file)


def check_own(path: Path) -> bool:
    """Whether there is an ordinary file of one name at `path`, for who opens it by its name.

    False where there is nothing; WorkspaceError where there is something else.
    """
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise explain(error, path) from error
    _check_kind(found, path)
    return True


def open_own_folder(path: Path, *, create: bool = False) -> int:
    """The descriptor of a folder that is no link, made if it is not there. Raises as `open_own`."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY
    try:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            if not create:
                raise
            _make_one(path)
            return os.open(path, flags)
    except FileNotFoundError:
        if create:
            raise WorkspaceError(f"The folder {path.parent} is gone: was it moved? Open the workspace again.") from None
        raise
    except OSError as error:
        raise explain(error, path) from error


def check_own_folder(path: Path) -> bool:
    """Whether there is a folder that is no link at `path`; False where there is nothing. Raises WorkspaceError."""
    try:
        os.close(open_own_folder(path))
    except FileNotFoundError:
        return False
    return True


def make_folder(root: Path, folder: Path) -> None:
    """Make a folder below ``data/``, ``runs/`` or ``code/`` of the workspace `root`, with what is missing above it.

    These three are made when a workspace is opened, and never here: where they are gone the workspace was moved, and
    nothing may be written to a new folder of its old name. Raises WorkspaceError there, and for a link on the way.
    """
    steps = folder.relative_to(root).parts
    if ".." in steps:
        raise WorkspaceError(f"{folder} is not inside the workspace {root}; nothing is written there.")
    place = root
    for depth, step in enumerate(steps):
        place = place / step
        try:
            found = os.lstat(place)
        except FileNotFoundError:
            if depth == 0:
                raise WorkspaceError(
                    f"The folder {place} is gone: the workspace was moved or replaced; open it again where it is now."
                ) from None
            _make_one(place)
            continue
        except OSError as error:
            raise explain(error, place) from error
        if not stat.S_ISDIR(found.st_mode):
            raise WorkspaceError(_describe_kind(found, place, "a folder"))


def share(model: os.stat_result, made: int | Path) -> None:
    """Give a new file or folder the group of the folder that it lies in, and the permissions that this grants.

    As far as a folder lets its group (or everyone) write in it, these may read and write what is in it too, whatever
    the umask of who makes it; beyond that the umask holds.
    """
    mode = stat.S_IMODE(os.stat(made).st_mode)
    wanted = mode | _shared_bits(model, is_folder=stat.S_ISDIR(os.stat(made).st_mode))
    _adopt_group(model, made)
    if wanted != mode:
        with contextlib.suppress(PermissionError):
            os.chmod(made, wanted)


def take_permissions(file: int, like: Path | None, folder: Path | int) -> None:
    """Give a new file mode and group of the file `like`, or what its folder grants where there is no such file."""
    try:
        model = os.stat(like, follow_symlinks=False) if like is not None else None
    except OSError:
        model = None
    if model is None or not stat.S_ISREG(model.st_mode):
        share(os.stat(folder), file)
        return
    copy_permissions(model, file)


def copy_permissions(model: os.stat_result, file: int | Path) -> None:
    """Give a file that is no link mode and group of another, as far as this user may."""
    _adopt_group(model, file)
    with contextlib.suppress(PermissionError):
        os.chmod(file, model.st_mode & _READ_WRITE)


def rename_new(old: Path, new: Path) -> None:
    """Rename a file to a name that nothing has. Raises FileExistsError where something has it."""
    import ctypes

    name, flag = {"linux": ("renameat2", 1), "darwin": ("renameatx_np", 4)}.get(sys.platform, ("", 0))
    rename = getattr(ctypes.CDLL(None, use_errno=True), name, None) if name else None
    if rename is not None:
        if rename(_HERE[sys.platform], os.fsencode(old), _HERE[sys.platform], os.fsencode(new), flag) == 0:
            return
        number = ctypes.get_errno()
        if number not in _NO_SUCH_RENAME:
            raise OSError(number, os.strerror(number), str(old), None, str(new))
    if os.path.lexists(new):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new))
    os.rename(old, new)


def explain(error: OSError, path: Path) -> WorkspaceError:
    """The error to raise for one of the system at a file or folder of the workspace; it has the same number."""
    explained = WorkspaceError(_describe_error(error, path))
    explained.errno = error.errno
    return explained


def _describe_error(error: OSError, path: Path) -> str:
    if error.errno in _OF_ANOTHER_KIND:
        with contextlib.suppress(OSError):
            return _describe_kind(os.lstat(path), path, "something")
    if error.errno == errno.ENOSPC:
        return f"{path} cannot be written: the disk is full (of data, or of files); free some and try again."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{path} cannot be used: {error.strerror}; ask its owner to let you write it, or copy the workspace."
    return f"{path} cannot be used: {error.strerror}."


def _checked(file: int, path: Path) -> int:
    try:
        _check_kind(os.fstat(file), path)
    except BaseException:
        os.close(file)
        raise
    return file


def _check_kind(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise WorkspaceError(_describe_kind(found, path, "a file"))
    if found.st_nlink > 1:
        raise WorkspaceError(
            f"{path} is a hard link: the same file has {found.st_nlink} names, and nbpart changes nothing outside the "
            "workspace; put a copy of it in its place."
        )


def _describe_kind(found: os.stat_result, path: Path, wanted: str) -> str:
    if stat.S_ISLNK(found.st_mode):
        return explain_link(path)
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "an ordinary file")
    return f"{path} is {kind}, where nbpart keeps {wanted} of its own; move it away."


def explain_link(path: Path) -> str:
    """Why a link is refused, and what to do, as a sentence for an error."""
    try:
        target = os.readlink(path)
    except OSError:
        target = "somewhere else"
    return (
        f"{path} is a link to {target}, and nbpart neither reads nor writes through links inside a workspace: keep the "
        "whole workspace where the space is (a link to the workspace itself is followed)."
    )


def _make_one(folder: Path) -> None:
    try:
        os.mkdir(folder)
    except FileExistsError:
        return
    except FileNotFoundError:
        raise
    except OSError as error:
        raise explain(error, folder) from error
    with contextlib.suppress(FileNotFoundError):
        share(os.stat(folder.parent), folder)


def _shared_bits(model: os.stat_result, *, is_folder: bool) -> int:
    bits = 0
    if model.st_mode & stat.S_IWGRP:
        bits |= model.st_mode & stat.S_IRWXG
    if model.st_mode & stat.S_IWOTH and not model.st_mode & stat.S_ISVTX:
        bits |= model.st_mode & stat.S_IRWXO
    return bits if is_folder else bits & _READ_WRITE


def _adopt_group(model: os.stat_result, made: int | Path) -> None:
    if os.stat(made).st_gid != model.st_gid:
        with contextlib.suppress(OSError):  # not a member of it
            os.chown(made, -1, model.st_gid)


def find_own(root: Path, path: str, record: str) -> Path:
    """Where a record of the catalog says that a file of the workspace `root` is, which need not be there.

    `record` names the record in the sentence of the error. Raises OutsideWorkspaceError for a path that is absolute
    or leads out of the workspace, by its text or through a link.
    """
    parts = path.split("/")
    if not path or path.startswith("/") or "://" in path or "\0" in path or ".." in parts:
        raise OutsideWorkspaceError(
            f"{record} names the file {path!r}, which is not inside the workspace {root}: it is left alone; "
            "the catalog was not written by nbpart alone, so look at where it comes from."
        )
    place = root
    for part in parts:
        place = place / part
        if place.is_symlink():
            raise OutsideWorkspaceError(f"{record} names {path!r}, but {explain_link(place)}")
    return place
