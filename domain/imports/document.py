"""The document that ``offramp import`` reads: its entries, field by field (docs/import-format.md).

Dates are ISO 8601, terms date formulas, durations ISO 8601. Absent and null mean "not set"; unknown fields are refused.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from annotated_types import Ge, Le, MinLen
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    EmailStr,
    StrictBool,
    StrictInt,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from domain.civil_dates import EnteredDate
from domain.civil_time import time_zone
from domain.clean_text import why_unclean
from domain.data_schema import data_schema_name
from domain.imports.refusals import FieldMalformed, UrlMalformed
from domain.lines.date_formula import is_blank
from domain.lines.line import Partner, Term
from domain.policy import LONGEST_RETENTION, MOST_REASON_CODES, CancellationPolicy
from domain.refusals import Refusal, RefusedValue
from domain.vocabulary import Identifier, Platform, Purpose, ReasonCode


def _clean(text: str) -> str:
    if (why := why_unclean(text)) is not None:
        raise RefusedValue(FieldMalformed(f"The text has {why}"))
    return text


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000), AfterValidator(_clean)]
"""One line of text."""

Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000), AfterValidator(_clean)]
"""One line of text, or none."""

ActivityState = Literal["running", "paused", "deleted"]


def _existing_zone(name: str) -> str:
    try:
        return time_zone(name).key
    except Refusal as refusal:
        raise RefusedValue(refusal) from None


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise RefusedValue(UrlMalformed(url)) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RefusedValue(UrlMalformed(url))
    return url


def _data_schema(name: str) -> str:
    try:
        return data_schema_name(name)
    except Refusal as refusal:
        raise RefusedValue(refusal) from None


class Entry(BaseModel):
    """Base of all entries in the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_set(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        known = cls.model_fields
        return {
            name: value
            for name, value in data.items()
            if name not in known or not (value is None or (isinstance(value, str) and is_blank(value)))
        }


_NO_DURATIONS = (
    "reversal_window_days",
    "code_attempts",
    "migration_escalation_queue",
    "billing_queue",
    "credit_memo_escalation_queue",
    "reason_codes",
    "retention_months",
)
"""The fields of a policy that are counts, or names of queues or reasons."""

_REASON_CODE: TypeAdapter[str] = TypeAdapter(ReasonCode)


def _reason_codes(codes: tuple[str, ...]) -> tuple[str, ...]:
    for code in codes:
        try:
            _REASON_CODE.validate_python(code)
        except ValidationError:
            wrong = f"{code!r} is no code: write 1 to 63 small letters, digits and underscores, first a letter"
            raise RefusedValue(FieldMalformed(wrong)) from None
    if not 1 <= len(codes) <= MOST_REASON_CODES or len(set(codes)) < len(codes):
        raise RefusedValue(FieldMalformed(f"Name 1 to {MOST_REASON_CODES} reasons for leaving, each once"))
    return codes


class ImportedPolicy(CancellationPolicy):
    """A policy: durations in ISO 8601 only, and none of the other notations that pydantic reads as one."""

    reason_codes: Annotated[tuple[str, ...], AfterValidator(_reason_codes)] | None = None
    """The reasons for leaving that cancellations may give, in the order in which to offer them; the standard ones if not set."""
    retention_months: Annotated[int, Ge(1), Le(LONGEST_RETENTION)] | None = None
    """The months after a case's end after which its personal data is removed; the standard ones if not set."""

    @field_validator("*", mode="before")
    @classmethod
    def _duration_in_iso_8601(cls, value: Any, info: ValidationInfo) -> Any:
        if info.field_name not in _NO_DURATIONS:
            for duration in value if isinstance(value, list) else [value]:
                if duration is not None and not (isinstance(duration, str) and duration.startswith("P")):
                    raise RefusedValue(FieldMalformed("This is not an ISO 8601 duration such as P14D or PT15M"))
        return value


class ImportedActivity(Entry):
    """An activity of a campaign."""

    id: Identifier
    name: Text
    state: ActivityState = "running"
    """The state of the activity when it is first imported; afterwards the service maintains it."""


class ImportedCampaign(Entry):
    """A marketing campaign."""

    id: Identifier
    name: Text
    activities: tuple[ImportedActivity, ...] = ()


class ImportedMarketingService(Entry):
    """The Internet Marketing service of an organization."""

    billing_administrator: EmailStr
    sign_up: Identifier | None = None
    """The id of the sign-up: any other than the cancelled one is a new service. If left out, it stays as it is."""
    campaigns: tuple[ImportedCampaign, ...] = ()


class ImportedOrganization(Entry):
    """An organization, the tenant."""

    id: Identifier
    url: Annotated[Text, AfterValidator(_web_address)]
    unique_name: Text
    time_zone: Annotated[Text, AfterValidator(_existing_zone)]
    platform: Platform
    purpose: Purpose
    billing_administrator: EmailStr
    policy: Identifier = "standard"
    data_schema: Annotated[str, AfterValidator(_data_schema)] | None = None
    """The schema of the organization's data; if it is not set, an existing organization keeps its own."""
    marketing_service: ImportedMarketingService | None = None


class ImportedQueue(Entry):
    """A support queue and its mail address; without an address it is notified by webhook alone."""

    name: Identifier
    mail: EmailStr | None = None


class ImportedContract(Entry):
    """A customer or vendor subscription contract."""

    number: Identifier
    partner: Partner
    description: Description = ""


class ImportedPlannedLine(Entry):
    """A pending renewal or price change of a line."""

    id: Identifier
    kind: Literal["renewal", "price_change"]
    effective_on: EnteredDate
    terms: Annotated[dict[Identifier, Text], MinLen(1)]
    """The changes by name; amounts are text, so that nothing is rounded."""


class ImportedLine(Entry):
    """A subscription line. On an existing line, a date, a flag or a contract that is not set stays as it is."""

    id: Identifier
    subscription: Identifier | None = None
    """The id of the subscription that the line is listed under; it may be left out."""
    partner: Partner = Partner.CUSTOMER
    contract: Identifier | None = None
    contract_line: Annotated[StrictInt, Ge(1), Le(2_147_483_647)] | None = None
    """The number of the line on its contract; the next free one if not set."""
    start_date: EnteredDate
    initial_term: Term | None = None
    subsequent_term: Term | None = None
    notice_period: Term | None = None
    billing_rhythm: Term
    next_billing_date: EnteredDate | None = None
    term_until: EnteredDate | None = None
    cancellation_possible_until: EnteredDate | None = None
    end_date: EnteredDate | None = None
    open_billing_line: StrictBool | None = None
    closed: StrictBool | None = None
    planned_lines: tuple[ImportedPlannedLine, ...] = ()


class ImportedSubscription(Entry):
    """A subscription; its ``lines`` are read one by one."""

    id: Identifier
    organization: Identifier
    description: Description = ""


class ImportedInvoice(Entry):
    """A posted invoice for a period of one line, both days included."""

    number: Identifier
    line: Identifier
    period_start: EnteredDate
    period_end: EnteredDate
