"""The encryption of payloads: Temporal keeps what only workers and clients of this service can read.

AES-256 in Galois/Counter Mode; the id of the key is in each payload, so that keys rotate. Two kinds of payload stay readable on
purpose, and hold no personal data: `contract.readable.Readable` texts, and the answer to the Web UI's own query about a workflow.
"""

import os
import re
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.converter import PayloadCodec

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.known_key_ids import KnownKeyIds
from runtime.metrics import CodecFailure, CodecMetrics
from runtime.payload_keys import KEY_NAME, PayloadKeys

ENCRYPTED = b"binary/encrypted"
"""The encoding of an encrypted payload, as Temporal's own examples name it."""

KEY_ID = "encryption-key-id"
"""The metadata of an encrypted payload that names its key."""

READABLE = "offramp-readable"
"""The metadata of a payload that is left as it is."""

_KEY_NAME = re.compile(KEY_NAME.encode())
_NONCE_BYTES = 12
_METADATA_OF_WORKFLOW = WorkflowMetadata.DESCRIPTOR.full_name.encode()


class EncryptionKeyMissing(Refusal):
    """A payload that is encrypted with a key that this process does not have."""

    code = "encryption_key_missing"

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"This is encrypted with the key {key_id}, which this process does not have.",
            remedy=Remedy.of(RemedyKind.PROVIDE_KEY, key=key_id),
            key=key_id,
        )


class EncryptingCodec(PayloadCodec):
    """The codec of a process: it encrypts with the first of its keys, and decrypts with any of them.

    Without keys it leaves payloads as they are, and does not pass on encrypted ones. A missing key is the fault of a worker
    and not of a caller: the SDK decodes before it delivers, so that the error fails the whole workflow task or the attempt of
    an activity, and Temporal repeats it until a worker has the key. No request is refused, and no signal lost.

    Only a payload that names a key which this installation has had waits for it (`KnownKeyIds`). One that names another key,
    that its key does not open, or in any other encoding that nobody here writes, is a malformed message of its sender
    (`contract.Unreadable`), for which no case may stand still. A replay finds the same: what names a key that nobody had when it
    was sent is not opened by one that somebody has later. What was written before there were keys is read as it is.

    Without ``known``, as where there are no records to ask, every key that is named is waited for.
    """

    def __init__(
        self, keys: PayloadKeys | None = None, known: KnownKeyIds | None = None, metrics: CodecMetrics | None = None
    ) -> None:
        keys = keys or PayloadKeys()
        self._known_ids = known
        self._metrics = metrics or CodecMetrics()
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}
        self._encrypting = keys.encrypting.id if keys.encrypting else None

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads, encrypted but for those that stay readable. Raises the refusals of `KnownKeyIds.record`."""
        if self._encrypting is None:
            return list(payloads)
        if self._known_ids is not None:
            await self._known_ids.record()
        return [
            payload if _stays_readable(payload) else self._encrypted(payload, self._encrypting) for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads as they were before `encode`. Raises EncryptionKeyMissing."""
        return [await self._decoded(payload) for payload in payloads]

    async def _decoded(self, payload: Payload) -> Payload:
        if await self._is_invented(payload):
            self._metrics.count(CodecFailure.KEY_UNKNOWN)
            return payload
        return self._decrypted(payload)

    async def _is_invented(self, payload: Payload) -> bool:
        key_id = key_of(payload)
        if key_id is None or key_id in self._ciphers or self._known_ids is None:
            return False
        return not await self._known_ids.may_be_ours(key_id)

    def _encrypted(self, payload: Payload, key_id: str) -> Payload:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[key_id].encrypt(nonce, payload.SerializeToString(), key_id.encode())
        return Payload(metadata={"encoding": ENCRYPTED, KEY_ID: key_id.encode()}, data=nonce + sealed)

    def _decrypted(self, payload: Payload) -> Payload:
        key_id = key_of(payload)
        if key_id is None:
            return payload
        if key_id not in self._ciphers:
            self._metrics.count(CodecFailure.KEY_MISSING)
            raise EncryptionKeyMissing(key_id)
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(self._ciphers[key_id].decrypt(nonce, sealed, key_id.encode()))
        except (InvalidTag, ValueError, DecodeError):
            self._metrics.count(CodecFailure.NOT_OPENED)
            return payload


def _stays_readable(payload: Payload) -> bool:
    return READABLE in payload.metadata or payload.metadata.get("messageType") == _METADATA_OF_WORKFLOW


def key_of(payload: Payload) -> str | None:
    """Return the id of the key with which a payload is encrypted; None if it is not, or names no key."""
    key = payload.metadata.get(KEY_ID, b"")
    if payload.metadata.get("encoding") != ENCRYPTED or not _KEY_NAME.fullmatch(key):
        return None
    return key.decode()
