"""Corrections of a running cancellation, until it takes effect (rules, section 8)."""

from domain.cancellation.lifecycle import CancellationEnded
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from domain.vocabulary import Question, Stage, identifier_in

CORRECTABLE = (Question.TERMINATION_DATE, Question.DATA, Question.CAMPAIGNS)
"""The questions whose answers may be replaced. Those about the identity are the record's."""


class QuestionNotCorrectable(Refusal):
    """A correction of something that is no wish of the customer's."""

    code = "question_not_correctable"

    def __init__(self, question: str) -> None:
        name = identifier_in(question)
        super().__init__(
            f"The answer to {name!r} cannot be replaced." if name else "What is named has no answer to be replaced.",
            remedy=correct_input(f"What can be corrected: {', '.join(CORRECTABLE)}, and the goodwill."),
            question=name,
        )


class CorrectionTooLate(Refusal):
    """A correction after the cancellation took effect."""

    code = "correction_too_late"

    def __init__(self, cancellation: str, stage: Stage) -> None:
        super().__init__(
            f"Cancellation {cancellation} has already taken effect ({stage.value}), and is not corrected any more.",
            remedy=Remedy.of(RemedyKind.REVERSE_CANCELLATION, cancellation=cancellation),
            cancellation=cancellation,
            stage=stage.value,
        )


class CaseChangedSince(Refusal):
    """A correction of wishes that are no longer those which its author has seen."""

    code = "case_changed"

    def __init__(self, cancellation: str, expected: str, version: str) -> None:
        super().__init__(
            f"Cancellation {cancellation} is no longer as it was read: its version is {version}, not {expected}.",
            remedy=Remedy.of(RemedyKind.SHOW_CANCELLATION, cancellation=cancellation),
            cancellation=cancellation,
            expected=expected,
            version=version,
        )


class CampaignsAlreadyStopped(Refusal):
    """A wish to keep campaigns that the ad centre was asked to stop."""

    code = "campaigns_already_stopped"

    def __init__(self, cancellation: str) -> None:
        super().__init__(
            f"The campaigns of {cancellation} are stopped already; a stop cannot be taken back.",
            remedy=correct_input("Leave the answer as it is; the marketing service can be signed up for anew."),
            cancellation=cancellation,
        )


def check_correction(cancellation: str, stage: Stage) -> None:
    """Raise unless the cancellation can be corrected: it must not have taken effect.

    Raises:
        CancellationEnded, CorrectionTooLate.

    """
    if stage.is_final:
        raise CancellationEnded(cancellation, stage)
    if not stage.before_effect:
        raise CorrectionTooLate(cancellation, stage)
