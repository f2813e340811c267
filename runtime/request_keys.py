"""The keys with which the doors of the service sign the requests that they send to Temporal.

Whoever may write to the namespace can send a request in anybody's name. A door knows who its caller is, and signs what it
sends; the workers take an actor at its word only in a request with such a signature, and call every other one `temporal:…`.
"""

import hashlib
import hmac
from pathlib import Path

from pydantic import Field

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.named_keys import EXPECTED, NamedKey, NamedKeySettings, given_keys


class RequestKeys:
    """The keys of a process: the first one signs, and each of them verifies. Without any, nobody is told from anybody."""

    def __init__(self, keys: tuple[NamedKey, ...] = ()) -> None:
        self._keys = keys

    def __bool__(self) -> bool:
        """Return true if there is a key."""
        return bool(self._keys)

    def signature(self, claim: str) -> str | None:
        """Return the signature of a claim, with the name of its key; None without a key."""
        return _signature(self._keys[0], claim) if self._keys else None

    def verifies(self, claim: str, signature: str | None) -> bool:
        """Return true if a door has signed a claim."""
        if signature is None:
            return False
        given = signature.encode()
        return any(hmac.compare_digest(_signature(key, claim).encode(), given) for key in self._keys)


def _signature(key: NamedKey, claim: str) -> str:
    return f"{key.name}.{hmac.new(key.secret, b'offramp.request:' + claim.encode(), hashlib.sha256).hexdigest()}"


class RequestKeysUnusable(Refusal):
    """Keys of requests that are given twice, unreadable, or no keys."""

    code = "request_keys_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The keys of requests cannot be used: {reason}.",
            remedy=Remedy.of(RemedyKind.CONFIGURE, variable="OFFRAMP_REQUEST_KEYS_FILE", expected=EXPECTED),
        )


class RequestKeySettings(NamedKeySettings):
    """The settings of signed requests.

    ``OFFRAMP_REQUEST_KEYS``, or a file with nothing else in it, ``OFFRAMP_REQUEST_KEYS_FILE``: ``name:key`` pairs between
    spaces or on lines of their own; each key is 32 bytes in base64. The first one signs, all of them verify. Workers and doors
    (the API, the pages, the command line on a machine of operators) have the same keys, and nobody else has them.

    Raises RequestKeysUnusable.
    """

    request_keys: str | None = Field(default=None, repr=False)
    request_keys_file: Path | None = Field(default=None, repr=False)

    @property
    def keys(self) -> RequestKeys:
        """The keys of this process."""
        try:
            return RequestKeys(given_keys(self.request_keys, self.request_keys_file))
        except ValueError as error:
            raise RequestKeysUnusable(str(error)) from None
