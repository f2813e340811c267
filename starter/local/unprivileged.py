"""PostgreSQL under another user when the local stack runs as root, as which PostgreSQL refuses to run.

It then runs as ``nobody``: a development tool has no business adding users to a machine. That user must reach the
server's programs and the database files. Where a directory above them is closed to others - a checkout below ``/root``
usually is - they are kept in `SHARED_DIRECTORY` instead; the permissions of ``/root`` stay as they are.
"""

import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SHARED_DIRECTORY = Path("/var/lib/offramp")
_USER = "nobody"


@dataclass(frozen=True)
class RunAs:
    """The user and group a child runs as."""

    uid: int
    gid: int


def unprivileged_user() -> RunAs | None:
    """Return the user to run PostgreSQL as: ``nobody`` under root, otherwise None for the present user."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(_USER)
    return RunAs(entry.pw_uid, entry.pw_gid)


def reachable_by_others(directory: Path) -> bool:
    """Return true if any user may pass through the directory and all those above it."""
    resolved = directory.resolve()
    return all(level.stat().st_mode & stat.S_IXOTH for level in (resolved, *resolved.parents))


def shared_directory(name: str) -> Path:
    """Return a directory in `SHARED_DIRECTORY`, made if need be, that others may pass through; only for root."""
    directory = SHARED_DIRECTORY / name
    for level in (SHARED_DIRECTORY, directory):
        if not level.exists():
            level.mkdir(parents=True)
            level.chmod(0o711)
    return directory


def readable_copy(root: Path, parts: Sequence[str], name: str) -> Path:
    """Return ``root``, if every user can read these parts of it, else a copy of them that everyone can.

    The parts keep their places relative to one another, by which programs find their libraries. A copy is made once for
    each ``name``.
    """
    sources = [root / part for part in parts if (root / part).exists()]
    if reachable_by_others(root) and all(_is_open(path) for source in sources for path in (source, *source.rglob("*"))):
        return root
    copy = shared_directory("programs") / name
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(dir=copy.parent))
        for source in sources:
            shutil.copytree(source, unfinished / source.relative_to(root), symlinks=True)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | _required_mode(path))
        try:
            unfinished.rename(copy)
        except OSError:
            # Another stack of this machine was quicker with the same copy.
            shutil.rmtree(unfinished)
    return copy


def _required_mode(path: Path) -> int:
    runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
    return stat.S_IROTH | (stat.S_IXOTH if runs else 0)


def _is_open(path: Path) -> bool:
    return path.stat().st_mode & _required_mode(path) == _required_mode(path)
