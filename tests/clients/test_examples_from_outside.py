"""The examples in other languages under attack: what a stranger sends, and what a server answers, is text to them and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from standardwebhooks import Webhook

from tests.activities.messaging.endpoint import NEW
from tests.clients.examples import example, run

__all__ = ["example"]

BODY = json.dumps({"type": "cancellation.effective"})
ID = "SUB-1/1/x"


def commands(trap: Path) -> list[str]:
    """Texts that run a command in whatever evaluates them: in arithmetic of bash, in a shell, between quotes, on a line of its own."""
    touch = f"touch {trap}"
    return [
        f"BASH_VERSINFO[$({touch})0]",
        f"$({touch})`{touch}`",
        f"0'; {touch} #",
        f'0"; {touch} #',
        f"0\n{touch}",
        "-n",
        "9" * 400,
        "",
    ]


def signed(*, id_: str = ID) -> tuple[str, str]:
    """A timestamp, and the signature of the body that the service would have sent now."""
    now = datetime.now(UTC)
    return str(int(now.timestamp())), Webhook(NEW).sign(id_, now, BODY)


@asynccontextmanager
async def answering(*answers: str) -> AsyncIterator[tuple[str, list[str]]]:
    """A server that says these heads one after another, byte for byte: its address, and the first lines that it was sent."""
    left, asked = list(answers), list[str]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b"\r\n", 1)[0].decode())
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        writer.write(f"{left.pop(0)}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


async def test_headers_of_a_forged_webhook_are_refused_and_run_nothing(example: list[str], tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    sent, signatures = signed()
    forged = [(ID, text, signatures) for text in commands(trap)]
    forged += [(ID, sent, text) for text in (" * ".join(commands(trap)), "-n", "")]
    for headers in forged:
        status, out, err = await run(
            example, "verify", *headers, env={"OFFRAMP_WEBHOOK_SECRET": NEW}, body=BODY.encode()
        )
        assert (status, out) == (1, ""), headers
        assert err.count("\n") == 1, "a refusal, and no trace of a fault"
        assert not trap.exists(), headers


async def test_the_id_of_a_webhook_may_be_any_text(example: list[str], tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    id_ = " ".join(commands(trap)[:4])
    status, out, err = await run(
        example, "verify", id_, *signed(id_=id_), env={"OFFRAMP_WEBHOOK_SECRET": NEW}, body=BODY.encode()
    )
    assert (status, out.strip()) == (0, "cancellation.effective"), err
    assert not trap.exists()


async def test_a_busy_service_that_says_anything_for_a_pause_is_asked_again(example: list[str], tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    attacks = commands(trap)
    busy = [f"HTTP/1.1 503 Busy\r\nretry-after: {attacks[number]}" for number in (0, 1, 6)]
    odd = f"HTTP/1.1 {attacks[0]} Busy"
    async with answering(*busy, odd, "HTTP/1.1 200 OK") as (url, asked):
        status, out, err = await run(
            example, "start", "SUB-1", "ticket-1", env={"OFFRAMP_URL": url, "OFFRAMP_TOKEN": "token"}
        )
    assert (status, out.strip()) == (0, "{}"), err
    assert asked == ["POST /v1/subscriptions/SUB-1/cancellations HTTP/1.1"] * 5
    assert not trap.exists()
