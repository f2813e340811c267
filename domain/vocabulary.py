"""The words of the service (rules, section 1), each written one way everywhere: code, database, API, CLI and documents."""

import re
import unicodedata
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

# Ids travel in workflow ids, URLs, Message-ID headers and search attributes, so they contain nothing that needs quoting
# there. A slash is left out: it separates a cancellation's number from its subscription.
_IDENTIFIER = r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}"
Identifier = Annotated[str, StringConstraints(pattern=f"^{_IDENTIFIER}$")]

# A subscription's id and the number of the cancellation.
CancellationId = Annotated[str, StringConstraints(pattern=rf"^{_IDENTIFIER}/[1-9][0-9]{{0,8}}$")]

# The same of a case of any kind (`domain.cases`).
CaseId = Annotated[
    str,
    StringConstraints(pattern=rf"^{_IDENTIFIER}(/marketing|/line/{_IDENTIFIER})?/[1-9][0-9]{{0,8}}$"),
]
# The same of the cancellation of one subscription line.
LineCancellationId = Annotated[
    str,
    StringConstraints(pattern=rf"^{_IDENTIFIER}/line/{_IDENTIFIER}/[1-9][0-9]{{0,8}}$"),
]
# An organization's id and the number of the cancellation of its marketing service alone.
MarketingCancellationId = Annotated[str, StringConstraints(pattern=rf"^{_IDENTIFIER}/marketing/[1-9][0-9]{{0,8}}$")]

# The author of an action: an agent, a support system, a job. Never an e-mail address; audit trails show actors.
Actor = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^@\s\x00][^@\x00]*$")
]

# An e-mail address. Only its form: its mail server decides whether it exists. A pattern, because workflows read it.
EmailAddress = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=254,
        pattern=r"^[^@\s\x00-\x1f\x7f<>(),;:\\\"\[\]]+@[A-Za-z0-9.-]+\.[A-Za-z0-9-]{2,63}$",
    ),
]

# One of a policy's reasons for leaving, as systems and reports name it. Nothing in it needs quoting anywhere.
ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]

# The reason for an action, in the actor's own words.
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=1000, pattern=r"^[^\x00]*$")]


class Platform(StrEnum):
    """The platform of an organization; it decides which support team a migration request goes to."""

    MICROSOFT_ONLINE_SERVICES = "microsoft_online_services"
    COMMERCE_TRANSACTION = "commerce_transaction"


class Purpose(StrEnum):
    """The use of an organization; anything but production may take the short way (rules, section 8)."""

    PRODUCTION = "production"
    TRAINING = "training"
    DEMO = "demo"
    TESTING = "testing"


class Stage(StrEnum):
    """The stage of a cancellation (rules, section 8)."""

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
        """True if nothing follows."""
        return self in FINAL_STAGES

    @property
    def before_effect(self) -> bool:
        """True while access is still on, so that a change of mind is a withdrawal and not a reversal."""
        return self in (Stage.INTAKE, Stage.PREPARING, Stage.SCHEDULED)

    @property
    def phase(self) -> int:
        """The position in the lifecycle: before the promise of dates (0), after it (1), after the effect (2), over (3)."""
        return 3 if self.is_final else {Stage.SCHEDULED: 1, Stage.CANCELED: 2}.get(self, 0)


FINAL_STAGES = frozenset({Stage.REVERSED, Stage.CLOSED, Stage.WITHDRAWN, Stage.ABANDONED})


class Question(StrEnum):
    """A point of the checklist that must be answered before anything happens."""

    BILLING_ADMINISTRATOR = "billing_administrator"
    ORGANIZATION_URL = "organization_url"
    ORGANIZATION_NAME = "organization_name"
    TERMINATION_DATE = "termination_date"
    DATA = "data"
    CAMPAIGNS = "campaigns"


class Termination(StrEnum):
    """The way in which the end of access is asked for (rules, section 7)."""

    ON_DATE = "on_date"
    """Access works through the named day."""
    NOW = "now"
    """Access ends at once; billing is decided for the day of receipt."""
    END_OF_TERM = "end_of_term"
    """Access ends with the last of the customer's lines, each of which ends as its term does."""


class DataChoice(StrEnum):
    """The choice whether the organization keeps its data, and in which form."""

    NONE = "none"
    EXPORT = "export"
    MIGRATE = "migrate"


class CampaignChoice(StrEnum):
    """The choice about the marketing campaigns."""

    KEEP = "keep"
    STOP = "stop"
    NO_CAMPAIGNS = "no_campaigns"


class Verification(StrEnum):
    """The evidence that the billing administrator is behind the request. Never a password."""

    ONE_TIME_CODE = "one_time_code"
    ATTESTATION = "attestation"


class Channel(StrEnum):
    """A channel for notifications: mail for people, webhooks for systems."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class ReceiptChannel(StrEnum):
    """The way by which a request was received: by a person of ours, or by a system that passes it on."""

    LETTER = "letter"
    PHONE = "phone"
    MAIL = "mail"
    PORTAL = "portal"
    SYSTEM = "system"


class Event(StrEnum):
    """An event of which people or systems are notified (rules, section 11)."""

    RECEIVED = "cancellation.received"
    SCHEDULED = "cancellation.scheduled"
    RESCHEDULED = "cancellation.rescheduled"
    REMINDER = "cancellation.reminder"
    EFFECTIVE = "cancellation.effective"
    REVERSAL_REMINDER = "cancellation.reversal_reminder"
    REVERSED = "cancellation.reversed"
    WITHDRAWN = "cancellation.withdrawn"
    ABANDONED = "cancellation.abandoned"
    CLOSED = "cancellation.closed"
    LINE_RECEIVED = "line_cancellation.received"
    LINE_SCHEDULED = "line_cancellation.scheduled"
    LINE_RESCHEDULED = "line_cancellation.rescheduled"
    LINE_REMINDER = "line_cancellation.reminder"
    LINE_EFFECTIVE = "line_cancellation.effective"
    LINE_REVERSAL_REMINDER = "line_cancellation.reversal_reminder"
    LINE_REVERSED = "line_cancellation.reversed"
    LINE_WITHDRAWN = "line_cancellation.withdrawn"
    LINE_ABANDONED = "line_cancellation.abandoned"
    LINE_CANCELLATION_CLOSED = "line_cancellation.closed"
    LINE_BILLING_SETTLED = "line_cancellation.billing_settled"
    EXPORT_READY = "export.ready"
    EXPORT_REMINDER = "export.reminder"
    DATA_ERASED = "data.erased"
    ERASED_ELSEWHERE = "data.erased_elsewhere"
    ACCESS_END_REQUESTED = "access.end_requested"
    ACCESS_RESTORED_REQUESTED = "access.restored_requested"
    ERASURE_REQUESTED = "erasure.requested"
    SYSTEM_TASK_ESCALATED = "system_task.escalated"
    MIGRATION_REQUESTED = "migration.requested"
    MIGRATION_SCHEDULED = "migration.scheduled"
    MIGRATION_DATA_AVAILABLE = "migration.data_available"
    MIGRATION_DOWNLOADED = "migration.downloaded"
    MIGRATION_COMPLETED = "migration.completed"
    MIGRATION_REMINDER = "migration.reminder"
    MIGRATION_ESCALATED = "migration.escalated"
    MIGRATION_ENDED = "migration.ended"
    BILLING_SETTLED = "cancellation.billing_settled"
    CREDIT_MEMO_REQUESTED = "credit_memo.requested"
    CREDIT_MEMO_REMINDER = "credit_memo.reminder"
    CREDIT_MEMO_ESCALATED = "credit_memo.escalated"
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


WAITS_FOR_OPERATOR = "the next request or reconciliation: its workflow is not running"
"""The wait of a case that has not ended although Temporal no longer runs its workflow."""

WAITS_FOR_REPAIR = "an operator: its workflow is suspended, because its code fails"
"""The wait of a case whose workflow runs and cannot continue."""

WAITS_FOR_WORKER = "a worker: none answers at the moment"
"""The wait of a case whose workflow runs, and is not served."""


def is_identifier(text: str) -> bool:
    """Return true for a text that has the form of `Identifier`."""
    return re.fullmatch(_IDENTIFIER, text) is not None


def identifier_in(typed: str) -> str | None:
    """Return what a caller typed for a name, if it has the form of `Identifier`; otherwise None.

    A refusal is kept, and read by more people than its request: it repeats no words that stand in the place of a name.
    """
    return typed if is_identifier(typed) else None


def same_person(one: str, other: str) -> bool:
    """Return true if two names of actors differ in nothing but case and spaces."""
    return person_key(one) == person_key(other)


def person_key(name: str) -> str:
    """Return the form of an actor's name that is the same whatever its case, its spaces, and how its letters are put together.

    Selectors of a variant and joiners, which change nothing that tells two people apart, are left out.
    """
    plain = "".join(each for each in unicodedata.normalize("NFKC", name) if not _UNSEEN.match(each))
    return " ".join(plain.split()).casefold()


_UNSEEN = re.compile("[\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f]")


def message_id(cancellation: str, occasion: str, channel: Channel) -> str:
    """Return the id of the message about one occasion on one channel.

    Derived, never random: a retry repeats it, and a receiver that has seen it can drop the repetition.
    """
    return f"{cancellation}/{occasion}/{channel}"
