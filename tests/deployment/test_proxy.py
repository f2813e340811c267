"""The proxy of docker-compose.yml: its own configuration, read by a real nginx, before a real object store."""

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from starter.local import HOST
from starter.local.internal_tls import secure_internal_ports
from storage.objects import Objects, ObjectStoreSettings
from tests.deployment.files import ROOT, SERVICES
from tests.support.ports import free_ports
from tests.support.processes import wait_until

CONFIGURATION = ROOT / "deployment" / "proxy.conf"


class Page(BaseHTTPRequestHandler):
    """A page that says under which host it was asked for, and by what path."""

    def do_GET(self) -> None:
        body = f"{self.headers['Host']} {self.path}".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Proxy:
    """A running proxy: its ports, a client that trusts its certificate, and what it has logged."""

    plain: int
    pages: int
    files: int
    client: httpx.Client
    log: Path


@pytest.fixture
def proxy(tmp_path: Path, object_store: ObjectStoreSettings) -> Iterator[Proxy]:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if nginx is None:
        pytest.skip("nginx is not installed here (apt-get install nginx)")
    secure_internal_ports(tmp_path)  # a certificate for this address
    keys = tmp_path / ".seaweedfs"
    plain, pages, files = free_ports(3)
    log = tmp_path / "log"
    with ThreadingHTTPServer((HOST, 0), Page) as page:
        threading.Thread(target=page.serve_forever, daemon=True).start()
        text = CONFIGURATION.read_text(encoding="utf-8")
        for written, here in (
            (" /tmp/", f" {tmp_path}/"),
            ("/run/secrets/proxy_certificate", keys / "internal.crt"),
            ("/run/secrets/proxy_key", keys / "internal.key"),
            ("http://pages:8234", f"http://{HOST}:{page.server_port}"),
            ("http://object-store:8333", object_store.endpoint),
            ("listen 8080", f"listen {HOST}:{plain}"),
            ("listen 8443", f"listen {HOST}:{pages}"),
            ("listen 8444", f"listen {HOST}:{files}"),
            ("/dev/stderr", log),
        ):
            assert written in text
            text = text.replace(written, str(here))
        (tmp_path / "proxy.conf").write_text(text, encoding="utf-8")
        command = [nginx, "-c", str(tmp_path / "proxy.conf"), "-p", str(tmp_path), "-e", str(log)]
        checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr + log.read_text(encoding="utf-8")
        process = subprocess.Popen([*command, "-g", "daemon off;"])
        try:
            trusted = ssl.create_default_context(cafile=str(keys / "internal.crt"))
            with httpx.Client(verify=trusted, trust_env=False) as client:
                wait_until(lambda: answers(client, f"https://{HOST}:{pages}/"), "it answers")
                yield Proxy(plain, pages, files, client, log)
        finally:
            process.terminate()
            process.wait(10)
            page.shutdown()


def answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).is_success
    except httpx.TransportError:
        return False


def test_pages_are_reached_by_tls_under_the_host_that_was_asked_for_and_no_link_is_logged(proxy: Proxy) -> None:
    url = f"https://{HOST}:{proxy.pages}/links/a-key-of-somebody?x=%2F"

    answer = proxy.client.get(url)

    assert answer.text == f"{HOST}:{proxy.pages} /links/a-key-of-somebody?x=%2F"
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert "nginx/" not in str(answer.headers)
    redirect = proxy.client.get(f"http://{HOST}:{proxy.plain}/links/a-key-of-somebody")
    assert (redirect.status_code, redirect.headers["location"]) == (301, f"https://{HOST}/links/a-key-of-somebody")
    proxy.client.post(url, content=b"x" * 100_000)  # is refused, and would be logged
    assert "a-key-of-somebody" not in proxy.log.read_text(encoding="utf-8")


def test_a_signed_link_fetches_its_file_through_the_proxy_and_nothing_is_written_there(
    proxy: Proxy, object_store: ObjectStoreSettings
) -> None:
    outside = object_store.model_copy(update={"public_endpoint": f"https://{HOST}:{proxy.files}"})
    objects = Objects(outside)
    objects.put("export/1/Straße & co.csv", b"rows of a customer" * 1000)

    link = objects.signed_link("export/1/Straße & co.csv", expires_in=timedelta(minutes=1), file_name="rows.csv")

    assert link.startswith(f"https://{HOST}:{proxy.files}/")
    assert proxy.client.get(link).content == b"rows of a customer" * 1000
    assert proxy.client.get(link.partition("?")[0]).status_code == 403
    for method in ("PUT", "DELETE", "POST"):
        assert proxy.client.request(method, link).status_code == 403
    assert objects.get("export/1/Straße & co.csv")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_of_tls_are_refused(proxy: Proxy, version: ssl.TLSVersion) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = old.maximum_version = version
    with httpx.Client(verify=old, trust_env=False) as client, pytest.raises(httpx.ConnectError):
        client.get(f"https://{HOST}:{proxy.pages}/")


def test_the_compose_file_runs_it_with_this_configuration() -> None:
    service = SERVICES["proxy"]
    assert service["volumes"] == ["./deployment/proxy.conf:/etc/offramp/nginx.conf:ro"]
    assert "/etc/offramp/nginx.conf" in service["command"]
    assert set(service["secrets"]) == {"proxy_certificate", "proxy_key"}
    listening = set(CONFIGURATION.read_text(encoding="utf-8").split("listen ")[1:])
    inside = {port.rpartition(":")[2] for port in service["ports"]}
    assert inside == {each.partition(";")[0].partition(" ")[0] for each in listening}
