"""Secrets in files of their own, as container platforms mount them: beside ``OFFRAMP_…`` there is ``OFFRAMP_…_FILE``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def with_secrets_of_files(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return the values of settings with these secrets from their files, where ``…_file`` names one.

    Raises ValueError, which names the variable and repeats nothing of the secret.
    """
    filled = dict(values)
    for name in names:
        file = filled.get(f"{name}_file")
        if not file:
            continue
        variable = f"OFFRAMP_{name.upper()}"
        if filled.get(name):
            raise ValueError(f"set {variable} or {variable}_FILE, not both")
        try:
            filled[name] = read_secret(Path(file))
        except ValueError as error:
            raise ValueError(f"{variable}_FILE cannot be read: {error}") from None
        filled[f"{name}_file"] = None  # pydantic validates settings more than once; then it was given once
    return filled


def read_secret(file: Path) -> str:
    """Return the content of a file without the line end after it. Raises ValueError, whose words are the reason."""
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(error.strerror if isinstance(error, OSError) else "it is not text") from None
