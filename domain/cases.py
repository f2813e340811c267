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


SEGMENTS: dict[CaseKind, tuple[str, ...]] = {
    CaseKind.SUBSCRIPTION: (),
    CaseKind.MARKETING_SERVICE: ("marketing",),
}
"""The segments of an id between its subject and its ordinal: ``SUB-1001/1``, ``ORG-7/marketing/1``."""

_KINDS = {segments: kind for kind, segments in SEGMENTS.items()}


class CaseRef(BaseModel):
    """A case by its kind, its subject and its number."""

    model_config = ConfigDict(frozen=True)

    kind: CaseKind
    subject: Identifier
    """The id of what is cancelled: a subscription, or the organization whose marketing service it is."""
    ordinal: PositiveInt
    """The number of the case among those of its kind and subject, from 1."""

    @property
    def id(self) -> str:
        """The id of the case, which is its name in every table, message and history."""
        return "/".join((self.subject, *SEGMENTS[self.kind], str(self.ordinal)))

    @property
    def subscription(self) -> str | None:
        """The subscription that the case cancels; None for a case of another kind."""
        return self.subject if self.kind is CaseKind.SUBSCRIPTION else None

    @classmethod
    def parse(cls, case: str) -> Self:
        """Return the case that an id names.

        Raises:
            ValueError: the text does not have the form of any kind of case.

        """
        subject, *segments = case.split("/")
        kind = _KINDS.get(tuple(segments[:-1]))
        if kind is None or not segments or not (segments[-1].isascii() and segments[-1].isdecimal()):
            raise ValueError(f"{case!r} is not the id of a case")
        return cls(kind=kind, subject=subject, ordinal=int(segments[-1]))


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
