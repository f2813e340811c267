"""The limits across cases: starts, one-time codes, tries of codes and fresh links for one address, organization and caller.

A case limits its own codes and tries by its policy. These limits hold against somebody who opens one case after another. What
the person concerned wanted does not count towards the limits of an address and an organization: all that belongs
to a case whose administrator was verified by a code.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from domain.words import FOR_AGENTS


class Limited(StrEnum):
    """A thing of which there are so many and no more. The names are stored and sent: they never change."""

    STARTS = "starts"
    """Cancellations that were started, or refused when they were; each writes to the administrator."""
    CODES = "codes"
    """One-time codes that were mailed."""
    TRIES = "tries"
    """Codes that were given, right or wrong."""
    LINKS = "links"
    """Links to data that were mailed because somebody asked for it."""
    CORRECTIONS = "corrections"
    """Mails about what was corrected; beyond them it is corrected all the same, and nobody is mailed."""


class LimitScope(StrEnum):
    """Whose starts, codes, tries and links are counted together. The names are stored and sent: they never change."""

    ADDRESS = "address"
    """The address to which it goes: of an administrator on record, or of a migration's contact, of whatever organization."""
    ORGANIZATION = "organization"
    CALLER = "caller"
    """The actor of a request."""


LIMIT_WINDOW = timedelta(hours=24)
"""The time after which a start, a code, a try or a link counts no more."""

STANDARD_LIMITS: Mapping[tuple[Limited, LimitScope], int] = {
    (Limited.STARTS, LimitScope.ADDRESS): 50,
    (Limited.STARTS, LimitScope.ORGANIZATION): 50,
    (Limited.STARTS, LimitScope.CALLER): 2_000,
    (Limited.CODES, LimitScope.ADDRESS): 10,
    (Limited.CODES, LimitScope.ORGANIZATION): 10,
    (Limited.CODES, LimitScope.CALLER): 500,
    (Limited.TRIES, LimitScope.ADDRESS): 20,
    (Limited.TRIES, LimitScope.ORGANIZATION): 20,
    (Limited.TRIES, LimitScope.CALLER): 1_000,
    (Limited.LINKS, LimitScope.ADDRESS): 20,
    (Limited.LINKS, LimitScope.ORGANIZATION): 20,
    (Limited.LINKS, LimitScope.CALLER): 500,
    (Limited.CORRECTIONS, LimitScope.ADDRESS): 20,
    (Limited.CORRECTIONS, LimitScope.ORGANIZATION): 20,
    (Limited.CORRECTIONS, LimitScope.CALLER): 500,
}
"""The limits of a new installation. Twenty tries find a code of six digits once in fifty thousand such days."""

_NOUNS = {
    Limited.STARTS: "starts of cancellations",
    Limited.CODES: "one-time codes",
    Limited.TRIES: "tries of one-time codes",
    Limited.LINKS: "fresh links",
    Limited.CORRECTIONS: "mails about corrections",
}


class LimitReached(Refusal):
    """One more start, code, try or link than there may be for one address, organization or caller."""

    code = "limit_reached"

    def __init__(self, limited: Limited, scope: LimitScope, limit: int, free_at: datetime, subject: str) -> None:
        whose = {
            LimitScope.ADDRESS: f"one address of {subject}",
            LimitScope.ORGANIZATION: f"organization {subject}",
            LimitScope.CALLER: f"caller {subject}",
        }[scope]
        hours = LIMIT_WINDOW // timedelta(hours=1)
        super().__init__(
            f"The limit for {whose} is reached: {limit} {_NOUNS[limited]} within {hours} hours.",
            remedy=Remedy.of(
                RemedyKind.RELEASE_LIMIT,
                free_at=FOR_AGENTS.instant(free_at, "UTC"),
                scope=LimitScope.CALLER if scope is LimitScope.CALLER else LimitScope.ORGANIZATION,
                released=subject,
            ),
            limited=limited,
            scope=scope,
            limit=limit,
            free_at=free_at.isoformat(),
        )


class ReleaseBySelf(Refusal):
    """The release of a limit by somebody whose own requests it counts."""

    code = "release_needs_second_person"

    def __init__(self, scope: LimitScope, subject: str, actor: str) -> None:
        super().__init__(
            f"{actor} made requests that the limit of {scope} {subject} counts, and cannot release it.",
            remedy=Remedy.of(RemedyKind.ASK_SECOND_PERSON),
            actor=actor,
        )
