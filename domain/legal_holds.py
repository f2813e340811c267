"""Holds: why an organization's data must not be erased although its time has come."""

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind


class HoldUnknown(Refusal):
    """A hold that was never placed."""

    code = "hold_unknown"

    def __init__(self, hold: int) -> None:
        super().__init__(f"There is no hold {hold}.", remedy=Remedy.of(RemedyKind.LIST_HOLDS), hold=hold)


class HoldReleased(Refusal):
    """A hold that is released already."""

    code = "hold_released"

    def __init__(self, hold: int, by: str) -> None:
        super().__init__(
            f"Hold {hold} is released already, by {by}.",
            remedy=Remedy.of(RemedyKind.PLACE_HOLD),
            hold=hold,
        )


class DataAlreadyErased(Refusal):
    """A hold on data of which nothing is left."""

    code = "data_already_erased"

    def __init__(self, organization: str, certificate: str) -> None:
        super().__init__(
            f"The data of {organization} is erased already (certificate {certificate}).",
            remedy=Remedy.of(RemedyKind.NOTHING_TO_DO),
            organization=organization,
            certificate=certificate,
        )
