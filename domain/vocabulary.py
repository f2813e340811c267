"""The words of the service (rules, section 1), each written one way everywhere: code, database, API, CLI and documents."""

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

# Ids travel in workflow ids, URLs, Message-ID headers and search attributes, so they hold nothing that needs quoting
# there. A slash is left out: it separates a cancellation's number from its subscription.
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]

# A subscription's id and the number of the cancellation.
CancellationId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}/[1-9][0-9]{0,8}$")]

# Who did something: an agent, a support system, a job. Never an e-mail address; actors are printed in audit trails.
Actor = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^@\s\x00][^@\x00]*$")
]

# Where somebody reads mail. Only the form: whether it exists, its mail server says. A pattern, because workflows read it.
EmailAddress = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=254,
        pattern=r"^[^@\s\x00-\x1f\x7f<>(),;:\\\"\[\]]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]{2,63}$",
    ),
]

# Why somebody did something, in their own words.
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1000, pattern=r"^[^\x00]*$")]


class Platform(StrEnum):
    """Where the organization runs; decides which support team a migration request goes to."""

    MICROSOFT_ONLINE_SERVICES = "microsoft_online_services"
    COMMERCE_TRANSACTION = "commerce_transaction"


class Purpose(StrEnum):
    """What the organization is used for; anything but production may go the short way (rules, section 8)."""

    PRODUCTION = "production"
    TRAINING = "training"
    DEMO = "demo"
    TESTING = "testing"


class Stage(StrEnum):
    """Where a cancellation stands (rules, section 8)."""

    INTAKE = "intake"
    PREPARING = "preparing"
    SCHEDULED = "scheduled"
    CANCELED = "canceled"
    REVERSED = "reversed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    ABANDONED = "abandoned"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows any more."""
        return self in FINAL_STAGES

    @property
    def before_effect(self) -> bool:
        """Whether access is still on, so that changing one's mind is a withdrawal and not a reversal."""
        return self in (Stage.INTAKE, Stage.PREPARING, Stage.SCHEDULED)


FINAL_STAGES = frozenset({Stage.REVERSED, Stage.CLOSED, Stage.WITHDRAWN, Stage.ABANDONED})


class Question(StrEnum):
    """A point of the checklist that must be answered before anything happens."""

    BILLING_ADMINISTRATOR = "billing_administrator"
    ORGANIZATION_URL = "organization_url"
    ORGANIZATION_NAME = "organization_name"
    TERMINATION_DATE = "termination_date"
    DATA = "data"
    CAMPAIGNS = "campaigns"


class DataChoice(StrEnum):
    """Whether the organization keeps its data, and how."""

    NONE = "none"
    EXPORT = "export"
    MIGRATE = "migrate"


class CampaignChoice(StrEnum):
    """What becomes of the marketing campaigns."""

    KEEP = "keep"
    STOP = "stop"
    NO_CAMPAIGNS = "no_campaigns"


class Verification(StrEnum):
    """How it was established that the billing administrator is behind the request. Never by a password."""

    ONE_TIME_CODE = "one_time_code"
    ATTESTATION = "attestation"


class Channel(StrEnum):
    """A way to tell: mail for people, webhooks for systems."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class Event(StrEnum):
    """What is told (rules, section 11)."""

    RECEIVED = "cancellation.received"
    SCHEDULED = "cancellation.scheduled"
    REMINDER = "cancellation.reminder"
    EFFECTIVE = "cancellation.effective"
    REVERSAL_REMINDER = "cancellation.reversal_reminder"
    REVERSED = "cancellation.reversed"
    WITHDRAWN = "cancellation.withdrawn"
    ABANDONED = "cancellation.abandoned"
    CLOSED = "cancellation.closed"
    EXPORT_READY = "export.ready"
    EXPORT_REMINDER = "export.reminder"
    DATA_ERASED = "data.erased"
    MIGRATION_REQUESTED = "migration.requested"
    MIGRATION_SCHEDULED = "migration.scheduled"
    MIGRATION_DATA_AVAILABLE = "migration.data_available"
    MIGRATION_DOWNLOADED = "migration.downloaded"
    MIGRATION_COMPLETED = "migration.completed"
    MIGRATION_REMINDER = "migration.reminder"
    MIGRATION_ESCALATED = "migration.escalated"
    MIGRATION_ENDED = "migration.ended"
    CREDIT_MEMO_REQUESTED = "credit_memo.requested"
    MARKETING_CONSENT_REQUESTED = "marketing.consent_requested"
    MARKETING_KEPT = "marketing.kept"
    MARKETING_STOP_REQUESTED = "marketing.stop_requested"
    MARKETING_STOPPED = "marketing.stopped"
    MARKETING_CANCELLATION_RECEIVED = "marketing.cancellation_received"
    MARKETING_CANCELLATION_ABANDONED = "marketing.cancellation_abandoned"
    MARKETING_CANCELED = "marketing.canceled"
    LINE_ENDED = "line.ended"
    LINE_CLOSED = "line.closed"
    LINE_TERM_ROLLED = "line.term_rolled"


WAITS_FOR_OPERATOR = "an operator: its workflow is not running"
"""What a case waits for that has not ended and whose workflow Temporal does not run any more."""


def message_id(cancellation: str, occasion: str, channel: Channel) -> str:
    """Return the id of the message that tells one occasion on one channel.

    Derived, never random: a retry repeats it, and a receiver that has seen it can drop the repetition.
    """
    return f"{cancellation}/{occasion}/{channel}"
