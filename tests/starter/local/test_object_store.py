import socket
import ssl
import stat
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from domain.refusals import Refusal
from starter.local import HOST
from starter.local.data_directory import DataDirectory
from starter.local.object_store import INTERNAL_PORTS, object_store_environment, object_store_program
from storage.objects import Objects, ObjectStoreSettings
from tests.support.processes import wait_until
from tests.support.servers import open_directory, reading, running_object_store


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with open_directory() as path:
        yield path


@pytest.fixture(scope="module")
def running_store(directory: Path) -> Iterator[tuple[ObjectStoreSettings, psutil.Process]]:
    with running_object_store(directory / "store", directory) as (settings, process):
        Objects(settings).ensure_bucket()
        yield settings, psutil.Process(process.pid)


def listening(process: psutil.Process) -> set[tuple[str, int]]:
    return {tuple(connection.laddr) for connection in process.net_connections() if connection.status == "LISTEN"}


Running = tuple[ObjectStoreSettings, psutil.Process]


def test_it_listens_on_this_machine_alone_and_only_on_the_ports_it_was_given(running_store: Running) -> None:
    _, process = running_store
    given = {int(part.rpartition("=")[2]) for part in process.cmdline() if ".port" in part} - {0}
    assert len(given) == 1 + INTERNAL_PORTS
    # It answers before the last of its parts, which nobody needs, is there.
    wait_until(lambda: len(listening(process)) >= len(given), "it listens on every port")
    assert listening(process) == {(HOST, port) for port in given}


def test_whoever_has_no_key_may_do_nothing_with_objects(running_store: Running) -> None:
    settings, _ = running_store
    Objects(settings).put("export/1", b"private")
    for method, path in (("GET", "/"), ("GET", "/offramp"), ("GET", "/offramp/export/1"), ("PUT", "/offramp/mine")):
        assert httpx.request(method, f"{settings.endpoint}{path}").status_code == httpx.codes.FORBIDDEN


def answered(port: int, request: bytes, *, encrypted: bool) -> bytes:
    """What a port answers to somebody who has no certificate; nothing, where the connection ends."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    anybody.set_alpn_protocols(["h2", "http/1.1"])
    with suppress(OSError), socket.create_connection((HOST, port), timeout=5) as plain, ExitStack() as wrapped:
        connection = wrapped.enter_context(anybody.wrap_socket(plain)) if encrypted else plain
        connection.sendall(request)
        return connection.recv(4096)
    return b""


@pytest.mark.parametrize(
    "path", ["/dir/status", "/dir/assign", "/col/delete?collection=offramp", "/buckets/offramp/", "/status"]
)
def test_its_parts_answer_nobody_else(running_store: Running, path: str) -> None:
    """By these ports anybody on this machine could read, write and delete past the access keys."""
    settings, process = running_store
    Objects(settings).put("export/1", b"private")
    given = {int(part.rpartition("=")[2]) for part in process.cmdline() if ".port" in part} - {0}
    internal = given - {urlsplit(settings.endpoint).port}
    assert len(internal) == INTERNAL_PORTS
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()

    for port in internal:
        for encrypted in (False, True):
            status = answered(port, request, encrypted=encrypted).partition(b"\r\n")[0].split(b" ")
            assert not status[1:] or int(status[1]) >= 300, (port, encrypted, status)
    assert Objects(settings).get("export/1") == b"private"


def test_a_shell_of_the_store_without_its_certificate_sees_nothing(running_store: Running, tmp_path: Path) -> None:
    settings, process = running_store
    Objects(settings).put("export/1", b"private")
    ports = {
        name: int(number)
        for name, _, number in (part.removeprefix("-").partition("=") for part in process.cmdline())
        if ".port" in name
    }
    shell = [
        str(object_store_program()),
        "shell",
        f"-master={HOST}:{ports['master.port']}.{ports['master.port.grpc']}",
        f"-filer={HOST}:{ports['filer.port']}.{ports['filer.port.grpc']}",
    ]
    with pytest.raises(subprocess.TimeoutExpired) as waited:  # for a leader that it never finds
        subprocess.run(shell, input="fs.ls /buckets/offramp/export\n", env={"HOME": str(tmp_path)}, timeout=5,
                       capture_output=True, text=True, check=False)  # fmt: skip
    assert b"1\n" not in (waited.value.stdout or b"")


def test_its_sockets_are_for_nobody_else(running_store: Running) -> None:
    """They answer without a key: by them, too, every export could be read."""
    _, process = running_store
    sockets = {Path(each.laddr) for each in process.net_connections("unix") if str(each.laddr).startswith("/")}
    assert sockets
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in sockets if path.exists()} == {0}


def test_the_key_of_the_pages_may_read_and_nothing_else(running_store: Running) -> None:
    settings, _ = running_store
    Objects(settings).put("export/2", b"private")
    reader = Objects(reading(settings))

    assert [item.key for item in reader.list("export/")] == [item.key for item in Objects(settings).list("export/")]
    link = reader.signed_link("export/2", expires_in=timedelta(minutes=1), file_name="2")
    assert httpx.get(link).content == b"private"
    with pytest.raises(Refusal):
        reader.put("export/3", b"mine")
    with pytest.raises(Refusal):
        reader.delete(["export/2"])
    keys = {item.key for item in Objects(settings).list("export/")}
    assert "export/2" in keys
    assert "export/3" not in keys


def test_its_keys_and_files_are_readable_by_their_owner_only(running_store: Running, directory: Path) -> None:
    assert stat.S_IMODE((directory / "store" / "identities.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((directory / "store" / "files").stat().st_mode) == 0o700


def test_it_sends_nothing_about_itself_to_anybody(running_store: Running) -> None:
    assert "-master.telemetry=false" in running_store[1].cmdline()


def test_the_bucket_may_be_made_any_number_of_times(running_store: Running) -> None:
    Objects(running_store[0]).ensure_bucket()
    Objects(running_store[0]).ensure_bucket()


def test_the_secret_is_made_once_and_kept_with_the_data(tmp_path: Path) -> None:
    first = object_store_environment(DataDirectory(tmp_path), 8333)
    assert object_store_environment(DataDirectory(tmp_path), 8334) == {
        **first,
        "OFFRAMP_OBJECTS_ENDPOINT": "http://127.0.0.1:8334",
    }


def test_where_the_program_is_not_installed_objects_are_kept_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    environment = object_store_environment(DataDirectory(tmp_path), 8333)
    assert environment == {"OFFRAMP_OBJECTS_URL": (tmp_path / "objects").as_uri()}
    folder = Objects(ObjectStoreSettings(url=environment["OFFRAMP_OBJECTS_URL"]))
    folder.ensure_bucket()
    folder.put("export/1", b"kept")
    assert (tmp_path / "objects" / "export" / "1").read_bytes() == b"kept"
