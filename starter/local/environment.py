"""The environment file by which a command in another terminal finds the running local stack."""

import os
import shlex
import stat
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from starter.local.data_directory import (
    DATA_DIRECTORY_VARIABLE,
    DataDirectory,
    chosen_data_directory,
    open_own,
    write_private,
)
from starter.local.refusals import LocalEnvironmentNotOurs

# Setting one of these names an installation. Half of that one and half of the local one - its Temporal with
# the local database - would be worse than either.
_NAMES_AN_INSTALLATION = (
    "OFFRAMP_DATABASE_URL",
    "OFFRAMP_OBJECTS_URL",
    "OFFRAMP_TENANT_DATABASE_URL",
    "TEMPORAL_ADDRESS",
    "TEMPORAL_NAMESPACE",
    "TEMPORAL_API_KEY",
    "TEMPORAL_PROFILE",
    "TEMPORAL_CONFIG_FILE",
)

STACK_VARIABLES = frozenset(
    {
        DATA_DIRECTORY_VARIABLE,
        "OFFRAMP_API_PORT",
        "OFFRAMP_CODEC_PORT",
        "OFFRAMP_CODEC_TOKEN",
        "OFFRAMP_CODEC_UI",
        "OFFRAMP_CONSOLE_AUTHORIZATION_URL",
        "OFFRAMP_CONSOLE_CLIENT_ID",
        "OFFRAMP_CONSOLE_PORT",
        "OFFRAMP_CONSOLE_SESSION_KEYS",
        "OFFRAMP_CONSOLE_TOKEN_URL",
        "OFFRAMP_CONSOLE_URL",
        "OFFRAMP_DATABASE_OWNER_URL",
        "OFFRAMP_DATABASE_URL",
        "OFFRAMP_LINK_SECRET",
        "OFFRAMP_MAIL_FROM",
        "OFFRAMP_NEXUS_ENDPOINT",
        "OFFRAMP_OBJECTS_ACCESS_KEY_ID",
        "OFFRAMP_OBJECTS_ENDPOINT",
        "OFFRAMP_OBJECTS_SECRET_ACCESS_KEY",
        "OFFRAMP_OBJECTS_URL",
        "OFFRAMP_OIDC_AUDIENCE",
        "OFFRAMP_OIDC_ISSUER",
        "OFFRAMP_OIDC_KEYS",
        "OFFRAMP_PAGES_PORT",
        "OFFRAMP_PAYLOAD_KEYS",
        "OFFRAMP_PG_DUMP",
        "OFFRAMP_PUBLIC_URL",
        "OFFRAMP_REQUEST_KEYS",
        "OFFRAMP_SMTP_URL",
        "OFFRAMP_TEMPORAL_UI_URL",
        "OFFRAMP_TENANT_ADMINISTRATOR_URL",
        "OFFRAMP_TENANT_DATABASE_URL",
        "OFFRAMP_TENANT_LOGIN_SECRET",
        "OFFRAMP_WEBHOOK_KEYS",
        "OFFRAMP_WEBHOOK_SECRET",
        "OFFRAMP_WEBHOOK_URL",
        "TEMPORAL_ADDRESS",
        "TEMPORAL_CONFIG_FILE",
        "TEMPORAL_NAMESPACE",
    }
)
"""Every variable that a stack writes into its file, and the only ones that are read from one: others name secrets, code and trust."""

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def write_environment(path: Path, environment: Mapping[str, str]) -> None:
    """Write ``NAME=value`` lines, which a shell can source too. They contain secrets: only the owner may read them.

    Raises ValueError for a variable that would not be read again.
    """
    if unread := environment.keys() - STACK_VARIABLES:
        raise ValueError(f"not among the variables of a stack: {', '.join(sorted(unread))}")
    write_private(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in environment.items()))


def read_environment(path: Path) -> dict[str, str]:
    """Read what `write_environment` wrote, and nothing else; no file is an empty environment. Raises LocalEnvironmentNotOurs."""
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise LocalEnvironmentNotOurs(path, error.strerror or "it cannot be read") from None
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: "".join(shlex.split(value)) for name, _, value in pairs if name in STACK_VARIABLES}


def load_local_environment(
    data_directory: Path | None = None, environ: MutableMapping[str, str] | None = None
) -> dict[str, str]:
    """Make the local stack known to this process, unless its environment already names an installation.

    The stack is looked for in ``data_directory``, else in ``OFFRAMP_DATA_DIR``, else in ``.offramp`` of the current
    directory. Variables that are set explicitly always win; a variable that names an installation (a Temporal address,
    a database or an object store) disregards the local stack altogether.

    Returns:
        The variables that were added; empty when no local stack was found, or another installation is named.

    Raises LocalEnvironmentNotOurs.
    """
    environ = os.environ if environ is None else environ
    if names_an_installation(environ):
        return {}
    found = running_stack(data_directory)
    added = {name: value for name, value in found.items() if name not in environ}
    environ.update(added)
    return added


def running_stack(data_directory: Path | None = None) -> dict[str, str]:
    """Return the variables of the local stack that runs in a data directory; none if there is no such stack.

    A file that comes with a directory, as in an archive, is no stack's: that holds the lock of its directory. And only what a
    stack writes is read: other variables decide what code a process loads, whom it trusts, and which files it reads.

    Raises LocalEnvironmentNotOurs.
    """
    data = DataDirectory(chosen_data_directory(data_directory))
    refuse_unless_ours(data.environment_file)
    if not data.is_locked():
        return {}
    return read_environment(data.environment_file)


def names_an_installation(environ: Mapping[str, str]) -> bool:
    """Return true if variables name an installation, or a part of one."""
    return any(environ.get(name) for name in _NAMES_AN_INSTALLATION)


def refuse_unless_ours(file: Path) -> None:
    """Refuse a file that somebody else has written, or could: it would lead commands, and what they are told, elsewhere."""
    for path in (file, file.parent):
        try:
            found = path.stat()
        except OSError:  # nothing is read from it either
            return
        if found.st_uid != os.geteuid():
            raise LocalEnvironmentNotOurs(path, "it belongs to another user")
        # In a directory like /tmp, which is sticky, nobody replaces a file of ours.
        sticky = path == file.parent and found.st_mode & stat.S_ISVTX
        if found.st_mode & _OTHERS_WRITE and not sticky:
            raise LocalEnvironmentNotOurs(path, "other users may write to it")
