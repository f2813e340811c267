"""The keys of callers: with them they encrypt what they send, and are answered under the same key."""

from pathlib import Path

from pydantic import Field

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.named_keys import EXPECTED, NamedKeySettings, given_keys
from runtime.payload_keys import PayloadKeys


class NexusKeysUnusable(Refusal):
    """Keys of callers that are given twice, unreadable, or no keys."""

    code = "nexus_keys_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The keys of callers by Nexus cannot be used: {reason}.",
            remedy=Remedy.of(RemedyKind.CONFIGURE, variable="OFFRAMP_NEXUS_KEYS_FILE", expected=EXPECTED),
        )


class NexusKeySettings(NamedKeySettings):
    """The settings of encryption between callers and the Nexus service.

    ``OFFRAMP_NEXUS_KEYS``, or a file with nothing else in it, ``OFFRAMP_NEXUS_KEYS_FILE``: ``name:key`` pairs between spaces or
    on lines of their own; each key is 32 bytes in base64. Each caller can have one of its own, and none of them is a key of
    payloads, which opens every history of the service. With keys, what is not encrypted is refused; without any, what is.

    Raises NexusKeysUnusable.
    """

    nexus_keys: str | None = Field(default=None, repr=False)
    nexus_keys_file: Path | None = Field(default=None, repr=False)

    @property
    def keys(self) -> PayloadKeys:
        """The keys of this process."""
        try:
            return PayloadKeys(given_keys(self.nexus_keys, self.nexus_keys_file))
        except ValueError as error:
            raise NexusKeysUnusable(str(error)) from None
