"""The refusals of a verification of the billing administrator (rules, section 8)."""

from datetime import datetime

from domain.civil_dates import count_text
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from domain.words import FOR_AGENTS


class AlreadyVerified(Refusal):
    """A verification after one had succeeded."""

    code = "already_verified"

    def __init__(self, cancellation: str) -> None:
        super().__init__(
            f"The billing administrator of {cancellation} is already verified.",
            remedy=Remedy.of(RemedyKind.NOTHING_TO_DO),
            cancellation=cancellation,
        )


class CodeWrong(Refusal):
    """A one-time code that is not the one sent."""

    code = "code_wrong"

    def __init__(self, cancellation: str, attempts_left: int) -> None:
        super().__init__(
            f"That is not the code we sent; {count_text(attempts_left, 'attempt')} left.",
            remedy=Remedy.of(RemedyKind.CHECK_CODE, cancellation=cancellation),
            attempts_left=attempts_left,
        )


class CodeExpired(Refusal):
    """A one-time code that has expired."""

    code = "code_expired"

    def __init__(self, cancellation: str, expired_at: datetime, zone: str) -> None:
        super().__init__(
            f"The code expired at {FOR_AGENTS.instant(expired_at, zone)}.",
            remedy=Remedy.of(RemedyKind.SEND_CODE, cancellation=cancellation),
            expired_at=expired_at.isoformat(),
        )


class CodeAttemptsExhausted(Refusal):
    """One more attempt than a one-time code allows, with whatever code."""

    code = "code_attempts_exhausted"

    def __init__(self, cancellation: str, attempts: int) -> None:
        super().__init__(
            f"The code was tried {attempts} times and is void.",
            remedy=Remedy.of(RemedyKind.SEND_CODE_OR_ATTEST, cancellation=cancellation),
            attempts=attempts,
        )


class NoCodeSent(Refusal):
    """A code given while none is outstanding."""

    code = "no_code_sent"

    def __init__(self, cancellation: str) -> None:
        super().__init__(
            f"No code was sent for {cancellation}, or it has already been used.",
            remedy=Remedy.of(RemedyKind.SEND_CODE, cancellation=cancellation),
            cancellation=cancellation,
        )


class TooManyCodes(Refusal):
    """One more code than a case may send."""

    code = "too_many_codes"

    def __init__(self, cancellation: str, sent: int) -> None:
        super().__init__(
            f"{sent} codes have already been sent.",
            remedy=Remedy.of(RemedyKind.ATTEST, cancellation=cancellation),
            sent=sent,
        )
