"""The payloads of callers: each answer is encrypted with the key of its request, and what cannot be read is refused.

A caller's fault is never tried again: Temporal repeats an operation whose input a codec cannot decode until its time is up, and
its caller would learn nothing. So the codec decodes what it can, and the converter refuses the rest. Nothing has happened by then.
"""

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter, DefaultFailureConverter, PayloadConverter
from temporalio.plugin import SimplePlugin

from contract import refusing_malformed
from domain.cancellation.lifecycle import InputMalformed
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.payload_codec import EncryptingCodec, EncryptionKeyMissing, key_of
from runtime.payload_keys import PayloadKeys
from runtime.refusals import as_application_error
from runtime.temporal import MessageConverter

_OPENED_WITH = "offramp-opened-with"
"""The metadata by which the codec hands the id of a request's key to the converter."""
_UNENCRYPTED = "offramp-unencrypted"
"""The same for a request that is not encrypted and should be."""

_key: ContextVar[str | None] = ContextVar("offramp-nexus-key", default=None)
"""The id of the key of the request that a task answers; the SDK reads each request and encodes its answer in one task."""


class EncryptionRequired(Refusal):
    """A request in clear, where callers have keys."""

    code = "encryption_required"

    def __init__(self) -> None:
        super().__init__(
            "This service answers encrypted requests alone, and this one is not encrypted.",
            remedy=Remedy.of(
                RemedyKind.CORRECT_INPUT,
                advice="Encrypt it with the key that the operator of the service gives its callers.",
            ),
        )


class CallersCodec(EncryptingCodec):
    """The codec of what callers send and are answered.

    It passes on what it cannot decrypt, for the converter to refuse, and encrypts with the key of the request, so that a caller
    reads every answer to its own requests and those of no other caller.
    """

    def __init__(self, keys: PayloadKeys) -> None:
        super().__init__(keys)
        self._known = frozenset(key.id for key in keys)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads of an answer, encrypted as its request was."""
        key = _key.get()
        return list(payloads) if key is None else [self._encrypted(payload, key) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Return the payloads of a request, marked with its key, or with the lack of one."""
        return [self._opened(payload) for payload in payloads]

    def _opened(self, payload: Payload) -> Payload:
        key = key_of(payload)
        opened = Payload()
        opened.CopyFrom(self._decrypted(payload) if key in self._known else payload)
        for mark in (_OPENED_WITH, _UNENCRYPTED):  # which a caller may have written
            opened.metadata.pop(mark, None)
        if key in self._known:
            opened.metadata[_OPENED_WITH] = str(key).encode()
        elif key is None and self._known:
            opened.metadata[_UNENCRYPTED] = b"true"
        return opened


class CallersConverter(MessageConverter):
    """The converter of what callers send. What it refuses is a bad request, which Temporal does not repeat."""

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """Return the messages.

        Raises:
            ApplicationError: the refusal, with its code as the type.

        """
        try:
            for payload in payloads:
                _settle(payload)
            return self._messages(payloads, type_hints)
        except Refusal as refusal:
            raise as_application_error(refusal) from None
        except (KeyError, ValueError, RuntimeError):
            raise as_application_error(InputMalformed(["message: cannot be decoded"])) from None

    def _messages(self, payloads: Sequence[Payload], forms: list[type] | None) -> list[Any]:
        with refusing_malformed():
            messages = super().from_payloads(payloads, forms)
        # Some encodings are converted to what they are, whatever is expected.
        if not all(isinstance(*each) for each in zip(messages, forms or [], strict=False)):
            raise InputMalformed(["message: a JSON object is expected"])
        return messages


class CallersFailures(DefaultFailureConverter):
    """The converter of what operations fail with: no traces of our code, and words encrypted where the request was."""

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Write the failure."""
        cause: BaseException | None = exception
        while cause is not None:
            cause.__traceback__ = None
            cause = cause.__cause__
        encoded = DefaultFailureConverter(encode_common_attributes=_key.get() is not None)
        DefaultFailureConverter.to_failure(encoded, exception, payload_converter, failure)


def callers_plugin(keys: PayloadKeys) -> SimplePlugin:
    """Return the plugin of the client on which the Nexus service is hosted, for callers with these keys."""
    return SimplePlugin(
        "offramp-nexus",
        data_converter=DataConverter(
            payload_converter_class=CallersConverter,
            payload_codec=CallersCodec(keys),
            failure_converter_class=CallersFailures,
        ),
    )


def _settle(payload: Payload) -> None:
    """Take the key of a request for its answer, or refuse the request. Raises EncryptionRequired, EncryptionKeyMissing."""
    _key.set(payload.metadata[_OPENED_WITH].decode() if _OPENED_WITH in payload.metadata else None)
    if _UNENCRYPTED in payload.metadata:
        raise EncryptionRequired
    if (missing := key_of(payload)) is not None and _OPENED_WITH not in payload.metadata:
        raise EncryptionKeyMissing(missing)
