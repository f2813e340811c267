import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from starter.local import HOST
from starter.local.ports import is_free
from starter.local.webhook_receiver import read_webhooks
from tests.support.ports import free_port
from tests.support.processes import python, wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = json.dumps({"type": "cancellation.received", "data": {"subscription": "S-1"}})


@contextmanager
def receiver(file: Path) -> Iterator[str]:
    port = free_port()
    command = ["-m", "starter.local.webhook_receiver", "--port", str(port), "--file", str(file)]
    with python(*command, environment={"OFFRAMP_WEBHOOK_SECRET": SECRET}) as process:
        wait_until(lambda: not is_free(port), "the receiver listens")
        yield f"http://{HOST}:{port}/"
        process.terminate()
        assert process.wait(60) == 0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "received.jsonl"


@pytest.fixture
def url(file: Path) -> Iterator[str]:
    with receiver(file) as address:
        yield address


def post(url: str, *, message_id: str = "msg_1", signed: str = BODY, sent: str = BODY, age: int = 0) -> httpx.Response:
    at = datetime.now(UTC) - timedelta(seconds=age)
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(message_id, at, signed),
    }
    return httpx.post(url, content=sent, headers=headers)


def test_a_signed_message_is_kept(url: str, file: Path) -> None:
    answer = post(url)
    assert (answer.status_code, answer.json()) == (200, {"status": "received"})
    (message,) = read_webhooks(file)
    assert (message["id"], message["payload"]) == ("msg_1", json.loads(BODY))
    assert message["body"] == BODY
    headers = message["headers"]
    assert isinstance(headers, dict)
    assert Webhook(SECRET).verify(BODY, headers) == json.loads(BODY), "as often as one likes"


def test_a_tampered_message_is_refused_and_not_kept(url: str, file: Path) -> None:
    assert post(url, sent=BODY.replace("S-1", "S-2")).status_code == 401
    assert read_webhooks(file) == []


@pytest.mark.parametrize("signature", ["", "v1,AAAA", "nonsense", "v1,%%%"])
def test_a_signature_that_is_none_is_refused(url: str, file: Path, signature: str) -> None:
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": signature}
    now = str(int(datetime.now(UTC).timestamp()))
    assert httpx.post(url, content=BODY, headers={**headers, "webhook-timestamp": now}).status_code == 401
    assert httpx.post(url, content=b"\xff", headers={**headers, "webhook-timestamp": now}).status_code == 401
    assert read_webhooks(file) == []


def test_an_old_message_played_again_is_refused(url: str) -> None:
    assert post(url, age=3600).status_code == 401


def test_a_repeated_id_is_acknowledged_but_kept_once_also_after_a_restart(file: Path) -> None:
    with receiver(file) as url:
        assert [post(url).json()["status"] for _ in range(2)] == ["received", "repeated"]
    with receiver(file) as url:
        assert post(url).json()["status"] == "repeated"
        assert post(url, message_id="msg_2").json()["status"] == "received"
    assert [message["id"] for message in read_webhooks(file)] == ["msg_1", "msg_2"]


def test_half_a_line_left_by_a_kill_hides_no_later_message(file: Path) -> None:
    file.write_text('{"id": "msg_0", "rece', encoding="utf-8")
    with receiver(file) as url:
        post(url)
    assert [message["id"] for message in read_webhooks(file)] == ["msg_1"]
