"""The command line as a person or a program calls it, in this process: what it prints, and its exit status."""

import asyncio
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from starter.cli.main import main
from starter.cli.output import console, error_console
from tests.support.signing import REQUEST_KEY

CONSOLES = (console, error_console)


@dataclass(frozen=True)
class Called:
    """The outcome of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output, as JSON."""
        return json.loads(self.out)


class CommandLine:
    """Calls ``offramp``, which finds the service in these environment variables."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)

    async def __call__(self, *arguments: str) -> Called:
        """Run a command to its end, beside the event loop of the test."""
        return await asyncio.to_thread(self.call, *arguments)

    def call(self, *arguments: str) -> Called:
        """Run a command to its end."""
        keys = {"OFFRAMP_REQUEST_KEYS": REQUEST_KEY} if "TEMPORAL_ADDRESS" in self._environment else {}
        given = {"COLUMNS": "80", **keys, **self._environment}
        widths = [shown.width for shown in CONSOLES]
        for shown in CONSOLES:  # which read COLUMNS when they are made, and never again
            shown.width = int(given["COLUMNS"])
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True), io.StringIO()
        status: object = None
        try:
            with redirect_stdout(out), redirect_stderr(err), _environment(given):
                try:
                    main(arguments)
                except SystemExit as left:
                    status = left.code or 0
        finally:
            for shown, width in zip(CONSOLES, widths, strict=True):
                shown.width = width
        assert isinstance(status, int)
        out.seek(0)
        return Called(status, out.read(), err.getvalue())


@contextmanager
def _environment(given: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for Python code alone, for a while.

    Threads of the service read the environment of the process at the same time, as libpq does for every connection, and
    that of the C library must not be changed beside a reader: the process ends with a segmentation fault, once in many runs.
    """
    held: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
    with patch.dict(held, {os.fsencode(name): os.fsencode(value) for name, value in given.items()}):
        yield
