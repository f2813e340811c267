"""The Internet Marketing service: what becomes of its campaigns, who agrees to it, and its own cancellation (rules, section 9)."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.cases import CaseRef
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from domain.vocabulary import CampaignChoice, Question


class CampaignAction(StrEnum):
    """How a campaign's activities are stopped. Either ends the ad billing."""

    PAUSE = "pause"
    """The ad centre keeps them, so that their history can be looked at there."""
    DELETE = "delete"

    @property
    def done(self) -> str:
        """The state of an activity once the ad centre has done it."""
        return "paused" if self is CampaignAction.PAUSE else "deleted"

    @property
    def stops(self) -> tuple[str, ...]:
        """The states of activities that it changes: what is paused already need not be paused."""
        return ("running",) if self is CampaignAction.PAUSE else ("running", "paused")


class ConsentDecision(StrEnum):
    """What the marketing service's own billing administrator answers."""

    AGREED = "agreed"
    DECLINED = "declined"


class Consent(StrEnum):
    """How it stands with the consent of the marketing service's own billing administrator."""

    ASKED = "asked"
    AGREED = "agreed"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"

    @property
    def refused(self) -> bool:
        """Whether the campaigns are kept for want of it."""
        return self in (Consent.DECLINED, Consent.TIMED_OUT)


class MarketingStage(StrEnum):
    """Where the cancellation of a marketing service alone stands."""

    INTAKE = "intake"
    STOPPING = "stopping"
    """The service is cancelled; the ad centre has not acknowledged yet, so ads may still run and bill."""
    CANCELED = "canceled"
    ABANDONED = "abandoned"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows any more."""
        return self in (MarketingStage.CANCELED, MarketingStage.ABANDONED)


class CampaignFacts(BaseModel):
    """One campaign that is being stopped, as messages tell it."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    """Of the customer's making: for people, not for systems."""
    action: CampaignAction
    activities: tuple[str, ...]
    """The ids of the activities that are to be stopped."""
    acknowledged: bool = False


class CampaignUnknown(Refusal):
    """A campaign that the organization's marketing service has not."""

    code = "campaign_unknown"

    def __init__(self, campaign: str) -> None:
        super().__init__(
            f"There is no campaign {campaign!r} in this marketing service.",
            remedy=correct_input("Name a campaign by the id that it was imported with."),
            campaign=campaign,
        )


class CampaignDeleted(Refusal):
    """An action for a campaign whose activities are all deleted."""

    code = "campaign_deleted"

    def __init__(self, campaign: str) -> None:
        super().__init__(
            f"Campaign {campaign!r} is deleted: none of its activities is left to be paused or deleted.",
            remedy=correct_input("Leave it out."),
            campaign=campaign,
        )


class CampaignActionWithoutStop(Refusal):
    """Actions for campaigns that are not to be stopped."""

    code = "campaign_action_without_stop"

    def __init__(self, choice: CampaignChoice | None) -> None:
        answered = f"{choice.value!r} is the answer" if choice else "no answer is given"
        super().__init__(
            f"Pausing or deleting a campaign goes with campaigns=stop, but {answered} to {Question.CAMPAIGNS.value!r}.",
            remedy=correct_input("Answer campaigns=stop, or leave the actions out."),
            campaigns=choice.value if choice else None,
        )


class ConsentNotAwaited(Refusal):
    """A consent where nobody asked for one, or after it was given, or came too late."""

    code = "consent_not_awaited"

    def __init__(self, cancellation: str, consent: Consent | None) -> None:
        found = f"it is {consent.value.replace('_', ' ')}" if consent else "none is asked for"
        super().__init__(
            f"{cancellation} waits for no consent to stop campaigns: {found}.",
            remedy=Remedy.of(RemedyKind.SHOW_CANCELLATION, cancellation=cancellation),
            cancellation=cancellation,
            consent=consent.value if consent else None,
        )


class ConsentUnfounded(Refusal):
    """A consent that says neither by which link it was given nor who vouches for it."""

    code = "consent_unfounded"

    def __init__(self) -> None:
        super().__init__(
            "A consent is given by the link of our mail, or attested by an agent: exactly one of the two.",
            remedy=correct_input("Give the link's token, or an attestation with the reason."),
        )


class StopNotRequested(Refusal):
    """An acknowledgement for a campaign that nobody asked to stop."""

    code = "stop_not_requested"

    def __init__(self, campaign: str) -> None:
        super().__init__(
            f"Nobody asked to stop campaign {campaign!r}.",
            remedy=correct_input("Acknowledge what `marketing.stop_requested` asked for."),
            campaign=campaign,
        )


class StopOfAnotherCase(Refusal):
    """An acknowledgement that was sent to another case than the one that asked."""

    code = "stop_of_another_case"

    def __init__(self, campaign: str, cancellation: str, asked_by: str) -> None:
        super().__init__(
            f"It was {asked_by} that asked to stop campaign {campaign!r}, not {cancellation}.",
            remedy=Remedy.of(RemedyKind.ACKNOWLEDGE_STOP, campaign=campaign, cancellation=asked_by),
            campaign=campaign,
            asked_by=asked_by,
        )


class MarketingServiceUnknown(Refusal):
    """The organization has no marketing service."""

    code = "marketing_service_unknown"

    def __init__(self, organization: str) -> None:
        super().__init__(
            f"There is no marketing service of an organization {organization!r}.",
            remedy=Remedy.of(RemedyKind.CHECK_OR_IMPORT, things="marketing services"),
            organization=organization,
        )


class MarketingServiceCanceled(Refusal):
    """The marketing service was cancelled before; that is for ever."""

    code = "marketing_service_canceled"

    def __init__(self, organization: str) -> None:
        super().__init__(
            f"The marketing service of {organization} is already cancelled.",
            remedy=Remedy.of(RemedyKind.SIGN_UP_MARKETING_ANEW),
            organization=organization,
        )


class MarketingIdentityMismatch(Refusal):
    """The address given is not that of the marketing service's own billing administrator."""

    code = "marketing_identity_mismatch"

    def __init__(self, organization: str) -> None:
        super().__init__(
            f"The address given is not that of the billing administrator of the marketing service of {organization}.",
            remedy=correct_input("Give the address on record of the person who signed up for the marketing service."),
            organization=organization,
        )


class MarketingCancellationUnknown(Refusal):
    """The marketing service was never cancelled on its own."""

    code = "marketing_cancellation_unknown"

    def __init__(self, organization: str) -> None:
        super().__init__(
            f"There is no cancellation of a marketing service of {organization!r}.",
            remedy=Remedy.of(RemedyKind.CANCEL_MARKETING_SERVICE, organization=organization),
            organization=organization,
        )


class MarketingCancellationEnded(Refusal):
    """The verification of a case that is over."""

    code = "marketing_cancellation_ended"

    def __init__(self, cancellation: str, stage: MarketingStage) -> None:
        super().__init__(
            f"{cancellation} has ended as {stage.value!r}.",
            remedy=Remedy.of(RemedyKind.CANCEL_MARKETING_SERVICE, organization=CaseRef.parse(cancellation).subject)
            if stage is MarketingStage.ABANDONED
            else Remedy.of(RemedyKind.NOTHING_TO_DO),
            cancellation=cancellation,
            stage=stage.value,
        )


class MarketingWorkflowIdMismatch(Refusal):
    """A marketing service's cancellation started under an id other than the one its organization prescribes."""

    code = "marketing_workflow_id_mismatch"

    def __init__(self, actual: str, expected: str) -> None:
        super().__init__(
            f"The workflow id {actual!r} does not belong to this organization's marketing service.",
            remedy=Remedy.of(RemedyKind.USE_WORKFLOW_ID, expected=expected),
            expected=expected,
        )
