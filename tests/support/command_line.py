"""The command line as a person or a program calls it, in this process: what it prints, and its exit status."""

import asyncio
import io
import json
import os
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from starter.cli.main import main
from starter.cli.output import console, error_console

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
        before = dict(os.environ)
        os.environ.update({"COLUMNS": "80", **self._environment})
        widths = [shown.width for shown in CONSOLES]
        for shown in CONSOLES:  # which read COLUMNS when they are made, and never again
            shown.width = int(os.environ["COLUMNS"])
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True), io.StringIO()
        status: object = None
        try:
            with redirect_stdout(out), redirect_stderr(err):
                try:
                    main(arguments)
                except SystemExit as left:
                    status = left.code or 0
        finally:
            os.environ.clear()
            os.environ.update(before)
            for shown, width in zip(CONSOLES, widths, strict=True):
                shown.width = width
        assert isinstance(status, int)
        out.seek(0)
        return Called(status, out.read(), err.getvalue())
