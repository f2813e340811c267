"""Refusals of an import that conflicts with the content of the database."""

from collections.abc import Sequence
from typing import ClassVar

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input


class TakenElsewhere(Refusal):
    """Base of the refusals of a value that must be unique and that another organization already has."""

    what: ClassVar[str]

    def __init__(self, value: str, organization: str) -> None:
        super().__init__(
            f"The {self.what} {value!r} belongs to organization {organization}.",
            remedy=correct_input("Correct it; to transfer it, first import the other organization with another one."),
            value=value,
            organization=organization,
        )


class UrlTaken(TakenElsewhere):
    """The URL of another organization."""

    code = "url_taken"
    what = "URL"


class UniqueNameTaken(TakenElsewhere):
    """The unique name of another organization."""

    code = "unique_name_taken"
    what = "unique name"


class DataSchemaTaken(TakenElsewhere):
    """The schema that holds another organization's data."""

    code = "data_schema_taken"
    what = "schema"


class DataSchemaUnderCancellation(Refusal):
    """A change of the schema of an organization's data while a cancellation copies or erases it."""

    code = "data_schema_under_cancellation"

    def __init__(self, organization: str, cancellation: str) -> None:
        super().__init__(
            f"Cancellation {cancellation} already deals with the data of organization {organization}, and the document "
            "would change its data_schema.",
            remedy=Remedy.of(
                RemedyKind.UNDO_CANCELLATION, cancellation=cancellation, alternative="leave data_schema out"
            ),
            organization=organization,
            cancellation=cancellation,
        )


class DataBeingErased(Refusal):
    """A new subscription of an organization whose data is being erased: a part of it is gone already."""

    code = "data_being_erased"

    def __init__(self, subscription: str, organization: str, cancellation: str) -> None:
        super().__init__(
            f"Subscription {subscription} is new, and the data of organization {organization} is being erased for "
            f"cancellation {cancellation}: what the subscription would use is partly gone.",
            remedy=correct_input(
                "Import it again when the certificate of that erasure is there, or put it under another organization."
            ),
            subscription=subscription,
            organization=organization,
            cancellation=cancellation,
        )


class Immovable(Refusal):
    """Base of the refusals of an existing entry that would belong to something else."""

    what: ClassVar[str]

    def __init__(self, identifier: str, now: str, wanted: str) -> None:
        super().__init__(
            f"{self.what} {identifier} exists and belongs to {now}; an import does not move it to {wanted}.",
            remedy=correct_input("Give the new one an id of its own."),
            id=identifier,
            now=now,
            wanted=wanted,
        )


class SubscriptionMoved(Immovable):
    """A subscription that would change its organization."""

    code = "subscription_moved"
    what = "Subscription"


class LineMoved(Immovable):
    """A line that would change its subscription."""

    code = "line_moved"
    what = "Line"


class LinePartnerChanged(Immovable):
    """A line that would change from the customer's to the vendor's side, or back."""

    code = "line_partner_changed"
    what = "Line"


class ContractPartnerChanged(Immovable):
    """A contract that would change its partner."""

    code = "contract_partner_changed"
    what = "Contract"


class ContractLineChanged(Immovable):
    """A line that would change its place on a contract."""

    code = "contract_line_changed"
    what = "The contract line of line"


class CampaignMoved(Immovable):
    """A campaign of another organization."""

    code = "campaign_moved"
    what = "Campaign"


class ActivityMoved(Immovable):
    """An activity of another campaign."""

    code = "activity_moved"
    what = "Activity"


class MarketingServiceRunning(Refusal):
    """A new sign-up for a marketing service that is not cancelled."""

    code = "marketing_service_running"

    def __init__(self, organization: str, sign_up: str) -> None:
        super().__init__(
            f"The marketing service of {organization} runs under the sign-up {sign_up!r}; it cannot have a second one.",
            remedy=Remedy.of(RemedyKind.KEEP_SIGN_UP, organization=organization),
            organization=organization,
            sign_up=sign_up,
        )


class CampaignOfCanceledService(Refusal):
    """A new campaign of a marketing service that is cancelled."""

    code = "campaign_of_canceled_service"

    def __init__(self, campaign: str, organization: str, sign_up: str) -> None:
        super().__init__(
            f"Campaign {campaign} is new, but the marketing service of {organization} (sign-up {sign_up!r}) is cancelled.",
            remedy=correct_input(
                "A cancelled service cannot be reinstated; sign up again, and import it with another `sign_up`."
            ),
            campaign=campaign,
            organization=organization,
        )


class ActivityOfStoppedCampaign(Refusal):
    """A new activity that would run in a campaign that was stopped."""

    code = "activity_of_stopped_campaign"

    def __init__(self, activity: str, campaign: str) -> None:
        super().__init__(
            f"Activity {activity} is new and would run, but campaign {campaign} was stopped by a cancellation.",
            remedy=correct_input("A stopped campaign cannot be reinstated; give the activity a new campaign."),
            activity=activity,
            campaign=campaign,
        )


class PlannedLineMoved(Immovable):
    """A planned line of another line."""

    code = "planned_line_moved"
    what = "Planned line"


class ContractLineTaken(Refusal):
    """A contract line number that another line has."""

    code = "contract_line_taken"

    def __init__(self, contract: str, number: int, line: str) -> None:
        super().__init__(
            f"Line {number} of contract {contract} is taken by subscription line {line}.",
            remedy=correct_input("Leave the number out, and the next free one is given."),
            contract=contract,
            number=number,
            line=line,
        )


class LineUnderCancellation(Refusal):
    """A change to the dates of a line while a cancellation determines them."""

    code = "line_under_cancellation"

    def __init__(self, line: str, cancellation: str, fields: Sequence[str]) -> None:
        named = ", ".join(fields)
        super().__init__(
            f"Line {line} is under cancellation {cancellation}, and the document would change its {named}.",
            remedy=Remedy.of(
                RemedyKind.UNDO_CANCELLATION, cancellation=cancellation, alternative="leave these fields out"
            ),
            line=line,
            cancellation=cancellation,
            fields=named,
        )


class SubscriptionUnderCancellation(Refusal):
    """A new line on a subscription under cancellation: the end that was promised does not cover it."""

    code = "subscription_under_cancellation"

    def __init__(self, line: str, subscription: str, cancellation: str) -> None:
        super().__init__(
            f"Line {line} is new, and subscription {subscription} is under cancellation {cancellation}: a line that is added "
            "now would not end with the others.",
            remedy=Remedy.of(
                RemedyKind.UNDO_CANCELLATION,
                cancellation=cancellation,
                alternative="leave the line out, or put it under another subscription",
            ),
            line=line,
            subscription=subscription,
            cancellation=cancellation,
        )


class SubscriptionEnded(Refusal):
    """A new line on a subscription that was cancelled for good (rules, section 6)."""

    code = "subscription_ended"

    def __init__(self, line: str, subscription: str, cancellation: str) -> None:
        super().__init__(
            f"Line {line} is new, but subscription {subscription} was cancelled for good by {cancellation}.",
            remedy=correct_input("Put the line under another subscription, or leave it out."),
            line=line,
            subscription=subscription,
            cancellation=cancellation,
        )


class PlannedLineWithdrawn(Refusal):
    """A change to a planned line that a cancellation has withdrawn."""

    code = "planned_line_withdrawn"

    def __init__(self, planned_line: str, cancellation: str) -> None:
        super().__init__(
            f"Planned line {planned_line} was withdrawn by cancellation {cancellation} and cannot be changed while that stands.",
            remedy=Remedy.of(
                RemedyKind.UNDO_CANCELLATION, cancellation=cancellation, alternative="leave the planned line out"
            ),
            planned_line=planned_line,
            cancellation=cancellation,
        )


class InvoiceChanged(Refusal):
    """An invoice with the number of a posted document that has other content."""

    code = "invoice_changed"

    def __init__(self, number: str) -> None:
        super().__init__(
            f"Billing document {number} exists with other content; posted documents do not change.",
            remedy=correct_input("Give the invoice a number of its own, or post a credit memo for the old one."),
            number=number,
        )
