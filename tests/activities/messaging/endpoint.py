"""A real HTTP server that receives webhooks and answers as a test chooses."""

import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def secret(letter: str) -> str:
    return "whsec_" + base64.b64encode(letter.encode() * 32).decode()


NEW, OLD, FOREIGN = secret("n"), secret("o"), secret("f")


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    body: bytes


class Endpoint:
    """The requests that arrived, the statuses of the next answers (204 when none are left), and the headers of all of them.

    What is about the case `refused` is always answered 503.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.statuses: list[int] = []
        self.headers: list[tuple[str, str]] = []
        self.refused: str | None = None
        self.arrivals = threading.Semaphore(0)
        """One for each request that has arrived, answered or not."""
        self.may_answer = threading.Event()
        self.may_answer.set()

    def status_for(self, message: str) -> int:
        if self.refused is not None and message.startswith(f"{self.refused}/"):
            return 503
        return self.statuses.pop(0) if self.statuses else 204

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Run the server, and give its URL."""
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.requests.append(Request(self.path, dict(self.headers), body))
                endpoint.arrivals.release()
                endpoint.may_answer.wait()
                self.send_response(endpoint.status_for(self.headers["webhook-id"]))
                self.send_header("Location", "/elsewhere")
                for name, value in endpoint.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        with _running(Handler) as url:
            try:
                yield f"{url}/hooks?token=t0ken"
            finally:
                self.may_answer.set()


@contextmanager
def serving(content: bytes) -> Iterator[str]:
    """Run a server that answers every GET with the same content, and give its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with _running(Handler) as url:
        yield url


@contextmanager
def _running(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
