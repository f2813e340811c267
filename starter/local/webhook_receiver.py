"""A receiver of signed webhooks (Standard Webhooks), like that of a customer's system.

Run as ``python -m starter.local.webhook_receiver --port 8025 --file FILE``, with the signing secret in
``OFFRAMP_WEBHOOK_SECRET``. Each message is appended to the file once, as a line of JSON: ``id``, ``received_at`` (UTC),
``payload``, and what it came as: ``headers`` and ``body``, byte for byte, so that its signature can be verified again. A bad signature is answered with 401; a repeated id with 200 and ``{"status": "repeated"}``, since the
sender has done its part.
"""

import argparse
import binascii
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from starter.local import HOST

_LARGEST_BODY_BYTES = 1024 * 1024


class ReceivedWebhooks:
    """The file of received messages; each id is in it once, also after a restart."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._known = {message["id"] for message in read_webhooks(file)}
        self._end_a_torn_line()

    def add(self, message_id: str, payload: object, headers: Mapping[str, str], body: bytes) -> bool:
        """Store a message on disk; return false if its id was there before."""
        with self._lock:
            if message_id in self._known:
                return False
            line = {
                "id": message_id,
                "received_at": datetime.now(UTC).isoformat(),
                "payload": payload,
                "headers": dict(headers),
                "body": body.decode(),
            }
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
            self._known.add(message_id)
            return True

    def _end_a_torn_line(self) -> None:
        # A kill in the middle of a write leaves half a line, which was never acknowledged: the sender repeats it.
        if self._file.exists() and not self._file.read_bytes().endswith(b"\n"):
            with self._file.open("ab") as file:
                file.write(b"\n")


def read_webhooks(file: Path) -> list[dict[str, object]]:
    """Return the received messages, oldest first; a line that is not whole JSON is left out."""
    messages = []
    if file.exists():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                messages.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return messages


class _Handler(BaseHTTPRequestHandler):
    """The handler of one request."""

    server: "WebhookReceiver"

    def do_POST(self) -> None:
        """Receive one webhook."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            return self._answer(HTTPStatus.LENGTH_REQUIRED, "refused")
        if int(length) > _LARGEST_BODY_BYTES:
            return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "refused")
        body = self.rfile.read(int(length))
        try:
            payload = self.server.webhook.verify(body, dict(self.headers.items()))
        except json.JSONDecodeError:
            return self._answer(HTTPStatus.BAD_REQUEST, "refused", "the body is signed, but is not JSON")
        # Besides its own error, the library lets through those of a malformed signature or body.
        except (WebhookVerificationError, binascii.Error, ValueError) as error:
            return self._answer(HTTPStatus.UNAUTHORIZED, "refused", str(error))
        fresh = self.server.received.add(self.headers["webhook-id"], payload, dict(self.headers.items()), body)
        return self._answer(HTTPStatus.OK, "received" if fresh else "repeated")

    def _answer(self, status: HTTPStatus, word: str, reason: str = "") -> None:
        content = json.dumps({"status": word, **({"reason": reason} if reason else {})}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class WebhookReceiver(ThreadingHTTPServer):
    """The HTTP server of the receiver, on ``127.0.0.1:port``."""

    daemon_threads = False  # a request being written to the file is finished before the process ends

    def __init__(self, port: int, secret: str, file: Path) -> None:
        self.webhook = Webhook(secret)
        self.received = ReceivedWebhooks(file)
        super().__init__((HOST, port), _Handler)


def main() -> None:
    """Read the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="Receive signed webhooks.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    options = parser.parse_args(sys.argv[1:])
    secret = os.environ.get("OFFRAMP_WEBHOOK_SECRET")
    if not secret:
        parser.error("OFFRAMP_WEBHOOK_SECRET is not set")
    with WebhookReceiver(options.port, secret, options.file) as receiver:
        for number in (signal.SIGTERM, signal.SIGINT):
            # shutdown() waits for the serving loop, which runs in this very thread.
            signal.signal(number, lambda *_: threading.Thread(target=receiver.shutdown).start())
        receiver.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
