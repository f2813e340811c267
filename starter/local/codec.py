"""The encryption of the local stack: a key of its own, and the codec server that shows payloads in its Web UI."""

import base64
import secrets
from collections.abc import Mapping

from starter.local import HOST
from starter.local.data_directory import DataDirectory
from starter.local.ports import Ports
from starter.local.services import listens, own_module
from starter.local.supervisor import Service

_OF_OFFRAMP = ("OFFRAMP_", "TEMPORAL_")
_OF_CODEC = ("OFFRAMP_CODEC_", "OFFRAMP_PAYLOAD_")


def codec_environment(data: DataDirectory, ports: Ports) -> dict[str, str]:
    """Return the variables with the key of payloads, and those of the codec server."""
    return {
        "OFFRAMP_PAYLOAD_KEYS": data.secret("payload-keys", new_key),
        "OFFRAMP_CODEC_PORT": str(ports.codec),
        "OFFRAMP_CODEC_TOKEN": _token(data),
        "OFFRAMP_CODEC_UI": f"http://{HOST}:{ports.temporal_ui} http://localhost:{ports.temporal_ui}",
    }


def codec_endpoint(data: DataDirectory, ports: Ports) -> str:
    """Return the address at which the Web UI asks. This Web UI sends no credentials, so that the path has the token."""
    return f"http://{HOST}:{ports.codec}/{_token(data)}"


def codec_service(port: int, environment: Mapping[str, str]) -> Service:
    """Return the codec server as a service to supervise; it is given nothing of the other parts."""
    own = {
        name: value
        for name, value in environment.items()
        if not name.startswith(_OF_OFFRAMP) or name.startswith(_OF_CODEC)
    }
    return Service(
        name="codec",
        command=own_module("starter.codec"),
        is_ready=lambda: listens(port),
        environment=own,
    )


def _token(data: DataDirectory) -> str:
    return data.secret("codec-token", lambda: secrets.token_urlsafe(32))


def new_key() -> str:
    """Return a new key of 256 bits, under a name (`runtime.named_keys`)."""
    return f"local:{base64.b64encode(secrets.token_bytes(32)).decode()}"
