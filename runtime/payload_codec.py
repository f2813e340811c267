"""The codec of a process without encryption keys, and its refusal of payloads that were encrypted with one."""

import re
from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind

ENCRYPTED = b"binary/encrypted"
"""The encoding of an encrypted payload, as Temporal's own examples name it."""

KEY_ID = "encryption-key-id"
"""The metadata of an encrypted payload that names its key."""

_KEY_NAME = re.compile(rb"[A-Za-z0-9._:-]{1,64}")


class EncryptionKeyMissing(Refusal):
    """A payload that is encrypted with a key that this process does not have."""

    code = "encryption_key_missing"

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"This is encrypted with the key {key_id}, which this process does not have.",
            remedy=Remedy.of(RemedyKind.PROVIDE_KEY, key=key_id),
            key=key_id,
        )


class KeylessCodec(PayloadCodec):
    """The codec of a process without keys: it leaves payloads as they are, and does not pass on encrypted ones.

    A missing key is the fault of a worker and not of a caller: the SDK decodes before it delivers, so that the error fails
    the whole workflow task or the attempt of an activity, and Temporal repeats it until a worker has the key. No request
    is refused, and no signal lost. Only a payload that claims to be encrypted and names its key waits. Any other
    encoding that nobody here writes is a malformed message of its sender (`contract.Unreadable`), for which no case may stand still.
    """

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads as they are."""
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads as they are. Raises EncryptionKeyMissing."""
        for payload in payloads:
            if (key := key_of(payload)) is not None:
                raise EncryptionKeyMissing(key)
        return list(payloads)


def key_of(payload: Payload) -> str | None:
    """Return the id of the key with which a payload is encrypted; None if it is not, or names no key."""
    key = payload.metadata.get(KEY_ID, b"")
    if payload.metadata.get("encoding") != ENCRYPTED or not _KEY_NAME.fullmatch(key):
        return None
    return key.decode()
