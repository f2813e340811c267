"""The directory with everything that a local stack keeps, and the lock on it."""

import errno
import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from starter.local.refusals import LocalEnvironmentNotOurs, LocalStackAlreadyRunning

WEBHOOK_SECRET = "webhook-secret"  # noqa: S105 - a name
"""The name of the secret that signs webhooks."""
DEFAULT_DATA_DIRECTORY = Path(".offramp")
_LONGEST_PID = 20
DATA_DIRECTORY_VARIABLE = "OFFRAMP_DATA_DIR"


def chosen_data_directory(explicit: Path | None = None) -> Path:
    """Return the data directory: as named, else ``OFFRAMP_DATA_DIR``, else ``.offramp`` in the working directory."""
    if explicit is not None:
        return explicit
    return Path(os.environ.get(DATA_DIRECTORY_VARIABLE) or DEFAULT_DATA_DIRECTORY)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp creates it 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)


class DataDirectory:
    """The places in a data directory; creating an instance touches nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self.environment_file = self.path / "env"
        self.lock_file = self.path / "lock"
        self.logs = self.path / "logs"
        self.run = self.path / "run"
        self.mails = self.path / "mails"
        self.postgres = self.path / "postgres"
        self.temporal_file = self.path / "temporal" / "temporal.db"
        self.object_store = self.path / "object-store"
        self.objects_folder = self.path / "objects"
        self.webhooks_file = self.path / "webhooks" / "received.jsonl"

    def create(self) -> None:
        """Make the directories that are missing, closed to other users of the machine."""
        if not self.path.exists():
            self.path.mkdir(parents=True)
            # As root, PostgreSQL runs as another user and must pass through, though not look around.
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            (self.path / ".gitignore").write_text("*\n", encoding="utf-8")
        for directory in (self.logs, self.run, self.mails, self.temporal_file.parent, self.webhooks_file.parent):
            directory.mkdir(mode=0o700, exist_ok=True)

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(24)) -> str:
        """Return the secret stored under ``name``; the first call makes it. The file is readable by its owner only."""
        path = self.path / name
        if not path.exists():
            write_private(path, make() + "\n")
        return path.read_text(encoding="utf-8").strip()

    def is_locked(self) -> bool:
        """Return true while a stack runs in the directory: a process of ours that has locked the very file, as its text says."""
        try:
            with os.fdopen(open_own(self.lock_file, os.O_RDONLY), encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    holder, found = file.read(_LONGEST_PID), os.fstat(file.fileno())
                else:
                    return False
        except (OSError, UnicodeDecodeError):
            return False
        return _is_open_in(holder, found)  # asked once it is closed here: this process may be the one that is named

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the directory for one stack; the kernel releases the lock however the process ends.

        Raises:
            LocalStackAlreadyRunning: another process has locked it.
            LocalEnvironmentNotOurs: what should be its file is somebody else's, or leads elsewhere.
        """
        try:
            descriptor = open_own(self.lock_file, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise LocalEnvironmentNotOurs(self.lock_file, error.strerror or "it cannot be opened") from None
        with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                held_by = file.read(_LONGEST_PID).strip()
                raise LocalStackAlreadyRunning(self.path, int(held_by) if held_by.isdigit() else None) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)


def open_own(path: Path, flags: int) -> int:
    """Open a file of our own, and nothing that it leads to: a directory may come from a stranger, with links in it.

    Raises OSError, also for a link, for another user's file and for one that has another name elsewhere.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
        os.close(descriptor)
        raise PermissionError(errno.EPERM, "it is no file of your own", str(path))
    return descriptor


def _is_open_in(pid: str, file: os.stat_result) -> bool:
    """Return true if a process of ours has a file open: others could lock it, and name any process in it."""
    import psutil  # noqa: PLC0415 - not before a lock is found: every command looks for one

    try:
        process = psutil.Process(int(pid))
        return process.uids().effective == os.geteuid() and any(
            os.path.samestat(Path(found.path).stat(), file) for found in process.open_files()
        )
    except (psutil.Error, OSError, ValueError):
        return False
