"""The Internet Marketing service: its campaigns, the consent to stop them, its own cancellation (rules, section 9)."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.cases import CaseRef
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from domain.vocabulary import CampaignChoice, Question


class CampaignAction(StrEnum):
    """The way in which a campaign's activities are stopped. Either ends the ad billing."""

    PAUSE = "pause"
    """The ad centre keeps them, so that their history can be viewed there."""
    DELETE = "delete"

    @property
    def done(self) -> str:
        """The state of an activity once the ad centre has done it."""
        return "paused" if self is CampaignAction.PAUSE else "deleted"

    @property
    def stops(self) -> tuple[str, ...]:
        """The states of activities that it changes: a paused activity need not be paused again."""
        return ("running",) if self is CampaignAction.PAUSE else ("running", "paused")


class ConsentDecision(StrEnum):
    """The answer of the marketing service's own billing administrator."""

    AGREED = "agreed"
    DECLINED = "declined"


class Consent(StrEnum):
    """The state of the consent of the marketing service's own billing administrator."""

    ASKED = "asked"
    AGREED = "agreed"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"

    @property
    def refused(self) -> bool:
        """True if the campaigns are kept for lack of consent."""
        return self in (Consent.DECLINED, Consent.TIMED_OUT)


class MarketingStage(StrEnum):
    """The stage of the cancellation of a marketing service alone."""

    INTAKE = "intake"
    STOPPING = "stopping"
    """The service is cancelled; the ad centre has not acknowledged yet, so ads may still run and bill."""
    CANCELED = "canceled"
    ABANDONED = "abandoned"

    @property
    def is_final(self) -> bool:
        """True if nothing follows."""
        return self in (MarketingStage.CANCELED, MarketingStage.ABANDONED)

    @property
    def phase(self) -> int:
        """The position in the lifecycle: before the effect (0), after it (1), over (2)."""
        return 2 if self.is_final else int(self is MarketingStage.STOPPING)


class CampaignFacts(BaseModel):
    """One campaign that is being stopped, as messages describe it."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    """Chosen by the customer: for people, not for systems."""
    action: CampaignAction
    activities: tuple[str, ...]
    """The ids of the activities that are to be stopped."""
    acknowledged: bool = False


class CampaignUnknown(Refusal):
    """A campaign that the organization's marketing service does not have."""

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
            f"Campaign {campaign!r} is deleted: it has no activities left to pause or delete.",
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
    """A consent that was not requested, was already given, or came too late."""

    code = "consent_not_awaited"

    def __init__(self, cancellation: str, consent: Consent | None) -> None:
        found = f"it is {consent.value.replace('_', ' ')}" if consent else "none was requested"
        super().__init__(
            f"{cancellation} does not wait for a consent to stop campaigns: {found}.",
            remedy=Remedy.of(RemedyKind.SHOW_CANCELLATION, cancellation=cancellation),
            cancellation=cancellation,
            consent=consent.value if consent else None,
        )


class ConsentUnfounded(Refusal):
    """A consent with neither the link by which it was given nor an agent's attestation, or with both."""

    code = "consent_unfounded"

    def __init__(self) -> None:
        super().__init__(
            "A consent is given by the link of our mail, or attested by an agent: exactly one of the two.",
            remedy=correct_input("Give the link's token, or an attestation with the reason."),
        )


class StopNotRequested(Refusal):
    """An acknowledgement for a campaign whose stop was not requested."""

    code = "stop_not_requested"

    def __init__(self, campaign: str) -> None:
        super().__init__(
            f"The stop of campaign {campaign!r} was not requested.",
            remedy=correct_input("Acknowledge the campaigns of `marketing.stop_requested`."),
            campaign=campaign,
        )


class StopOfAnotherCase(Refusal):
    """An acknowledgement sent to a case other than the one that requested the stop."""

    code = "stop_of_another_case"

    def __init__(self, campaign: str, cancellation: str, asked_by: str) -> None:
        super().__init__(
            f"The stop of campaign {campaign!r} was requested by {asked_by}, not by {cancellation}.",
            remedy=Remedy.of(RemedyKind.ACKNOWLEDGE_STOP, campaign=campaign, cancellation=asked_by),
            campaign=campaign,
            asked_by=asked_by,
        )


class MarketingServiceUnknown(Refusal):
    """An organization without a marketing service."""

    code = "marketing_service_unknown"

    def __init__(self, organization: str) -> None:
        super().__init__(
            f"There is no marketing service of organization {organization!r}.",
            remedy=Remedy.of(RemedyKind.CHECK_OR_IMPORT, things="marketing services"),
            organization=organization,
        )


class MarketingServiceCanceled(Refusal):
    """A marketing service that is already cancelled, which is final."""

    code = "marketing_service_canceled"

    def __init__(self, organization: str) -> None:
        super().__init__(
            f"The marketing service of {organization} is already cancelled.",
            remedy=Remedy.of(RemedyKind.SIGN_UP_MARKETING_ANEW),
            organization=organization,
        )


class MarketingIdentityMismatch(Refusal):
    """An address that is not that of the marketing service's own billing administrator."""

    code = "marketing_identity_mismatch"

    def __init__(self, organization: str) -> None:
        super().__init__(
            f"The address given is not that of the billing administrator of the marketing service of {organization}.",
            remedy=correct_input("Give the address on record of the person who signed up for the marketing service."),
            organization=organization,
        )


class MarketingCancellationUnknown(Refusal):
    """A request about a marketing service that was never cancelled on its own."""

    code = "marketing_cancellation_unknown"

    def __init__(self, organization: str) -> None:
        super().__init__(
            f"There is no cancellation of a marketing service of {organization!r}.",
            remedy=Remedy.of(RemedyKind.CANCEL_MARKETING_SERVICE, organization=organization),
            organization=organization,
        )


class MarketingCancellationEnded(Refusal):
    """The verification of a case that has ended."""

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
