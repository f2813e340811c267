"""Logging in: by a browser at the API's issuer, with a token of one's own, or at the local stack; and logging out again."""

import json
import stat
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from domain.principals import Role
from starter.cli.login_in_use import use_login
from starter.local.data_directory import DataDirectory
from starter.local.environment import write_environment
from starter.local.issuer import ISSUER, issuer_environment
from starter.remote import login
from starter.remote.sessions import NotLoggedIn, Session, current_session, keep, kept_session
from tests.starter.remote.conftest import Logged
from tests.support.command_line import CommandLine
from tests.support.issuer import Issuer


class Site:
    """An API's metadata and its issuer in one server, with the answers that a test wants."""

    def __init__(self) -> None:
        self.tokens: list[dict[str, Any]] = []
        """The answers of the token endpoint, in turn."""
        self.asked: list[dict[str, str]] = []
        self.device: dict[str, Any] = {
            "device_code": "dev-1", "user_code": "WDJB-MJHT", "verification_uri": "https://id.example/device",
            "interval": 0, "expires_in": 60,
        }  # fmt: skip
        self.configuration: dict[str, Any] = {}
        self.issuer: str | None = None
        self.resource: str | None = None
        self.url = ""


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            whole = {
                "device_authorization_endpoint": f"{found.url}/device",
                "token_endpoint": f"{found.url}/token",
                **found.configuration,
            }
            self.answer(
                {
                    "/.well-known/oauth-protected-resource": {
                        "resource": found.resource or f"{found.url}/",
                        "authorization_servers": [found.issuer or found.url],
                    },
                    "/.well-known/openid-configuration": {name: each for name, each in whole.items() if each},
                }.get(self.path, {})
            )

        def do_POST(self) -> None:
            sent = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            found.asked.append({name: values[0] for name, values in sent.items()})
            self.answer(found.device if self.path == "/device" else found.tokens.pop(0))

        def answer(self, document: dict[str, Any]) -> None:
            content = json.dumps(document).encode()
            self.send_response(400 if "error" in document else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return CommandLine({"XDG_CONFIG_HOME": str(tmp_path), "OFFRAMP_DATA_DIR": str(tmp_path / "none"), "COLUMNS": "300"})


def test_a_person_logs_in_by_a_browser_and_only_they_can_read_the_token(
    site: Site, line: CommandLine, tmp_path: Path
) -> None:
    site.tokens = [
        {"error": "authorization_pending"},
        {"access_token": "at-1", "refresh_token": "rt-1", "expires_in": 300},
    ]
    done = line.call("login", site.url, "--client-id", "crm-cli")
    assert done.status == 0, done.err
    assert "https://id.example/device" in done.err
    assert "WDJB-MJHT" in done.err
    assert site.url in done.err, "to whom the token goes"
    asked = {"client_id": "crm-cli", "scope": "openid offline_access", "resource": site.url}
    assert site.asked[0] == asked
    assert site.asked[-1]["resource"] == site.url
    assert site.asked[-1]["device_code"] == "dev-1"
    file = tmp_path / "offramp" / "session.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = kept_session()
    assert found is not None
    assert (found.token, found.refresh_token, found.url) == ("at-1", "rt-1", site.url)
    assert "at-1" not in done.out + done.err

    out = line.call("logout", "--json")
    assert (out.json, file.exists()) == ({"forgotten": True}, False)
    assert line.call("logout", "--json").json == {"forgotten": False}


@pytest.mark.parametrize(
    ("tokens", "why"),
    [
        ([{"error": "access_denied", "error_description": "they said no"}], "they said no"),
        ([{"error": "expired_token"}], "expired_token"),
        ([{"token": "x"}], "its answer has no token"),
    ],
)
def test_a_login_that_is_not_granted_keeps_nothing(
    site: Site, line: CommandLine, tokens: list[dict[str, Any]], why: str
) -> None:
    site.tokens = tokens
    refused = line.call("login", site.url, "--json")
    assert (refused.status, kept_session()) == (1, None)
    assert why in refused.out


def test_a_slow_person_is_asked_after_more_slowly_and_not_for_ever(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    now = time.monotonic()
    monkeypatch.setattr(time, "sleep", waited.append)
    monkeypatch.setattr(time, "monotonic", lambda: now + sum(waited))
    site.device = {**site.device, "interval": 5, "expires_in": 20}
    site.tokens = [
        {"error": "authorization_pending"},
        {"error": "slow_down"},
        *[{"error": "authorization_pending"}] * 5,
    ]
    with pytest.raises(login.LoginRefused, match="nobody logged in in time"):
        login.log_in(site.url, "offramp-cli", lambda _: None)
    assert waited == [5, 5, 10]


@pytest.mark.parametrize(
    ("configuration", "issuer", "code"),
    [
        ({"device_authorization_endpoint": None}, None, "login_refused"),
        ({"token_endpoint": "http://id.example/token"}, None, "api_without_tls"),
        ({}, "http://id.example", "api_without_tls"),
    ],
)
def test_an_issuer_that_offers_no_such_login_or_none_that_is_safe_is_refused(
    site: Site, line: CommandLine, configuration: dict[str, Any], issuer: str | None, code: str
) -> None:
    site.configuration, site.issuer = configuration, issuer
    refused = line.call("login", site.url, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, code)


def test_a_token_that_ends_soon_is_renewed_and_kept(site: Site, line: CommandLine) -> None:
    of_issuer = {"token_endpoint": f"{site.url}/token", "client_id": "crm-cli"}
    keep(Session(url=site.url, token="at-1", refresh_token="rt-1", expires_at=time.time() + 5, **of_issuer))
    site.tokens = [{"access_token": "at-2", "expires_in": 300}]
    assert current_session(site.url).token == "at-2"
    assert site.asked == [{"grant_type": "refresh_token", "refresh_token": "rt-1", "client_id": "crm-cli"}]
    assert current_session(f"{site.url}/").token == "at-2", "without asking again"
    keep(Session(url=site.url, token="at-1", refresh_token="rt-1", expires_at=time.time() + 5, **of_issuer))
    site.tokens = [{"error": "invalid_grant"}]
    with pytest.raises(NotLoggedIn):
        current_session(site.url)
    keep(Session(url=site.url, token="at-1", expires_at=time.time() - 5))
    with pytest.raises(NotLoggedIn, match="has expired"):
        current_session(site.url)
    with pytest.raises(NotLoggedIn, match="nobody has logged in"):
        current_session("https://another.example")


async def test_commands_ask_the_api_that_somebody_has_logged_in_at_unless_the_environment_names_another_way(
    served: str, issuer: Issuer, line: CommandLine, somebody: Logged, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(issuer.token(sub="ann", roles=["auditor"]) + "\n")
    assert (await line("login", served, "--token-file", str(token))).status == 0
    listed = await line("cancellations", "list", "--json")
    assert listed.status == 0, listed.err
    directly = CommandLine({**line._environment, "OFFRAMP_DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/x"})
    assert (await directly("cancellations", "list", "--json")).json["error"]["code"] == "database_unavailable"
    assert (await line("logout")).status == 0
    assert (await line("cancellations", "list", "--json")).json["error"]["code"] == "no_service_configured"


def test_at_the_local_stack_its_own_issuer_is_enough_and_nobody_else_gets_its_token(
    site: Site, line: CommandLine, tmp_path: Path
) -> None:
    data = DataDirectory(tmp_path / "stack")
    data.path.mkdir()
    issuer_environment(data)
    here = CommandLine({**line._environment, "OFFRAMP_DATA_DIR": str(data.path), "OFFRAMP_ACTOR": "ann"})
    write_environment(data.environment_file, {"OFFRAMP_API_PORT": site.url.rpartition(":")[2]})
    with data.locked():
        assert here.call("login", site.url, "--role", Role.AUDITOR.value).status == 0
        found = kept_session()
        assert found is not None
        assert found.token.count(".") == 2
        assert here.call("logout").status == 0
        write_environment(data.environment_file, {"OFFRAMP_API_PORT": "1"})
        site.issuer = ISSUER
        elsewhere = here.call("login", site.url, "--role", Role.ADMIN.value, "--json")
        assert elsewhere.status == 1
        assert kept_session() is None


def test_an_api_that_speaks_of_another_one_is_not_logged_in_at(site: Site, line: CommandLine) -> None:
    site.resource = "https://offramp.example/"
    refused = line.call("login", site.url, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "api_unavailable")
    assert site.asked == []


def test_the_token_of_the_environment_goes_to_the_api_that_it_names_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    keep(Session(url="https://offramp.example", token="at-1"))
    environ = {"OFFRAMP_API_TOKEN": "for-another", "OFFRAMP_API_TOKEN_FILE": "/for/another"}
    use_login(environ)
    assert environ == {"OFFRAMP_API_URL": "https://offramp.example"}


def test_a_file_that_others_may_write_to_is_not_believed(line: CommandLine, tmp_path: Path) -> None:
    keep(Session(url="https://evil.example", token="x"))
    file = tmp_path / "offramp" / "session.json"
    file.chmod(0o666)
    refused = line.call("cancellations", "list", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "local_environment_not_ours")
