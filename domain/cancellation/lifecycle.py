"""What may happen at which stage of a cancellation, and the refusals where it may not (rules, section 8)."""

from datetime import date, datetime
from enum import StrEnum

from domain.civil_dates import day_text
from domain.refusals import Refusal
from domain.vocabulary import Stage
from domain.words import FOR_AGENTS


class InputMalformed(Refusal):
    """Input that does not have the documented form; nothing of it was used."""

    code = "input_malformed"

    def __init__(self, problems: list[str]) -> None:
        # Not all of it: paths hold names that the caller chose, as many and as long as they like.
        shown = [problem if len(problem) <= 200 else f"{problem[:200]}…" for problem in problems[:5]]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        super().__init__(
            f"The input does not have the documented form: {'; '.join(shown)}.",
            way_out="See docs/temporal.md for the form of every message.",
        )


class WorkflowIdMismatch(Refusal):
    """A cancellation was started under an id other than the one its subscription prescribes."""

    code = "workflow_id_mismatch"

    def __init__(self, actual: str, expected: str) -> None:
        super().__init__(
            f"The workflow id {actual!r} does not belong to this subscription.",
            way_out=f"Start it as {expected!r}: the id is what keeps one subscription from being cancelled twice at once.",
            expected=expected,
        )


class SubscriptionUnknown(Refusal):
    """No subscription has this id."""

    code = "subscription_unknown"

    def __init__(self, subscription: str) -> None:
        super().__init__(
            f"There is no subscription {subscription!r}.",
            way_out="Check the id; `offramp import` brings subscriptions in.",
            subscription=subscription,
        )


class SubscriptionAlreadyCanceled(Refusal):
    """The subscription was cancelled for good, or is within its reversal window."""

    code = "subscription_already_canceled"

    def __init__(self, subscription: str, ended_on: date, cancellation: str) -> None:
        super().__init__(
            f"Subscription {subscription!r} is already cancelled: access ended on {day_text(ended_on)} ({cancellation}).",
            way_out="Nothing is left to cancel. To use the product again, sign up anew.",
            subscription=subscription,
            cancellation=cancellation,
        )


class CancellationUnknown(Refusal):
    """The subscription was never cancelled."""

    code = "cancellation_unknown"

    def __init__(self, subscription: str) -> None:
        super().__init__(
            f"There is no cancellation of {subscription!r}.",
            way_out=f"Start one: offramp cancellations start {subscription}",
            subscription=subscription,
        )


class CancellationEnded(Refusal):
    """The cancellation reached a final stage; nothing about it can be changed any more."""

    code = "cancellation_ended"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"Cancellation {cancellation} has ended as {stage.value!r}.",
            way_out={
                Stage.CLOSED: "The subscription is cancelled for good; sign up anew to use the product again.",
            }.get(stage, "The subscription runs on; start a new cancellation if that is not wished."),
            cancellation=cancellation,
            stage=stage.value,
        )


class CancellationStillTelling(Refusal):
    """A start while the cancellation before has ended and its last messages wait to be delivered."""

    code = "cancellation_still_telling"

    def __init__(self, cancellation: str, stage: StrEnum) -> None:
        super().__init__(
            f"Cancellation {cancellation} has ended as {stage.value!r}, but its last messages are not delivered yet.",
            way_out="Start again when the mail server is back; nothing was started now.",
            cancellation=cancellation,
            stage=stage.value,
        )


class ChecklistClosed(Refusal):
    """An answer or a verification after the intake was over."""

    code = "checklist_closed"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"The checklist of {cancellation} is complete; the case is {stage.value!r}.",
            way_out="To change an answer, withdraw this cancellation and start a new one.",
            cancellation=cancellation,
            stage=stage.value,
        )


class WithdrawalTooLate(Refusal):
    """A withdrawal after the cancellation took effect."""

    code = "withdrawal_too_late"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"Cancellation {cancellation} has already taken effect ({stage.value}).",
            way_out="Ask for its reversal instead: offramp cancellations reverse",
            cancellation=cancellation,
            stage=stage.value,
        )


class NothingToReverse(Refusal):
    """A reversal before the cancellation took effect."""

    code = "nothing_to_reverse"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"Cancellation {cancellation} has not taken effect yet ({stage.value}).",
            way_out="Withdraw it instead: offramp cancellations withdraw",
            cancellation=cancellation,
            stage=stage.value,
        )


class ReversalWindowOver(Refusal):
    """A reversal after the deadline."""

    code = "reversal_window_over"

    def __init__(self, cancellation: str, deadline: datetime, zone: str) -> None:
        super().__init__(
            f"{cancellation} could be reversed until {FOR_AGENTS.deadline(deadline, zone)}.",
            way_out="The cancellation is final; sign up anew to use the product again.",
            cancellation=cancellation,
            deadline=deadline.isoformat(),
        )


class AlreadyVerified(Refusal):
    """A verification after one had succeeded."""

    code = "already_verified"

    def __init__(self, cancellation: str) -> None:
        super().__init__(
            f"The billing administrator of {cancellation} is already verified.",
            way_out="Nothing to do.",
            cancellation=cancellation,
        )


class CodeWrong(Refusal):
    """A one-time code that is not the one sent."""

    code = "code_wrong"

    def __init__(self, attempts_left: int) -> None:
        super().__init__(
            f"That is not the code we sent; {attempts_left} attempts left.",
            way_out="Look at the newest mail, or ask for a new code.",
            attempts_left=attempts_left,
        )


class CodeExpired(Refusal):
    """A one-time code after its time."""

    code = "code_expired"

    def __init__(self, expired_at: datetime, zone: str) -> None:
        super().__init__(
            f"The code could be used until {FOR_AGENTS.instant(expired_at, zone)}.",
            way_out="Ask for a new code.",
            expired_at=expired_at.isoformat(),
        )


class CodeAttemptsExhausted(Refusal):
    """One try more than a one-time code allows, whatever was tried."""

    code = "code_attempts_exhausted"

    def __init__(self, attempts: int) -> None:
        super().__init__(
            f"The code was tried {attempts} times and is void.",
            way_out="Ask for a new code, or have an agent attest who is asking.",
            attempts=attempts,
        )


class NoCodeSent(Refusal):
    """A code was given though none is under way."""

    code = "no_code_sent"

    def __init__(self, cancellation: str) -> None:
        super().__init__(
            f"No code was sent for {cancellation}, or it was used already.",
            way_out="Ask for a code first: offramp cancellations answer --send-code",
            cancellation=cancellation,
        )


class TooManyCodes(Refusal):
    """One code more than a case sends."""

    code = "too_many_codes"

    def __init__(self, sent: int) -> None:
        super().__init__(
            f"{sent} codes were sent already.",
            way_out="Have an agent attest who is asking: offramp cancellations answer --attest REASON",
            sent=sent,
        )


class ApprovalNotAwaited(Refusal):
    """An approval where nothing waits for one."""

    code = "approval_not_awaited"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"Nothing in {cancellation} waits for approval ({stage.value}).",
            way_out="Only a cancellation started with goodwill needs one, once.",
            cancellation=cancellation,
        )


class OwnApproval(Refusal):
    """The requester of a goodwill end tried to approve it."""

    code = "own_approval"

    def __init__(self, actor: str) -> None:
        super().__init__(
            f"{actor} asked for the goodwill and cannot approve it.",
            way_out="A second person approves.",
            actor=actor,
        )


def check_withdrawal(cancellation: str, stage: Stage) -> None:
    """Raise unless the cancellation can be withdrawn: it must not have taken effect."""
    if stage.is_final:
        raise CancellationEnded(cancellation, stage)
    if not stage.before_effect:
        raise WithdrawalTooLate(cancellation, stage)


def check_reversal(
    cancellation: str, stage: Stage, *, asked_at: datetime, deadline: datetime | None, zone: str
) -> None:
    """Raise unless the cancellation can be reversed: it took effect, and was asked before the deadline.

    Raises:
        CancellationEnded, NothingToReverse, ReversalWindowOver.

    """
    if stage is Stage.CLOSED and deadline is not None:
        raise ReversalWindowOver(cancellation, deadline, zone)
    if stage.is_final:
        raise CancellationEnded(cancellation, stage)
    if deadline is None or stage is not Stage.CANCELED:
        raise NothingToReverse(cancellation, stage)
    if asked_at >= deadline:
        raise ReversalWindowOver(cancellation, deadline, zone)
