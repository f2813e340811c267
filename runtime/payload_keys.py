"""The keys with which payloads in Temporal are encrypted, from the environment or a file."""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from storage.secret_files import read_secret

KEY_NAME = r"[A-Za-z0-9._:-]{1,64}"
"""The form of a key's id in a payload."""

_GIVEN_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_KEY_BYTES = 32
_FINGERPRINT_BYTES = 4


@dataclass(frozen=True)
class PayloadKey:
    """One key of 256 bits, under the name that its owner gave it."""

    name: str
    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """The id in payloads: the name, and a fingerprint, so that another key under the same name counts as a missing one."""
        fingerprint = hashlib.sha256(b"offramp.payload-key:" + self.secret).digest()[:_FINGERPRINT_BYTES]
        return f"{self.name}.{fingerprint.hex()}"


class PayloadKeys:
    """The keys of a process: the first one encrypts, and each of them decrypts. Without any, nothing is encrypted."""

    def __init__(self, keys: tuple[PayloadKey, ...] = ()) -> None:
        self._keys = keys

    def __iter__(self) -> Iterator[PayloadKey]:
        """Go through the keys, the one that encrypts first."""
        return iter(self._keys)

    @property
    def encrypting(self) -> PayloadKey | None:
        """The key that encrypts; None where there is none."""
        return next(iter(self._keys), None)

    @classmethod
    def read(cls, text: str) -> "PayloadKeys":
        """Read ``name:key`` pairs between spaces or on lines of their own. Raises ValueError, which repeats no key."""
        keys = tuple(_key(number, pair) for number, pair in enumerate(text.split(), start=1))
        if not keys:
            raise ValueError("there is none")
        names = [key.name for key in keys]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two keys have the name {min(twice)}: name each key once")
        return cls(keys)


def _key(number: int, pair: str) -> PayloadKey:
    name, colon, encoded = pair.partition(":")
    if not colon or not _GIVEN_NAME.fullmatch(name):
        raise ValueError(
            f"key {number} must be written name:key, with a name of up to 40 letters, digits, hyphens and underscores"
        )
    try:
        secret = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise ValueError(f"the key {name} must be 32 bytes in base64 (openssl rand -base64 32)")
    return PayloadKey(name, secret)


class PayloadKeysUnusable(Refusal):
    """Keys of payloads that are given twice, unreadable, or no keys."""

    code = "payload_keys_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The keys of payloads cannot be used: {reason}.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_PAYLOAD_KEYS_FILE",
                expected="a file with name:key on each line, the newest first, each key of `openssl rand -base64 32`",
            ),
        )


class PayloadKeySettings(BaseSettings):
    """The settings of encryption.

    ``OFFRAMP_PAYLOAD_KEYS``, or a file with nothing else in it, ``OFFRAMP_PAYLOAD_KEYS_FILE``: ``name:key`` pairs between
    spaces or on lines of their own; each key is 32 bytes in base64. The first one encrypts, all of them decrypt. All
    processes of an installation have the same keys; without any, nothing is encrypted.

    Raises PayloadKeysUnusable.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    payload_keys: str | None = Field(default=None, repr=False)
    payload_keys_file: Path | None = Field(default=None, repr=False)

    @field_validator("*", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @property
    def keys(self) -> PayloadKeys:
        """The keys of this process."""
        if self.payload_keys and self.payload_keys_file:
            raise PayloadKeysUnusable("they are given twice, and only one can be right")
        if not self.payload_keys and not self.payload_keys_file:
            return PayloadKeys()
        try:
            return PayloadKeys.read(
                read_secret(self.payload_keys_file) if self.payload_keys_file else self.payload_keys or ""
            )
        except ValueError as error:
            raise PayloadKeysUnusable(str(error)) from None
