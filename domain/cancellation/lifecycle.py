"""The actions allowed at each stage of a cancellation, and the refusals of all others (rules, section 8)."""

from datetime import date, datetime
from enum import StrEnum

from domain.civil_dates import day_text
from domain.refusals import Refusal, printable
from domain.remedies import Remedy, RemedyKind, correct_input
from domain.vocabulary import Stage
from domain.words import FOR_AGENTS

MOST_LINES = 5000
"""The number of open lines that one cancellation ends at most: its dates travel in one message of Temporal (2 MB)."""


class InputMalformed(Refusal):
    """Input that does not have the documented form; none of it was used."""

    code = "input_malformed"

    def __init__(self, problems: list[str]) -> None:
        # Not all of it: paths contain names that the caller chose, in any number and of any length.
        shown = [printable(problem if len(problem) <= 200 else f"{problem[:200]}…") for problem in problems[:5]]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        super().__init__(
            f"The input does not have the documented form: {'; '.join(shown)}.",
            remedy=Remedy.of(RemedyKind.FOLLOW_CONTRACT),
        )


class WorkflowIdMismatch(Refusal):
    """A cancellation started under an id other than the one that its subscription prescribes."""

    code = "workflow_id_mismatch"

    def __init__(self, actual: str, expected: str) -> None:
        super().__init__(
            f"The workflow id {actual!r} does not belong to this subscription.",
            remedy=Remedy.of(RemedyKind.USE_WORKFLOW_ID, expected=expected),
            expected=expected,
        )


class SubscriptionUnknown(Refusal):
    """An id that no subscription has."""

    code = "subscription_unknown"

    def __init__(self, subscription: str) -> None:
        super().__init__(
            f"There is no subscription {subscription!r}.",
            remedy=Remedy.of(RemedyKind.CHECK_OR_IMPORT, things="subscriptions"),
            subscription=subscription,
        )


class SubscriptionTooLarge(Refusal):
    """A subscription with more open lines than one case can cancel."""

    code = "subscription_too_large"

    def __init__(self, subscription: str, lines: int) -> None:
        super().__init__(
            f"Subscription {subscription!r} has {lines} open lines; one cancellation ends {MOST_LINES} at most.",
            remedy=correct_input("Import its lines as several subscriptions, and cancel each of them."),
            subscription=subscription,
            lines=lines,
        )


class SubscriptionAlreadyCanceled(Refusal):
    """A cancellation of a subscription that is already cancelled for good, or within its reversal window."""

    code = "subscription_already_canceled"

    def __init__(self, subscription: str, ended_on: date, cancellation: str) -> None:
        super().__init__(
            f"Subscription {subscription!r} is already cancelled: access ended on {day_text(ended_on)} ({cancellation}).",
            remedy=Remedy.of(RemedyKind.SIGN_UP_ANEW),
            subscription=subscription,
            cancellation=cancellation,
        )


class CancellationUnknown(Refusal):
    """A request about a subscription that was never cancelled."""

    code = "cancellation_unknown"

    def __init__(self, subscription: str) -> None:
        super().__init__(
            f"There is no cancellation of {subscription!r}.",
            remedy=Remedy.of(RemedyKind.START_CANCELLATION, subscription=subscription),
            subscription=subscription,
        )


class CancellationEnded(Refusal):
    """A request to a cancellation in a final stage, which can no longer be changed."""

    code = "cancellation_ended"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"Cancellation {cancellation} has ended as {stage.value!r}.",
            remedy=Remedy.of(RemedyKind.SIGN_UP_ANEW)
            if stage is Stage.CLOSED
            else Remedy.of(RemedyKind.START_ANEW, cancellation=cancellation),
            cancellation=cancellation,
            stage=stage.value,
        )


class CancellationStillTelling(Refusal):
    """A start while the previous cancellation has ended but its last messages are not delivered yet."""

    code = "cancellation_still_telling"

    def __init__(self, cancellation: str, stage: StrEnum) -> None:
        super().__init__(
            f"Cancellation {cancellation} has ended as {stage.value!r}, but its last messages are not delivered yet.",
            remedy=Remedy.of(RemedyKind.RETRY_WHEN, when="they are delivered, most likely once the mail server is up"),
            cancellation=cancellation,
            stage=stage.value,
        )


class ChecklistClosed(Refusal):
    """An answer or a verification after the end of the intake."""

    code = "checklist_closed"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"The checklist of {cancellation} is complete; the case is {stage.value!r}.",
            remedy=Remedy.of(RemedyKind.RESTART_CANCELLATION),
            cancellation=cancellation,
            stage=stage.value,
        )


class WithdrawalTooLate(Refusal):
    """A withdrawal after the cancellation took effect."""

    code = "withdrawal_too_late"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"Cancellation {cancellation} has already taken effect ({stage.value}).",
            remedy=Remedy.of(RemedyKind.REVERSE_CANCELLATION, cancellation=cancellation),
            cancellation=cancellation,
            stage=stage.value,
        )


class NothingToReverse(Refusal):
    """A reversal before the cancellation took effect."""

    code = "nothing_to_reverse"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"Cancellation {cancellation} has not taken effect yet ({stage.value}).",
            remedy=Remedy.of(RemedyKind.WITHDRAW_CANCELLATION, cancellation=cancellation),
            cancellation=cancellation,
            stage=stage.value,
        )


class ReversalWindowOver(Refusal):
    """A reversal after the deadline."""

    code = "reversal_window_over"

    def __init__(self, cancellation: str, deadline: datetime, zone: str) -> None:
        super().__init__(
            f"{cancellation} could be reversed until {FOR_AGENTS.deadline(deadline, zone)}.",
            remedy=Remedy.of(RemedyKind.SIGN_UP_ANEW),
            cancellation=cancellation,
            deadline=deadline.isoformat(),
        )


class ApprovalNotAwaited(Refusal):
    """An approval that nothing waits for."""

    code = "approval_not_awaited"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"Nothing in {cancellation} waits for approval ({stage.value}): only a cancellation started with goodwill "
            "needs one, once.",
            remedy=Remedy.of(RemedyKind.NOTHING_TO_DO),
            cancellation=cancellation,
        )


class OwnApproval(Refusal):
    """An approval of a goodwill end by its own requester."""

    code = "own_approval"

    def __init__(self, actor: str) -> None:
        super().__init__(
            f"{actor} requested the goodwill and cannot approve it.",
            remedy=Remedy.of(RemedyKind.ASK_SECOND_PERSON),
            actor=actor,
        )


class ApproverUnknown(Refusal):
    """An approval of a goodwill end by somebody whom no door of the service knows."""

    code = "approver_unknown"

    def __init__(self, actor: str) -> None:
        super().__init__(
            f"The approval came to Temporal directly, and nobody knows that {actor} is who they say. A goodwill is approved by "
            "somebody who has signed in.",
            remedy=Remedy.of(RemedyKind.ASK_SECOND_PERSON),
            actor=actor,
        )


class ProposalChanged(Refusal):
    """An approval of a goodwill that means something else by now."""

    code = "proposal_changed"

    def __init__(self, cancellation: str, proposal: str, present: str) -> None:
        super().__init__(
            f"The goodwill of {cancellation} is not what was shown any more: {present}, and not {proposal}.",
            remedy=correct_input("Look at what it would do now, and approve that."),
            cancellation=cancellation,
            proposal=proposal,
            present=present,
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
    """Raise unless the cancellation can be reversed: it took effect, and the request came before the deadline.

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
