"""The login that commands use: of the environment, or as it was kept."""

import os
from collections.abc import MutableMapping

from starter.local.environment import names_an_installation
from starter.remote.session_file import session_file

API_URL = "OFFRAMP_API_URL"


def use_login(environ: MutableMapping[str, str] | None = None) -> None:
    """Name the API of the login that was kept, unless the environment names it or an installation."""
    environ = os.environ if environ is None else environ
    if environ.get(API_URL) or names_an_installation(environ):
        return
    if not session_file().exists():
        return
    from starter.remote.sessions import kept_session

    if (session := kept_session()) is not None:
        environ[API_URL] = session.url
        for name in ("OFFRAMP_API_TOKEN", "OFFRAMP_API_TOKEN_FILE"):  # which are for an API that the environment names
            environ.pop(name, None)


def api_in_use() -> str | None:
    """Return the address of the API that commands ask; None where they take the direct way."""
    return os.environ.get(API_URL) or None
