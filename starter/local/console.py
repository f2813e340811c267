"""The console of the local stack, and the page on which whoever runs the stack signs in."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from cryptography.fernet import Fernet

from starter.local import HOST
from starter.local.data_directory import DataDirectory
from starter.local.ports import Ports
from starter.local.services import listens, own_module
from starter.local.sign_in import AUTHORIZE, CLIENT, TOKEN
from starter.local.supervisor import Service

_RETURN = "/signed-in"


def console_url(ports: Ports) -> str:
    """Return the address of the console."""
    return f"http://{HOST}:{ports.console}"


def console_environment(data: DataDirectory, ports: Ports) -> dict[str, str]:
    """Return the variables of the console, and the one by which the doors link to it."""
    issuer = f"http://{HOST}:{ports.sign_in}"
    return {
        "OFFRAMP_CONSOLE_URL": console_url(ports),
        "OFFRAMP_CONSOLE_PORT": str(ports.console),
        "OFFRAMP_CONSOLE_CLIENT_ID": CLIENT,
        "OFFRAMP_CONSOLE_AUTHORIZATION_URL": f"{issuer}{AUTHORIZE}",
        "OFFRAMP_CONSOLE_TOKEN_URL": f"{issuer}{TOKEN}",
        "OFFRAMP_CONSOLE_SESSION_KEYS": data.secret("console-session-key", lambda: Fernet.generate_key().decode()),
        "OFFRAMP_TEMPORAL_UI_URL": f"http://{HOST}:{ports.temporal_ui}",
    }


def console_service(port: int, environment: Mapping[str, str]) -> Service:
    """Return the console as a service to supervise."""
    return Service(
        name="console",
        command=own_module("starter.console"),
        is_ready=lambda: listens(port),
        environment=environment,
    )


def sign_in_service(data: DataDirectory, ports: Ports, environment: Mapping[str, str]) -> Service:
    """Return the sign-in page as a service to supervise; it is given nothing of the other parts."""
    style = Path(str(files("starter.console"))) / "static" / "console.css"
    return Service(
        name="sign-in",
        command=own_module(
            "starter.local.sign_in",
            *("--port", str(ports.sign_in), "--data", str(data.path)),
            *("--returns-to", f"{console_url(ports)}{_RETURN}", "--style", str(style)),
        ),
        is_ready=lambda: listens(ports.sign_in),
        environment={
            name: value for name, value in environment.items() if not name.startswith(("OFFRAMP_", "TEMPORAL_"))
        },
    )
