"""An SMTP server that delivers nothing: it keeps every mail as a file.

Run as ``python -m starter.local.mail_catcher --port 1025 --directory DIR``.
"""

import argparse
import asyncio
import email.utils
import secrets
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from starter.local import HOST

_LARGEST_MAIL_BYTES = 32 * 1024 * 1024


class MailFolder:
    """A folder with one file for each mail, repeats included; its name begins with the time of receipt (UTC)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd
        """Store a mail, and acknowledge it only then."""
        await asyncio.to_thread(self._keep, envelope)
        return "250 OK, kept"

    def _keep(self, envelope: Envelope) -> None:
        received_at = datetime.now(UTC)
        # The envelope, as a delivering server records it: it names the actual recipients, blind copies included.
        trace = [
            f"Return-Path: <{envelope.mail_from or ''}>",
            *(f"Delivered-To: {recipient}" for recipient in envelope.rcpt_tos),
            f"Received: by offramp mail catcher; {email.utils.format_datetime(received_at)}",
        ]
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        name = f"{received_at:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}.eml"
        unfinished = self._directory / f".{name}"
        unfinished.write_bytes("".join(f"{line}\r\n" for line in trace).encode() + raw)
        unfinished.rename(self._directory / name)


async def serve(port: int, directory: Path) -> None:
    """Catch mail on ``127.0.0.1:port`` until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    def session() -> SMTP:
        return SMTP(MailFolder(directory), hostname="localhost", data_size_limit=_LARGEST_MAIL_BYTES, loop=loop)

    server = await loop.create_server(session, HOST, port)
    await stopping.wait()
    server.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Catch mail instead of delivering it.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    options = parser.parse_args(sys.argv[1:])
    options.directory.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(options.port, options.directory))


if __name__ == "__main__":
    main()
