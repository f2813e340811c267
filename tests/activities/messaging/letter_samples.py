"""Facts for letters, and every letter written from them."""

from datetime import UTC, date, datetime

from activities.messaging.letters import code_letter, letter
from domain.cancellation.open_billing import OpenLine
from domain.lines.explanation import Statement, StatementCode, statement
from domain.lines.line import Partner
from domain.marketing import CampaignAction, CampaignFacts, Consent, MarketingStage
from domain.messaging import ErasureFacts, ExportFacts, MarketingFacts, MarketingServiceFacts, MigrationFacts
from domain.migration import HandOver, MigrationStage, Party
from domain.system_tasks import SystemErasure, SystemTask, SystemTaskFacts
from domain.vocabulary import Event, Platform, Stage
from records.one_time_codes import FreshCode
from tests.activities.messaging.samples import facts, line_facts


def postponed(line: str) -> Statement:
    """A line whose billing ends a year later than was foretold."""
    return statement(
        StatementCode.LINE_END_CHANGED, line=line, end_date=date(2027, 12, 31), earlier_end_date=date(2026, 12, 31)
    )


DIFFERENT = {
    "changes": [postponed("L-1"), postponed("V-1")],
    "changes_for_customer": [postponed("L-1")],
}
OPEN = {"verified": False, "open_questions": ["termination_date", "data"], "termination_date": None, "data": None}
CAMPAIGNS = (
    CampaignFacts(id="CMP-1", name="Spring <sale>", action=CampaignAction.PAUSE, activities=("ACT-1", "ACT-2")),
    CampaignFacts(id="CMP-2", name="Brand", action=CampaignAction.DELETE, activities=("ACT-3",)),
)


def stopping(consent: Consent | None = None, *, ads_may_still_run: bool = False) -> dict[str, object]:
    """The facts that a case adds which stops campaigns."""
    about = MarketingFacts(
        campaigns=CAMPAIGNS,
        consent=consent,
        consent_until=datetime(2026, 10, 5, 22, 30, tzinfo=UTC),
        ads_may_still_run=ads_may_still_run,
    )
    stopped = consent is None or not consent.refused
    return {"campaigns": "stop", "marketing": about, "marketing_was_stopped": stopped}


def service(stage: MarketingStage, *, ads_may_still_run: bool = False, verified: bool = True) -> MarketingServiceFacts:
    """The facts of a marketing service that is cancelled alone."""
    return MarketingServiceFacts(
        cancellation="ORG-1/marketing/1",
        organization="ORG-1",
        organization_name="contoso & sons",
        organization_url="https://contoso.crm.example",
        time_zone="Europe/Berlin",
        stage=stage,
        occurred_at=datetime(2026, 9, 21, 22, 45, tzinfo=UTC),
        received_at=datetime(2026, 9, 21, 22, 30, tzinfo=UTC),
        verified=verified,
        intake_ends_at=datetime(2026, 10, 5, 22, 30, tzinfo=UTC),
        marketing=MarketingFacts(
            campaigns=CAMPAIGNS if stage is MarketingStage.STOPPING else (), ads_may_still_run=ads_may_still_run
        ),
    )


EXPORT = ExportFacts(
    tables=7, rows=1_234_567, bytes=48_200_000, warnings=2, link_expires_at=datetime(2027, 1, 8, 12, tzinfo=UTC)
)
ERASURE = ErasureFacts(
    started_at=datetime(2027, 2, 1, 1, tzinfo=UTC),
    finished_at=datetime(2027, 2, 1, 1, 5, tzinfo=UTC),
    tables=7,
    rows=1_234_567,
    objects=16,
    bytes=48_200_000,
    compacted=True,
    own_records_until=datetime(2029, 2, 1, 1, tzinfo=UTC),
)
ELSEWHERE = (
    SystemErasure(
        system="shop",
        requested_at=datetime(2027, 2, 1, 1, 5, tzinfo=UTC),
        confirmed_at=datetime(2027, 2, 3, 9, tzinfo=UTC),
    ),
)
SYSTEM_TASK = SystemTaskFacts(
    system="shop", task=SystemTask.END_ACCESS, requested_at=datetime(2026, 12, 31, 23, tzinfo=UTC), reminder=3
)
PARTLY_KEPT = ERASURE.model_copy(update={"kept_because": "subscription SUB-1002 of the organization still uses it"})
KEPT = PARTLY_KEPT.model_copy(update={"tables": 0, "rows": 0})
NOT_FOUND = ERASURE.model_copy(update={"tables": 0, "rows": 0, "absent_schema": "crm_contoso"})
LINK = "https://offramp.example/links/eyJwIjoiZXhwb3J0In0.Zm9v"
MIGRATION = MigrationFacts(
    stage=MigrationStage.AVAILABLE,
    platform=Platform.MICROSOFT_ONLINE_SERVICES,
    queue="technical_support",
    told=Party.IT_DEPARTMENT,
    hand_over=HandOver.DOWNLOAD,
    since=datetime(2026, 12, 1, 9, tzinfo=UTC),
    deadline=datetime(2026, 12, 31, 9, tzinfo=UTC),
    transfer_at=datetime(2026, 12, 1, 9, tzinfo=UTC),
    transfer=1,
    tables=14,
    rows=182_340,
    bytes=41_231_890,
    sha256="4f0c1ef2b3a44c0c8f3f4d1a4f6f8f0f0d1e2c3b4a5968778695a4b3c2d1e0ff",
    link_expires_at=datetime(2026, 12, 8, 9, tzinfo=UTC),
)
FOR_THE_QUEUE = MIGRATION.model_copy(update={"told": Party.QUEUE})

OPEN_BILLING = tuple(
    OpenLine(
        line=line,
        partner=partner,
        billing_ends_on=date(2026, 12, 31),
        billed_until=date(2028, 12, 31),
        credit_memos=credit_memos,
    )
    for line, partner, credit_memos in (
        ("L-1", Partner.CUSTOMER, ("INV-88", "INV-77")),
        ("L-2", Partner.CUSTOMER, ("INV-78",)),
        ("L-3", Partner.CUSTOMER, ()),
        ("V-1", Partner.VENDOR, ("INV-V",)),
    )
)
FOR_BILLING = {
    "open_billing": OPEN_BILLING,
    "queue": "billing",
    "billing_open_since": datetime(2026, 9, 21, 22, 45, tzinfo=UTC),
}
CREDIT_MEMO_LETTERS = {
    event: letter(event, facts(Stage.SCHEDULED, **FOR_BILLING))
    for event in (Event.CREDIT_MEMO_REMINDER, Event.CREDIT_MEMO_ESCALATED)
}
"""Those to queues, which concern the lines of vendors, too."""

OPEN_OF_A_LINE = {"verified": False, "open_questions": ["termination_date"], "termination_date": None}
WITH_SUBSCRIPTION = {"ends_with_subscription_on": date(2027, 1, 31)}
LINE_LETTERS = {
    "line received": letter(Event.LINE_RECEIVED, line_facts(Stage.INTAKE)),
    "line received with open questions": letter(Event.LINE_RECEIVED, line_facts(Stage.INTAKE, **OPEN_OF_A_LINE)),
    "line intake reminder": letter(Event.LINE_REMINDER, line_facts(Stage.INTAKE, **OPEN_OF_A_LINE)),
    "line scheduled": letter(Event.LINE_SCHEDULED, line_facts(Stage.SCHEDULED)),
    "line scheduled with billing open": letter(
        Event.LINE_SCHEDULED, line_facts(Stage.SCHEDULED, open_billing=OPEN_BILLING[:1])
    ),
    "line rescheduled": letter(Event.LINE_RESCHEDULED, line_facts(Stage.PREPARING, **DIFFERENT)),
    "line reminder": letter(Event.LINE_REMINDER, line_facts(Stage.SCHEDULED)),
    "line effective": letter(Event.LINE_EFFECTIVE, line_facts(Stage.CANCELED)),
    "line reversal reminder": letter(Event.LINE_REVERSAL_REMINDER, line_facts(Stage.CANCELED)),
    "line reversed": letter(Event.LINE_REVERSED, line_facts(Stage.REVERSED)),
    "line reversed beside": letter(Event.LINE_REVERSED, line_facts(Stage.REVERSED, **WITH_SUBSCRIPTION)),
    "line withdrawn": letter(Event.LINE_WITHDRAWN, line_facts(Stage.WITHDRAWN)),
    "line withdrawn beside": letter(Event.LINE_WITHDRAWN, line_facts(Stage.WITHDRAWN, **WITH_SUBSCRIPTION)),
    "line abandoned": letter(Event.LINE_ABANDONED, line_facts(Stage.ABANDONED, **OPEN_OF_A_LINE)),
    "line closed": letter(Event.LINE_CANCELLATION_CLOSED, line_facts(Stage.CLOSED)),
    "line closed with billing open": letter(
        Event.LINE_CANCELLATION_CLOSED, line_facts(Stage.CLOSED, open_billing=OPEN_BILLING[:1])
    ),
    "line billing settled": letter(Event.LINE_BILLING_SETTLED, line_facts(Stage.CANCELED)),
}

EVERY_LETTER = LINE_LETTERS | {
    "received": letter(Event.RECEIVED, facts(Stage.INTAKE)),
    "received with open questions": letter(Event.RECEIVED, facts(Stage.INTAKE, **OPEN)),
    "received by goodwill": letter(Event.RECEIVED, facts(Stage.INTAKE, quote=None, intake_ends_at=None)),
    "scheduled": letter(Event.SCHEDULED, facts(Stage.SCHEDULED)),
    "scheduled otherwise than foretold": letter(Event.SCHEDULED, facts(Stage.SCHEDULED, **DIFFERENT)),
    "rescheduled": letter(Event.RESCHEDULED, facts(Stage.PREPARING, **DIFFERENT)),
    "scheduled with billing open": letter(Event.SCHEDULED, facts(Stage.SCHEDULED, open_billing=OPEN_BILLING)),
    "reminder with billing open": letter(Event.REMINDER, facts(Stage.SCHEDULED, open_billing=OPEN_BILLING)),
    "effective with billing open": letter(Event.EFFECTIVE, facts(Stage.CANCELED, open_billing=OPEN_BILLING)),
    "closed with billing open": letter(Event.CLOSED, facts(Stage.CLOSED, open_billing=OPEN_BILLING)),
    "billing settled": letter(Event.BILLING_SETTLED, facts(Stage.CANCELED)),
    "intake reminder": letter(Event.REMINDER, facts(Stage.INTAKE, **OPEN)),
    "reminder": letter(Event.REMINDER, facts(Stage.SCHEDULED)),
    "effective": letter(Event.EFFECTIVE, facts(Stage.CANCELED)),
    "reversal reminder": letter(Event.REVERSAL_REMINDER, facts(Stage.CANCELED)),
    "reversed": letter(Event.REVERSED, facts(Stage.REVERSED)),
    "withdrawn": letter(Event.WITHDRAWN, facts(Stage.WITHDRAWN)),
    "withdrawn in intake": letter(Event.WITHDRAWN, facts(Stage.WITHDRAWN, **OPEN)),
    "abandoned": letter(Event.ABANDONED, facts(Stage.ABANDONED, **OPEN), reply_to="help@provider.example"),
    "closed": letter(Event.CLOSED, facts(Stage.CLOSED)),
    "consent": letter(Event.MARKETING_CONSENT_REQUESTED, facts(Stage.PREPARING, **stopping(Consent.ASKED)), link=LINK),
    "consent without pages": letter(
        Event.MARKETING_CONSENT_REQUESTED, facts(Stage.PREPARING, **stopping(Consent.ASKED))
    ),
    "kept": letter(Event.MARKETING_KEPT, facts(Stage.PREPARING, **stopping(Consent.TIMED_OUT))),
    "stopped": letter(Event.MARKETING_STOPPED, facts(Stage.CANCELED, **stopping())),
    "scheduled while stopping": letter(Event.SCHEDULED, facts(Stage.SCHEDULED, **stopping(ads_may_still_run=True))),
    "scheduled without consent": letter(Event.SCHEDULED, facts(Stage.SCHEDULED, **stopping(Consent.DECLINED))),
    "withdrawn after a stop": letter(Event.WITHDRAWN, facts(Stage.WITHDRAWN, **stopping())),
    "closed after a stop": letter(Event.CLOSED, facts(Stage.CLOSED, **stopping(ads_may_still_run=True))),
    "service received": letter(Event.MARKETING_CANCELLATION_RECEIVED, service(MarketingStage.INTAKE, verified=False)),
    "service received and verified": letter(Event.MARKETING_CANCELLATION_RECEIVED, service(MarketingStage.INTAKE)),
    "service abandoned": letter(Event.MARKETING_CANCELLATION_ABANDONED, service(MarketingStage.ABANDONED)),
    "service canceled": letter(Event.MARKETING_CANCELED, service(MarketingStage.STOPPING, ads_may_still_run=True)),
    "service without campaigns": letter(Event.MARKETING_CANCELED, service(MarketingStage.CANCELED)),
    "service stopped": letter(Event.MARKETING_STOPPED, service(MarketingStage.STOPPING)),
    "export ready": letter(Event.EXPORT_READY, facts(Stage.PREPARING, export=EXPORT), link=LINK),
    "export ready without pages": letter(Event.EXPORT_READY, facts(Stage.PREPARING, export=EXPORT)),
    "export reminder": letter(Event.EXPORT_REMINDER, facts(Stage.CLOSED, export=EXPORT), link=LINK),
    "migration requested": letter(Event.MIGRATION_REQUESTED, facts(Stage.PREPARING, migration=FOR_THE_QUEUE)),
    "migration scheduled": letter(Event.MIGRATION_SCHEDULED, facts(Stage.PREPARING, migration=MIGRATION)),
    "migrated data": letter(Event.MIGRATION_DATA_AVAILABLE, facts(Stage.PREPARING, migration=MIGRATION), link=LINK),
    "migrated data without pages": letter(Event.MIGRATION_DATA_AVAILABLE, facts(Stage.PREPARING, migration=MIGRATION)),
    "migration downloaded": letter(Event.MIGRATION_DOWNLOADED, facts(Stage.PREPARING, migration=FOR_THE_QUEUE)),
    "migration completed": letter(Event.MIGRATION_COMPLETED, facts(Stage.PREPARING, migration=MIGRATION)),
    "reminder of a download": letter(Event.MIGRATION_REMINDER, facts(Stage.PREPARING, migration=MIGRATION), link=LINK),
    "migration escalated": letter(Event.MIGRATION_ESCALATED, facts(Stage.PREPARING, migration=FOR_THE_QUEUE)),
    "migration ended": letter(Event.MIGRATION_ENDED, facts(Stage.WITHDRAWN, migration=MIGRATION)),
    "data erased": letter(Event.DATA_ERASED, facts(Stage.CLOSED, erasure=ERASURE)),
    "data erased here": letter(Event.DATA_ERASED, facts(Stage.CLOSED, erasure=ERASURE, system_erasures=ELSEWHERE)),
    "erased elsewhere": letter(Event.ERASED_ELSEWHERE, facts(Stage.CLOSED, system_erasures=ELSEWHERE)),
    "system task escalated": letter(Event.SYSTEM_TASK_ESCALATED, facts(Stage.CANCELED, system_task=SYSTEM_TASK)),
    "copies erased": letter(Event.DATA_ERASED, facts(Stage.CLOSED, erasure=KEPT)),
    "partly erased": letter(Event.DATA_ERASED, facts(Stage.CLOSED, erasure=PARTLY_KEPT)),
    "nothing found": letter(Event.DATA_ERASED, facts(Stage.CLOSED, erasure=NOT_FOUND)),
    "code": code_letter(
        FreshCode(
            code="042137",
            number=1,
            salt="5a17",
            recipient="kim.meyer@contoso.example",
            organization_name="contoso & sons",
            time_zone="Europe/Berlin",
            expires_at=datetime(2026, 9, 21, 22, 45, tzinfo=UTC),
        )
    ),
}

ALL_LETTERS = EVERY_LETTER | {event.value: written for event, written in CREDIT_MEMO_LETTERS.items()}
