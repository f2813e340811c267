"""Documents on the command line: a file, or standard input; one that cannot be read is a wrong call."""

import sys
from pathlib import Path
from typing import Any

import typer


def document_argument(described_in: str) -> Any:
    """Return the argument that names a document."""
    return typer.Argument(help=f"The document ({described_in}), or - for standard input.", allow_dash=True)


def content_of(file: Path) -> tuple[bytes, str]:
    """Return the content of a document, and its name for the audit trail."""
    if str(file) == "-":
        return sys.stdin.buffer.read(), "standard input"
    try:
        return file.read_bytes(), file.name
    except FileNotFoundError:
        raise typer.BadParameter(f"{file} does not exist", param_hint="FILE") from None
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="FILE") from None
