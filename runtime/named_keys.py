"""Keys under names, as an installation gives them: in a file or in the environment, several at once so that they rotate."""

import base64
import binascii
import re
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.secret_files import read_secret

EXPECTED = "a file with name:key on each line, the newest first, each key of `openssl rand -base64 32`"
"""What is expected of such a file, for people who configure one."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_KEY_BYTES = 32


@dataclass(frozen=True)
class NamedKey:
    """One key of 256 bits, under the name that its owner gave it."""

    name: str
    secret: bytes = field(repr=False)


class NamedKeySettings(BaseSettings):
    """Base of the settings that give such keys, as text or by a file."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None


def read_keys(text: str) -> tuple[NamedKey, ...]:
    """Read ``name:key`` pairs between spaces or on lines of their own. Raises ValueError, which repeats no key."""
    keys = tuple(_key(number, pair) for number, pair in enumerate(text.split(), start=1))
    if not keys:
        raise ValueError("there is none")
    names = [key.name for key in keys]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two keys have the name {min(twice)}: name each key once")
    return keys


def given_keys(text: str | None, file: Path | None) -> tuple[NamedKey, ...]:
    """Return the keys that are given as text or in a file; none where neither is. Raises ValueError as `read_keys` does."""
    if text and file:
        raise ValueError("they are given twice, and only one can be right")
    if not text and not file:
        return ()
    return read_keys(read_secret(file) if file else text or "")


def _key(number: int, pair: str) -> NamedKey:
    name, colon, encoded = pair.partition(":")
    if not colon or not _NAME.fullmatch(name):
        raise ValueError(
            f"key {number} must be written name:key, with a name of up to 40 letters, digits, hyphens and underscores"
        )
    try:
        secret = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise ValueError(f"the key {name} must be 32 bytes in base64 (openssl rand -base64 32)")
    return NamedKey(name, secret)
