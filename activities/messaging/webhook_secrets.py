"""The secrets of webhook endpoints: derived from a key of the installation when they are needed, and stored nowhere."""

import base64
import hashlib
import hmac
from pathlib import Path

from pydantic import Field

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from runtime.named_keys import EXPECTED, NamedKey, NamedKeySettings, given_keys


class WebhookKeysMissing(Refusal):
    """An endpoint whose secret cannot be derived: this process lacks the key."""

    code = "webhook_keys_missing"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The secrets of webhook endpoints cannot be derived: {reason}.",
            remedy=Remedy.of(RemedyKind.CONFIGURE, variable="OFFRAMP_WEBHOOK_KEYS_FILE", expected=EXPECTED),
            reason=reason,
        )


class WebhookKeys:
    """The keys of an installation: secrets are made with the first one, and derived again with the one that made them."""

    def __init__(self, keys: tuple[NamedKey, ...] = ()) -> None:
        self._keys = keys

    def fresh(self, number: int) -> str:
        """Return what a new secret is to be derived from, its number among those of the endpoint. Raises WebhookKeysMissing."""
        if not self._keys:
            raise WebhookKeysMissing("there is no key")
        return f"{self._keys[0].name}:{number}"

    def secret(self, endpoint: str, derived_from: str) -> str:
        """Return a secret of an endpoint in the form of Standard Webhooks. Raises WebhookKeysMissing."""
        name = derived_from.partition(":")[0]
        key = next((key for key in self._keys if key.name == name), None)
        if key is None:
            raise WebhookKeysMissing(f"the key {name} is not among those of this process")
        made = hmac.new(key.secret, f"offramp.webhook:{endpoint}:{derived_from}".encode(), hashlib.sha256).digest()
        return f"whsec_{base64.b64encode(made).decode()}"


class WebhookKeySettings(NamedKeySettings):
    """The settings of these keys.

    ``OFFRAMP_WEBHOOK_KEYS``, or a file with nothing else in it, ``OFFRAMP_WEBHOOK_KEYS_FILE``: ``name:key`` pairs between spaces or
    on lines of their own; each key is 32 bytes in base64. Workers need them, and whoever adds endpoints.

    Raises WebhookKeysMissing.
    """

    webhook_keys: str | None = Field(default=None, repr=False)
    webhook_keys_file: Path | None = Field(default=None, repr=False)

    @property
    def keys(self) -> WebhookKeys:
        """The keys of this process."""
        try:
            return WebhookKeys(given_keys(self.webhook_keys, self.webhook_keys_file))
        except ValueError as error:
            raise WebhookKeysMissing(str(error)) from None
