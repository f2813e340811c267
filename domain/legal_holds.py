"""Refusals of requests about legal holds (rules, section 8). `records.legal_holds` knows whether a hold is in force."""

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind


class HoldUnknown(Refusal):
    """The number of a legal hold that was never placed."""

    code = "hold_unknown"

    def __init__(self, hold: int) -> None:
        super().__init__(f"There is no legal hold {hold}.", remedy=Remedy.of(RemedyKind.LIST_HOLDS), hold=hold)


class HoldReleased(Refusal):
    """A legal hold that is already released."""

    code = "hold_released"

    def __init__(self, hold: int, by: str) -> None:
        super().__init__(
            f"Legal hold {hold} was already released by {by}.",
            remedy=Remedy.of(RemedyKind.PLACE_HOLD),
            hold=hold,
        )


class DataAlreadyErased(Refusal):
    """A legal hold on data that is already erased."""

    code = "data_already_erased"

    def __init__(self, organization: str, certificate: str) -> None:
        super().__init__(
            f"The data of {organization} has already been erased (certificate {certificate}).",
            remedy=Remedy.of(RemedyKind.NOTHING_TO_DO),
            organization=organization,
            certificate=certificate,
        )
