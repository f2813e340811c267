"""An action that was refused, to be shown where it was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.refusals import Refusal, RefusalDetails
from starter.console.forms import KEY, OFFER, Given
from starter.web.statuses import UNAVAILABLE, status_of


@dataclass(frozen=True)
class Refused:
    """What was refused, and what its form was sent with."""

    offer: str
    refusal: RefusalDetails
    given: Mapping[str, str]
    key: str
    """The id of the request where it may be sent again as it is; else empty."""

    @classmethod
    def of(cls, given: Given, refusal: Refusal) -> "Refused":
        """Return the refusal of a form."""
        # A request that is kept, or may be, is repeated under its id; another content needs another one.
        key = given.fields.get(KEY, "") if refusal.details.code in UNAVAILABLE else ""
        return cls(given.fields.get(OFFER, ""), refusal.details, given.fields, key)

    @property
    def status(self) -> int:
        """The status of the page that shows it."""
        return status_of(self.refusal.code)
