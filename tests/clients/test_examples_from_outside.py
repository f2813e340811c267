"""The examples in other languages under attack: what a stranger sends, and what a server answers, is text to them and nothing else."""

import asyncio
import base64
import hmac
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import ANY

import pytest
from standardwebhooks import Webhook

from tests.activities.messaging.endpoint import NEW
from tests.clients.examples import TO_INSTALL, example, lines, program, recorded, run

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
async def answering(*answers: str) -> AsyncIterator[tuple[str, list[tuple[str, str]]]]:
    """A server that says these heads one after another, byte for byte: its address, and the first lines and bodies that it was sent."""
    left, asked = list(answers), list[tuple[str, str]]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(int(length.partition(b":")[2]))
        asked.append((head.split(b"\r\n", 1)[0].decode(), body.decode()))
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
    assert [line for line, _ in asked] == ["POST /v1/subscriptions/SUB-1/cancellations HTTP/1.1"] * 5
    assert not trap.exists()


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_???", "whsec_YWJj", "whsec_%YWJj", "abc"])
async def test_a_secret_with_which_anybody_could_sign_is_a_fault_of_the_receiver(
    example: list[str], secret: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OFFRAMP_WEBHOOK_SECRET", raising=False)
    sent = str(int(datetime.now(UTC).timestamp()))
    digests = [hmac.digest(key, f"{ID}.{sent}.{BODY}".encode(), "sha256") for key in (b"", b"abc", b"i\xb7")]
    signatures = " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
    env = {} if secret is None else {"OFFRAMP_WEBHOOK_SECRET": secret}
    status, out, err = await run(example, "verify", ID, sent, signatures, env=env, body=BODY.encode())
    assert (status, out) == (1, "")
    assert err == "OFFRAMP_WEBHOOK_SECRET is no secret of webhooks: whsec_ and 24 to 64 bytes in base64\n"


async def test_no_text_for_a_subscription_leads_to_another_address(example: list[str]) -> None:
    async with answering() as (url, asked):
        for subscription in ("x/../../holds?", "..", ".", "", "SUB-1\nx", "[1-2]", "SUB 1", "é"):
            env = {"OFFRAMP_URL": url, "OFFRAMP_TOKEN": "token"}
            status, out, err = await run(example, "start", subscription, "ticket-1", env=env)
            assert (status, out, err) == (1, "", "no id of a subscription\n")
    assert asked == []


async def test_what_names_a_customer_is_sent_as_it_was_given(example: list[str]) -> None:
    identity = {
        "billing_administrator": "ann@x.example",
        "organization_url": "https://x.example/?a=b",
        "organization_name": 'M"ö\\',
    }
    answers = {"data": "none", "termination_date": "2026-12-31", "organization_name": "-n $(id)"}
    async with answering("HTTP/1.1 200 OK", "HTTP/1.1 200 OK") as (url, asked):
        env = {"OFFRAMP_URL": url, "OFFRAMP_TOKEN": "token"}
        assert await run(example, "reverse", "SUB-1", "ticket-1", env=env, body=lines(identity)) == (0, ANY, "")
        assert await run(example, "answer", "SUB-1", "ticket-2", env=env, body=lines(answers)) == (0, ANY, "")
    sent = [json.loads(body) for _, body in asked]
    assert sent == [{"identity": identity}, {"answers": answers}]


async def test_the_shell_shows_no_secret_and_no_customer_in_the_arguments_of_programs(tmp_path: Path) -> None:
    example, programs = program("shell", tmp_path), tmp_path / "programs"
    if example is None:
        pytest.skip(f"The example in shell needs {TO_INSTALL['shell']}.")
    used = ("curl", "jq", "openssl", "od", "tr", "date", "mktemp", "cat", "rm", "sha256sum")
    env = {
        "PATH": recorded(used, programs, os.environ["PATH"]),
        "OFFRAMP_TOKEN": "t0ken",
        "OFFRAMP_WEBHOOK_SECRET": NEW,
    }
    identity = {
        "billing_administrator": "ann@x.example",
        "organization_url": "https://x.example",
        "organization_name": "Contoso",
    }
    async with answering("HTTP/1.1 200 OK", "HTTP/1.1 200 OK") as (url, _):
        for command in ("reverse", "answer"):
            status = await run(
                example, command, "SUB-1", "ticket-1", env=env | {"OFFRAMP_URL": url}, body=lines(identity)
            )
            assert status == (0, ANY, "")
    assert await run(example, "verify", ID, *signed(), env=env, body=BODY.encode()) == (0, ANY, "")
    arguments = {each.stem: each.read_text() for each in programs.glob("*.arguments")}
    assert set(arguments) == set(used), "each of them was seen"
    key = base64.b64decode(NEW.removeprefix("whsec_"))
    hidden = ["t0ken", NEW.removeprefix("whsec_"), key.hex(), key.decode(), *identity.values()]
    assert [(name, value) for name, seen in arguments.items() for value in hidden if value in seen] == []
