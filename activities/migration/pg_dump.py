"""The program pg_dump: its version, which must fit the server, and a run of it with its output as a stream."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import URL

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind

LIFELINE = Path(__file__).with_name("lifeline.py")
_STOPS_WITHIN_SECONDS = 10.0
_NOT_PASSED_ON = ("OFFRAMP_", "TEMPORAL_", "PGPASS", "PGOPTIONS", "PGSERVICE")
_DENIED = ("permission denied", "must be owner", "row-level security", "must be superuser", "may lack select")
_UNREACHABLE = ("could not connect", "connection to server", "server closed the connection", "terminating connection",
                "the database system is", "too many connections", "could not receive data", "lost synchronization")  # fmt: skip

_FROM_SERVER = "detail: Error message from server: "
_COMMAND = "pg_dump: detail: Command was: "


class PgDumpMissing(Refusal):
    """The refusal where no program pg_dump can be run."""

    code = "pg_dump_missing"

    def __init__(self, program: str, reason: str) -> None:
        super().__init__(
            f"pg_dump cannot be run: {reason}.",
            remedy=Remedy.of(
                RemedyKind.INSTALL_PG_DUMP,
                programs="PostgreSQL's client programs",
                variable="OFFRAMP_PG_DUMP",
                program=program,
            ),
            program=program,
        )


class PgDumpTooOld(Refusal):
    """The refusal of a pg_dump that does not know the server's version."""

    code = "pg_dump_too_old"

    def __init__(self, program: str, version: int, server: int) -> None:
        super().__init__(
            f"pg_dump is of version {version}, and the database with the organizations' data of version {server}.",
            remedy=Remedy.of(
                RemedyKind.INSTALL_PG_DUMP,
                programs=f"PostgreSQL's client programs of version {server} or newer",
                variable="OFFRAMP_PG_DUMP",
                program=program,
            ),
            program=program,
            version=version,
            server=server,
        )


class DumpDenied(Refusal):
    """The refusal where pg_dump may not read something that a complete copy needs."""

    code = "dump_denied"

    def __init__(self, schema: str, said: str) -> None:
        super().__init__(
            f"pg_dump may not copy all of the schema {schema!r}: {said}.",
            remedy=Remedy.of(
                RemedyKind.ASK_DATABASE_ADMINISTRATOR,
                request="grant the organization's login what is missing; the transfer is tried again by itself.",
            ),
            schema=schema,
        )


class DumpFailed(Exception):  # noqa: N818 - named after its message
    """The end of pg_dump without a complete copy, for a reason that may pass."""


class DumpSettings(BaseSettings):
    """``OFFRAMP_PG_DUMP``: the program pg_dump, of the server's version or newer; by default the one on PATH."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_")

    pg_dump: str = ""

    @property
    def program(self) -> str:
        """The program to run."""
        return self.pg_dump or "pg_dump"


class Running:
    """A running pg_dump."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert isinstance(process.stdout, BufferedReader)  # noqa: S101 - as Popen makes a pipe of bytes
        self._process = process
        self.output: BufferedReader = process.stdout

    def stop(self) -> None:
        """End pg_dump: its output then ends, and the copy is not complete."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        with suppress(OSError):
            self._process.stdin.close()  # the lifeline kills pg_dump


class PgDump:
    """The program pg_dump, checked to fit the server.

    Raises:
        PgDumpMissing, PgDumpTooOld.

    """

    def __init__(self, program: str, *, server_version: int) -> None:
        found = shutil.which(program)
        if found is None:
            raise PgDumpMissing(program, "there is none, or it may not be run")
        self._program = found
        try:
            said = subprocess.run(  # noqa: S603 - the operator's own program
                [found, "--version"], capture_output=True, text=True, timeout=30, env=_environment(), check=True
            ).stdout
        except (OSError, subprocess.SubprocessError) as error:
            raise PgDumpMissing(program, type(error).__name__) from None
        version = re.search(r"\(PostgreSQL\) (\d+)", said)
        if version is None:
            raise PgDumpMissing(program, "it does not say which version it is")
        self.version = int(version[1])
        if self.version < server_version:
            raise PgDumpTooOld(program, self.version, server_version)

    @contextmanager
    def running(self, url: URL, schema: str, *, snapshot: str, extensions: Sequence[str]) -> Iterator["Running"]:
        """Run pg_dump as the user of ``url`` over one snapshot and yield its output; it is stopped when the block is left early.

        Raises:
            DumpDenied, DumpFailed: when the block is left at the end of the output, and the copy is not complete.

        """
        arguments = [
            "--format=custom",
            "--compress=gzip:6",
            "--strict-names",
            f"--schema={exactly(schema)}",
            *(f"--extension={exactly(extension)}" for extension in extensions),
            "--no-owner",
            "--no-privileges",
            f"--snapshot={snapshot}",
            "--lock-wait-timeout=30s",
            f"--dbname={url.set(drivername='postgresql', password=None).render_as_string(hide_password=False)}",
        ]
        # The password is neither on the command line, which everybody sees, nor in a file that a kill would leave behind.
        secret = {"PGPASSWORD": str(url.password)} if url.password is not None else {}
        with tempfile.TemporaryFile() as complaints:
            process = subprocess.Popen(  # noqa: S603 - the operator's own program
                [sys.executable, "-I", str(LIFELINE), self._program, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env={**_environment(), **secret},
                start_new_session=True,
            )
            complete = False
            try:
                yield Running(process)
                complete = True
            finally:
                status = _end(process, complete=complete)
            complaints.seek(0)
            if status != 0:
                raise _failure(schema, complaints.read(8192).decode(errors="replace"), status)


def exactly(name: str) -> str:
    """Return the pattern that matches this name and no other: in quotation marks nothing is special but themselves."""
    return '"{}"'.format(name.replace('"', '""'))


def _environment() -> dict[str, str]:
    # Not our own secrets, and no login or service of others: the URL names host, database and user, and nothing overrides
    # it. Every other setting of libpq counts as it does for the service's own connections, sslmode and certificates above
    # all. English, to tell errors apart.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
    return {**inherited, "LC_ALL": "C", "PGAPPNAME": "offramp migration", "PGCONNECT_TIMEOUT": "10"}


def _end(process: subprocess.Popen[bytes], *, complete: bool) -> int:
    assert process.stdin is not None  # noqa: S101 - a pipe, see above
    assert process.stdout is not None  # noqa: S101
    if not complete:
        with suppress(OSError):
            process.stdin.close()  # the lifeline kills pg_dump
        process.stdout.close()
    try:
        status = process.wait(_STOPS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    with suppress(OSError):
        process.stdin.close()
    process.stdout.close()
    return status


def _failure(schema: str, complaints: str, status: int) -> Refusal | DumpFailed:
    lines = [line.partition("error: ")[2] for line in complaints.splitlines() if "error: " in line]
    said = (lines or [f"it ended with status {status}"])[0]
    if _FROM_SERVER in complaints:  # "PQgetCopyData() failed" alone says nothing
        said = f"{said} {complaints.partition(_FROM_SERVER)[2].partition(_COMMAND)[0]}"
    said = " ".join(said.split())[:300].rstrip(".")
    low = said.casefold()
    if any(words in low for words in _DENIED):
        return DumpDenied(schema, said)
    if any(words in low for words in _UNREACHABLE):
        return DumpFailed("the database with the organizations' data broke off the connection or refuses connections")
    return DumpFailed(f"pg_dump said: {said}")
