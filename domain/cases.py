"""Cases: the kinds there are, and the ids that name them (rules, section 1)."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, PositiveInt

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from domain.vocabulary import Identifier


class CaseKind(StrEnum):
    """The kind of a case, by what it cancels.

    A new member is all that a new kind needs here; each layer has one table by kind, which must have an entry for it.
    """

    SUBSCRIPTION = "subscription"
    MARKETING_SERVICE = "marketing_service"
    """The Internet Marketing service of an organization, cancelled alone (rules, section 9)."""
    SUBSCRIPTION_LINE = "subscription_line"
    """One line of a subscription that goes on (rules, section 8)."""


SEGMENTS: dict[CaseKind, str] = {
    CaseKind.SUBSCRIPTION: "{subject}",
    CaseKind.MARKETING_SERVICE: "{subject}/marketing",
    CaseKind.SUBSCRIPTION_LINE: "{subscription}/line/{subject}",
}
"""The part of an id before its ordinal: ``SUB-1001/1``, ``ORG-7/marketing/1``, ``SUB-1001/line/LINE-7/1``."""


class CaseRef(BaseModel):
    """A case by its kind, its subject and its number."""

    model_config = ConfigDict(frozen=True)

    kind: CaseKind
    subject: Identifier
    """The id of what is cancelled: a subscription, a line, or the organization whose marketing service it is."""
    ordinal: PositiveInt
    """The number of the case among those of its kind and subject, from 1."""
    of_subscription: Identifier | None = None
    """The subscription of the line; for that kind alone."""

    @property
    def id(self) -> str:
        """The id of the case, which is its name in every table, message and history."""
        subject = SEGMENTS[self.kind].format(subject=self.subject, subscription=self.of_subscription)
        return f"{subject}/{self.ordinal}"

    @property
    def subscription(self) -> str | None:
        """The subscription that the case is about; None for a case of a marketing service."""
        return self.subject if self.kind is CaseKind.SUBSCRIPTION else self.of_subscription

    @classmethod
    def parse(cls, case: str) -> Self:
        """Return the case that an id names.

        Raises:
            ValueError: the text does not have the form of any kind of case.

        """
        named, _, ordinal = case.rpartition("/")
        if ordinal.isascii() and ordinal.isdecimal():
            match named.split("/"):
                case [subject]:
                    return cls(kind=CaseKind.SUBSCRIPTION, subject=subject, ordinal=int(ordinal))
                case [subject, "marketing"]:
                    return cls(kind=CaseKind.MARKETING_SERVICE, subject=subject, ordinal=int(ordinal))
                case [subscription, "line", line]:
                    kind = CaseKind.SUBSCRIPTION_LINE
                    return cls(kind=kind, subject=line, ordinal=int(ordinal), of_subscription=subscription)
        raise ValueError(f"{case!r} is not the id of a case")


class CaseNotRunning(Refusal):
    """A request to a case that has not ended, and whose workflow is gone: an operator ended it, or a database lost it."""

    code = "case_not_running"

    def __init__(self, cancellation: str, stage: StrEnum) -> None:
        super().__init__(
            f"{cancellation} is at the stage {stage.value!r}, and its workflow is not running.",
            remedy=Remedy.of(RemedyKind.RESTART_WORKFLOW),
            cancellation=cancellation,
            stage=stage.value,
        )
