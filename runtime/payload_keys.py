"""The keys with which payloads in Temporal are encrypted, from the environment or a file."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.named_keys import EXPECTED, NamedKey, NamedKeySettings, given_keys, read_keys

KEY_NAME = r"[A-Za-z0-9._:-]{1,64}"
"""The form of a key's id in a payload."""

_FINGERPRINT_BYTES = 4


class PayloadKey(NamedKey):
    """One key of payloads."""

    @property
    def id(self) -> str:
        """The id in payloads: the name, and a fingerprint, so that another key under the same name counts as a missing one."""
        fingerprint = hashlib.sha256(b"offramp.payload-key:" + self.secret).digest()[:_FINGERPRINT_BYTES]
        return f"{self.name}.{fingerprint.hex()}"


class PayloadKeys:
    """The keys of a process: the first one encrypts, and each of them decrypts. Without any, nothing is encrypted."""

    def __init__(self, keys: tuple[NamedKey, ...] = ()) -> None:
        self._keys = tuple(PayloadKey(key.name, key.secret) for key in keys)

    def __iter__(self) -> Iterator[PayloadKey]:
        """Go through the keys, the one that encrypts first."""
        return iter(self._keys)

    @property
    def encrypting(self) -> PayloadKey | None:
        """The key that encrypts; None where there is none."""
        return next(iter(self._keys), None)

    @classmethod
    def read(cls, text: str) -> "PayloadKeys":
        """Read the keys from ``name:key`` pairs. Raises ValueError, which repeats no key."""
        return cls(read_keys(text))


class PayloadKeysUnusable(Refusal):
    """Keys of payloads that are given twice, unreadable, or no keys."""

    code = "payload_keys_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The keys of payloads cannot be used: {reason}.",
            remedy=Remedy.of(RemedyKind.CONFIGURE, variable="OFFRAMP_PAYLOAD_KEYS_FILE", expected=EXPECTED),
        )


class PayloadKeySettings(NamedKeySettings):
    """The settings of encryption.

    ``OFFRAMP_PAYLOAD_KEYS``, or a file with nothing else in it, ``OFFRAMP_PAYLOAD_KEYS_FILE``: ``name:key`` pairs between
    spaces or on lines of their own; each key is 32 bytes in base64. The first one encrypts, all of them decrypt. All
    processes of an installation have the same keys; without any, nothing is encrypted.

    Raises PayloadKeysUnusable.
    """

    payload_keys: str | None = Field(default=None, repr=False)
    payload_keys_file: Path | None = Field(default=None, repr=False)

    @property
    def keys(self) -> PayloadKeys:
        """The keys of this process."""
        try:
            return PayloadKeys(given_keys(self.payload_keys, self.payload_keys_file))
        except ValueError as error:
            raise PayloadKeysUnusable(str(error)) from None
