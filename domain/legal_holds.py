"""Holds: why an organization's data must not be erased although its time has come."""

from domain.refusals import Refusal


class HoldUnknown(Refusal):
    """A hold that was never placed."""

    code = "hold_unknown"

    def __init__(self, hold: int) -> None:
        super().__init__(f"There is no hold {hold}.", way_out="See them all: offramp hold list", hold=hold)


class HoldReleased(Refusal):
    """A hold that is released already."""

    code = "hold_released"

    def __init__(self, hold: int, by: str) -> None:
        super().__init__(
            f"Hold {hold} is released already, by {by}.",
            way_out="Nothing to do. To hold the data again, place another hold.",
            hold=hold,
        )


class DataAlreadyErased(Refusal):
    """A hold on data of which nothing is left."""

    code = "data_already_erased"

    def __init__(self, organization: str, certificate: str) -> None:
        super().__init__(
            f"The data of {organization} is erased already (certificate {certificate}).",
            way_out="There is nothing left to hold.",
            organization=organization,
            certificate=certificate,
        )
