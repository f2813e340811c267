"""The models of the service's answers and webhooks. Written by `make client`; not to be edited."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from offramp_client.base import Given, Model, Word


class SealBroken(Model):
    """A seal that does not fit what it seals."""

    seal: int
    why: str


class SealedHead(Model):
    """The head of the chain as it is published: whoever keeps it can prove later that nothing before it was changed."""

    seal: int
    head: str
    sealed_at: datetime


class AuditVerification(Model):
    """What a verification of the audit trail found."""

    seals: int
    entries: int
    unsealed: int
    newest: SealedHead | None = None
    broken: tuple[SealBroken, ...] = ()


class Awaited(Word):
    """What a cancellation waits for, which says who must act."""

    CUSTOMER = "customer"
    APPROVAL = "approval"
    MIGRATION = "migration"
    EXPORT = "export"
    CONSENT = "consent"
    BILLING = "billing"
    LINES = "lines"
    TERMINATION_DAY = "termination_day"
    REVERSAL_WINDOW = "reversal_window"
    ERASURE = "erasure"


class RemedyKind(Word):
    """A kind of remedy. Its name, and the names of its values, never change: programs act on them."""

    CORRECT_INPUT = "correct_input"
    CHECK_NUMBER = "check_number"
    CHECK_OR_IMPORT = "check_or_import"
    FOLLOW_CONTRACT = "follow_contract"
    NAME_CASE = "name_case"
    USE_WORKFLOW_ID = "use_workflow_id"
    ASK_SECOND_PERSON = "ask_second_person"
    ASK_PERMITTED_PERSON = "ask_permitted_person"
    ASK_PRINCIPAL_ADMINISTRATOR = "ask_principal_administrator"
    SEND_TOKEN = "send_token"
    LOG_IN = "log_in"
    NOTHING_TO_DO = "nothing_to_do"
    RETRY = "retry"
    RETRY_WHEN = "retry_when"
    REPEAT_REQUEST = "repeat_request"
    REPEAT_LATER = "repeat_later"
    RELEASE_LIMIT = "release_limit"
    START_CANCELLATION = "start_cancellation"
    CANCEL_WHOLE = "cancel_whole"
    CANCEL_LINE = "cancel_line"
    START_ANEW = "start_anew"
    RESTART_CANCELLATION = "restart_cancellation"
    WITHDRAW_CANCELLATION = "withdraw_cancellation"
    REVERSE_CANCELLATION = "reverse_cancellation"
    UNDO_CANCELLATION = "undo_cancellation"
    SHOW_CANCELLATION = "show_cancellation"
    SIGN_UP_ANEW = "sign_up_anew"
    SEND_CODE = "send_code"
    CHECK_CODE = "check_code"
    SEND_CODE_OR_ATTEST = "send_code_or_attest"
    ATTEST = "attest"
    CORRECT_ADDRESS_OR_ATTEST = "correct_address_or_attest"
    CANCEL_MARKETING_SERVICE = "cancel_marketing_service"
    KEEP_SIGN_UP = "keep_sign_up"
    SIGN_UP_MARKETING_ANEW = "sign_up_marketing_anew"
    ACKNOWLEDGE_STOP = "acknowledge_stop"
    SHOW_EXPORT = "show_export"
    SHOW_ERASURE = "show_erasure"
    CHOOSE_EXPORT_DIRECTORY = "choose_export_directory"
    ASK_FOR_MIGRATION = "ask_for_migration"
    WAIT_FOR_MIGRATION = "wait_for_migration"
    ACCEPT_MIGRATION = "accept_migration"
    CHANGE_TRANSFER_TIME = "change_transfer_time"
    TRANSFER_AGAIN = "transfer_again"
    ACKNOWLEDGE_DOWNLOAD = "acknowledge_download"
    CONFIRM_MIGRATION = "confirm_migration"
    AWAIT_DATA = "await_data"
    ASK_FOR_LINK = "ask_for_link"
    USE_NEWEST_LINK = "use_newest_link"
    OPEN_WHOLE_LINK = "open_whole_link"
    GO_BACK = "go_back"
    IMPORT_ORGANIZATION = "import_organization"
    IMPORT_DATA_SCHEMA = "import_data_schema"
    IMPORT_AGAIN = "import_again"
    CORRECT_DOCUMENT = "correct_document"
    IMPORT_AND_CREDIT = "import_and_credit"
    POST_CREDIT_MEMO = "post_credit_memo"
    CREDIT_INVOICES = "credit_invoices"
    REPORT_INVOICE = "report_invoice"
    LIST_HOLDS = "list_holds"
    PLACE_HOLD = "place_hold"
    ENSURE_SCHEDULE = "ensure_schedule"
    FORCE_RUN = "force_run"
    LIST_RUNS = "list_runs"
    AWAIT_RUN = "await_run"
    CONFIGURE = "configure"
    CONFIGURE_DATABASE_LOGIN = "configure_database_login"
    CONFIGURE_OBJECT_KEYS = "configure_object_keys"
    CONFIGURE_TEMPORAL = "configure_temporal"
    PROVIDE_KEY = "provide_key"
    CREATE_NAMESPACE = "create_namespace"
    START_SERVICE = "start_service"
    UPGRADE_SCHEMA = "upgrade_schema"
    CHECK_DATABASE = "check_database"
    CHECK_DATA_SCHEMA = "check_data_schema"
    CHECK_FOR_DAMAGE = "check_for_damage"
    PREPARE_TENANT = "prepare_tenant"
    REVIEW_TENANT_CODE = "review_tenant_code"
    ASK_DATABASE_ADMINISTRATOR = "ask_database_administrator"
    INSTALL_PG_DUMP = "install_pg_dump"
    CHECK_OBJECT_STORE = "check_object_store"
    FREE_OBJECT_STORE = "free_object_store"
    GRANT_OBJECT_STORE = "grant_object_store"
    LOOK_FOR_OBJECT = "look_for_object"
    RESTORE_OBJECTS = "restore_objects"
    USE_FOLDER = "use_folder"
    REPAIR_WORKFLOW = "repair_workflow"
    RESTART_WORKFLOW = "restart_workflow"
    REPORT_DEFECT = "report_defect"
    OPERATE = "operate"


class Remedy(Model):
    """A way out of a refusal, in the form in which it crosses a process boundary."""

    kind: RemedyKind | str
    values: dict[str, str] = Field(default_factory=dict)


class ProblemDetails(Model):
    """A problem in the form in which it crosses a process boundary."""

    path: str
    code: str
    message: str
    way_out: str = ""
    values: dict[str, str] = Field(default_factory=dict)
    remedy: Remedy | None = None


class EntryReport(Model):
    """What became of one entry."""

    path: str
    result: str
    line: str | None = None
    next_billing_date: date | None = None
    posted: tuple[str, ...] = ()
    subscription: str | None = None
    credited: tuple[str, ...] = ()
    newest_sequence: int | None = None
    problems: tuple[ProblemDetails, ...] = ()


class BillingReport(Model):
    """The result of a billing document, in total and by entry."""

    source: str
    sequence: int
    taken: int
    unchanged: int
    outdated: int
    refused: int
    lines: tuple[EntryReport, ...]
    not_shown: int = 0


class BulkRowContent(Model):
    """What a row is to be started with: the words and answers that whoever confirms the bulk puts their name to."""

    answers: dict[str, str] = Field(default_factory=dict)
    attestation: str | None = None
    goodwill: str | None = None
    reason: str | None = None
    reason_code: str | None = None
    received_on: date | None = None
    received_at: datetime | None = None
    channel: str | None = None
    received_because: str | None = None


class RefusalDetails(Model):
    """A refusal in the form in which it crosses a process boundary."""

    code: str
    message: str
    way_out: str = ""
    values: dict[str, str] = Field(default_factory=dict)
    remedy: Remedy | None = None


class RowGoodwill(Model):
    """The consequences of the goodwill that a row asks for, once somebody has approved it who neither planned nor
    confirmed it.
    """

    ends: dict[str, date]
    credit_memos: tuple[str, ...]
    billing_ends_on: date | None = None


class RowQuote(Model):
    """The consequences of a row, as far as a plan shows them."""

    received_on: date
    ends: dict[str, date]
    credit_memos: tuple[str, ...]
    open_questions: tuple[str, ...]
    access_ends_on: date | None = None
    billing_ends_on: date | None = None
    case_before: str | None = None
    goodwill: RowGoodwill | None = None


class RowState(Word):
    """How far a row is. The names are stored and sent: they never change."""

    PLANNING = "planning"
    READY = "ready"
    UNDER_WAY = "under_way"
    STARTED = "started"
    ALREADY_RUNNING = "already_running"
    REFUSED = "refused"
    NOT_STARTED = "not_started"


class BulkRowView(Model):
    """One row: what the plan shows of it, and its result."""

    number: int
    subscription: str
    state: RowState
    organization: str | None = None
    cancellation: str | None = None
    quote: RowQuote | None = None
    refusal: RefusalDetails | None = None
    begun_at: datetime | None = None
    settled_at: datetime | None = None
    content: BulkRowContent | None = None


class BulkRowPage(Model):
    """Some rows of a bulk, by their numbers."""

    bulk: str
    rows: tuple[BulkRowView, ...]
    next: int | None = None


class BulkState(Word):
    """How far a bulk is. The names are stored and sent: they never change."""

    PLANNING = "planning"
    PLANNED = "planned"
    RUNNING = "running"
    STOPPED = "stopped"
    KILLED = "killed"
    EXPIRED = "expired"
    FINISHED = "finished"


class BulkCost(Model):
    """What a plan would cost, of the rows that can be started, or were."""

    credit_memos: int
    rows_with_credit_memos: int
    rows_with_open_questions: int
    access_ends_from: date | None = None
    access_ends_until: date | None = None
    billing_ends_from: date | None = None
    billing_ends_until: date | None = None
    rows_with_goodwill: int = 0
    goodwill_ends_from: date | None = None
    goodwill_ends_until: date | None = None
    goodwill_credit_memos: int = 0


class BulkKind(Word):
    """What a bulk is made of. The names are stored and sent: they never change."""

    ROWS = "rows"
    ORGANIZATION = "organization"


class BulkSwitch(Model):
    """The kill switch of the installation."""

    off_since: datetime | None = None
    switched_by: str | None = None
    reason: str | None = None


class BulkStatus(Model):
    """One bulk, with what its plan would cost, and what was refused."""

    bulk: str
    kind: BulkKind
    source: str
    state: BulkState
    reason: str
    planned_by: str
    planned_at: datetime
    total: int
    needs_second_person: bool
    at_once: int
    per_minute: int
    rows: dict[str, int]
    cost: BulkCost
    refusals: dict[str, int]
    switch: BulkSwitch
    organization: str | None = None
    ready: int | None = None
    digest: str | None = None
    confirm_until: datetime | None = None
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    confirmed_because: str | None = None
    halted_by: str | None = None
    halted_at: datetime | None = None
    halted_because: str | None = None
    ended_at: datetime | None = None


class BulkView(Model):
    """One bulk, as it is listed."""

    bulk: str
    kind: BulkKind
    source: str
    state: BulkState
    reason: str
    planned_by: str
    planned_at: datetime
    total: int
    needs_second_person: bool
    at_once: int
    per_minute: int
    rows: dict[str, int]
    organization: str | None = None
    ready: int | None = None
    digest: str | None = None
    confirm_until: datetime | None = None
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None
    confirmed_because: str | None = None
    halted_by: str | None = None
    halted_at: datetime | None = None
    halted_because: str | None = None
    ended_at: datetime | None = None


class CampaignAction(Word):
    """The way in which a campaign's activities are stopped. Either ends the ad billing."""

    PAUSE = "pause"
    DELETE = "delete"


class ErasureFacts(Model):
    """The content of a certificate of erasure: its instants, and the amounts erased."""

    started_at: datetime
    finished_at: datetime
    tables: int
    rows: int
    objects: int
    bytes: int
    compacted: bool
    """True if the object store has compacted its files since: the bytes are gone from its disks."""
    kept_because: str | None = None
    """The reason why the organization's own data stays, or is not erased with this case; null if it is."""
    absent_schema: str | None = None
    """The schema that was to be erased and was not there: removed by others, or looked for in a wrong database."""
    own_records_until: datetime | None = None
    """The instant from which answers, letters and words about the cancellation are removed; null from earlier versions.
    """


class ExportFacts(Model):
    """The facts of a message about an export."""

    tables: int
    rows: int
    bytes: int
    warnings: int
    link_expires_at: datetime


class CampaignToStop(Model):
    """One campaign that is being stopped, as messages describe it."""

    id: str
    action: CampaignAction
    activities: tuple[str, ...]
    """The ids of the activities that are to be stopped."""
    acknowledged: bool


class Consent(Word):
    """The state of the consent of the marketing service's own billing administrator."""

    ASKED = "asked"
    AGREED = "agreed"
    DECLINED = "declined"
    TIMED_OUT = "timed_out"


class MarketingFacts(Model):
    """The facts of a message about campaigns that are, or were, to be stopped."""

    campaigns: tuple[CampaignToStop, ...]
    """The campaigns that the message is about; in a request to the ad centre, one at a time."""
    ads_may_still_run: bool
    """True while the ad centre has not acknowledged all of them."""
    reminder: int
    """The number of earlier requests to the ad centre."""
    consent: Consent | None = None
    """The state of the consent of the service's own administrator, where it was needed."""
    consent_until: datetime | None = None


class HandOver(Word):
    """A hand-over from one party to the next, which may take too long."""

    ACCEPTANCE = "acceptance"
    TRANSFER = "transfer"
    DOWNLOAD = "download"
    COMPLETION = "completion"


class MigrationStage(Word):
    """The stage of a migration (rules, section 10)."""

    REQUESTED = "requested"
    SCHEDULED = "scheduled"
    TRANSFERRING = "transferring"
    AVAILABLE = "available"
    DOWNLOADED = "downloaded"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"
    ABANDONED = "abandoned"


class Party(Word):
    """A recipient of messages about a migration."""

    QUEUE = "queue"
    IT_DEPARTMENT = "it_department"
    ESCALATION = "escalation"
    BILLING_ADMINISTRATOR = "billing_administrator"


class Platform(Word):
    """The platform of an organization; it decides which support team a migration request goes to."""

    MICROSOFT_ONLINE_SERVICES = "microsoft_online_services"
    COMMERCE_TRANSACTION = "commerce_transaction"


class MigrationFacts(Model):
    """The facts of a message about an on-premises migration, without the IT department's address."""

    stage: MigrationStage
    platform: Platform
    queue: str
    told: Party
    """The recipient of the message, or, of one that goes to systems alone, its would-be recipient."""
    since: datetime
    """The beginning of the wait."""
    transfer: int
    """The number of the transfer that the message is about, from 1; 0 before the first."""
    hand_over: HandOver | None = None
    """The hand-over that the migration waits for."""
    deadline: datetime | None = None
    """The instant at which the wait is given up."""
    transfer_at: datetime | None = None
    tables: int | None = None
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    link_expires_at: datetime | None = None


class Partner(Word):
    """The side of the business to which a line belongs."""

    CUSTOMER = "customer"
    VENDOR = "vendor"


class OpenLine(Model):
    """A line whose end is decided and not set yet, because days after it are invoiced (rules, section 6)."""

    line: str
    partner: Partner
    billing_ends_on: date
    billed_until: date
    credit_memos: tuple[str, ...] = ()


class StatementCode(Word):
    """A kind of step or change. Codes are never renamed and never change their meaning or their values."""

    NONE = ""
    GOODWILL = "goodwill"
    GOODWILL_BINDS_NO_VENDOR = "goodwill_binds_no_vendor"
    END_DATE_NOT_POSTPONED = "end_date_not_postponed"
    END_DATE_BROUGHT_FORWARD = "end_date_brought_forward"
    END_DATE_SET = "end_date_set"
    NO_TERM = "no_term"
    NO_NOTICE_PERIOD = "no_notice_period"
    NOTICE_PERIOD = "notice_period"
    DEADLINE_MET = "deadline_met"
    DEADLINE_MET_EARLY = "deadline_met_early"
    DEADLINE_MET_ON_LAST_DAY = "deadline_met_on_last_day"
    DEADLINE_MISSED = "deadline_missed"
    DEADLINE_MISSED_AS_WELL = "deadline_missed_as_well"
    DEADLINE_MISSED_NO_EXTENSION = "deadline_missed_no_extension"
    NO_DEADLINE_NO_EXTENSION = "no_deadline_no_extension"
    FIRST_TERM = "first_term"
    WISH_BEFORE_END = "wish_before_end"
    WISH_AFTER_TERM = "wish_after_term"
    WISH_AFTER_END = "wish_after_end"
    NOT_BEFORE_START = "not_before_start"
    NEVER_STARTS = "never_starts"
    LINE_ENDS = "line_ends"
    BILLED_BEYOND_END = "billed_beyond_end"
    LATER_SAME_END = "later_same_end"
    LATER_OTHER_END = "later_other_end"
    LATER_GOODWILL_REFUSED = "later_goodwill_refused"
    LATER_OUT_OF_RANGE = "later_out_of_range"
    ALTERNATIVE_SAVES = "alternative_saves"
    ALTERNATIVE_COSTS = "alternative_costs"
    ALTERNATIVE_END_OF_TERM = "alternative_end_of_term"
    LINE_IS_NEW = "line_is_new"
    LINE_END_CHANGED = "line_end_changed"
    LINE_IS_CLOSED = "line_is_closed"


class Statement(Model):
    """A step of a decision, or a change since an earlier one: a code and values for programs, a sentence for people."""

    code: StatementCode
    text: str
    values: dict[str, str | int] = Field(default_factory=dict)


class Termination(Word):
    """The way in which the end of access is asked for (rules, section 7)."""

    ON_DATE = "on_date"
    NOW = "now"
    END_OF_TERM = "end_of_term"


class Alternative(Model):
    """Another end of access, and its consequence for the customer."""

    terminate_on: date | Termination
    access_ends_on: date
    statement: Statement


class LineDecision(Model):
    """The end of one line if a cancellation is received on a given day, and the reasons."""

    line_id: str
    received_on: date
    wished_on: date
    end_date: date
    rule: int
    in_due_time: bool
    billed_beyond_end: bool
    explanation: tuple[Statement, ...]
    one_day_later: date | None = None
    one_day_later_explanation: Statement | None = None


class LineQuote(Model):
    """The consequences of cancelling for one line."""

    partner: Partner
    decision: LineDecision
    credit_memos: tuple[str, ...]
    credit_from: date | None = None


class Quote(Model):
    """The consequences of cancelling. Access ends on the wished day, billing line by line (rules, section 1)."""

    subscription: str
    received_on: date
    access_ends_on: date
    goodwill: bool
    lines: tuple[LineQuote, ...]
    termination: Termination = Termination("on_date")
    ended_on: date | None = None
    line: str | None = None
    alternatives: tuple[Alternative, ...] = ()


class ReceiptChannel(Word):
    """The way by which a request was received: by a person of ours, or by a system that passes it on."""

    LETTER = "letter"
    PHONE = "phone"
    MAIL = "mail"
    PORTAL = "portal"
    SYSTEM = "system"


class Stage(Word):
    """The stage of a cancellation (rules, section 8)."""

    INTAKE = "intake"
    PREPARING = "preparing"
    SCHEDULED = "scheduled"
    CANCELED = "canceled"
    REVERSED = "reversed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"
    ABANDONED = "abandoned"


class SystemErasure(Model):
    """What a system has to do with an erasure, as a certificate says it."""

    system: str
    requested_at: datetime
    confirmed_at: datetime | None = None
    """Null as long as data may still be kept there."""


class SystemTask(Word):
    """A task of a system in one cancellation."""

    END_ACCESS = "end_access"
    RESTORE_ACCESS = "restore_access"
    ERASE = "erase"


class SystemTaskFacts(Model):
    """The facts of a message about the task of one system."""

    system: str
    task: SystemTask
    requested_at: datetime
    reminder: int
    """How often the system was asked before."""


class CancellationData(Model):
    """The facts from which a message is written. Webhooks carry them without `NOT_FOR_SYSTEMS`."""

    cancellation: str
    subscription: str
    description: str
    """The subscription's name, as its customer knows it."""
    organization: str
    time_zone: str
    stage: Stage
    occurred_at: datetime
    """The legal instant of the event."""
    received_at: datetime
    """The legal instant of the receipt of the cancellation."""
    received_on: date
    changes: tuple[Statement, ...]
    """The differences from the statement before, on all lines: for systems, never for a letter."""
    open_questions: tuple[str, ...]
    verified: bool
    lines: tuple[str, ...]
    """The ids of the lines that the event is about, where it is about lines."""
    open_billing: tuple[OpenLine, ...]
    """The lines whose end waits for credit memos, those of vendors too."""
    marketing_was_stopped: bool
    system_erasures: tuple[SystemErasure, ...]
    """The systems that were asked to erase as well, in a certificate of erasure."""
    termination: Termination | None = None
    """The way in which the end of access is asked for."""
    channel: ReceiptChannel | None = None
    """The way by which the cancellation was received, where that was stated."""
    request_id: str | None = None
    """The request that opened the cancellation; null in messages of versions before 0.3."""
    request_channel: ReceiptChannel | None = None
    """The way by which the request was received that led to this event, where that was stated."""
    recorded_at: datetime | None = None
    """The instant at which the event was recorded, where a request led to it that had been received earlier."""
    termination_date: date | None = None
    """The last day of access; the day of receipt where it is to end at once."""
    access_ends_at: datetime | None = None
    """The instant at which the last day of access, or the last day of a line, is over."""
    data: str | None = None
    campaigns: str | None = None
    access_ended_on: date | None = None
    reversal_deadline: datetime | None = None
    """The first instant at which a reversal is too late."""
    quote: Quote | None = None
    intake_ends_at: datetime | None = None
    """The instant at which an unfinished checklist is given up."""
    reason_code: str | None = None
    """The reason for leaving, of those that the organization's policy lists."""
    invoice: str | None = None
    """The invoice that an event about a credit memo is about."""
    credit_from: date | None = None
    """The day from which on it suffices to credit that invoice."""
    billing_open_since: datetime | None = None
    """The instant since which they wait, in a reminder of them."""
    queue: str | None = None
    """The support queue that a reminder of credit memos is for."""
    marketing: MarketingFacts | None = None
    """The facts about the campaigns, where they were to be stopped."""
    export: ExportFacts | None = None
    erasure: ErasureFacts | None = None
    migration: MigrationFacts | None = None
    system_task: SystemTaskFacts | None = None


class StageDays(Model):
    """The days that cases stayed at a stage, of 24 hours, those that have left it alone."""

    cases: int
    mean: float
    median: float


class ReportRow(Model):
    """The cases received in a month, or in all, with a reason, or with any."""

    month: str | None = None
    reason_code: str | None = None
    started: int = 0
    running: int = 0
    reversed: int = 0
    withdrawn: int = 0
    abandoned: int = 0
    closed: int = 0
    days: dict[str, StageDays] = Field(default_factory=dict)


class CancellationReport(Model):
    """The outcomes of the cancellations received in a range of months."""

    rows: tuple[ReportRow, ...]
    months: tuple[ReportRow, ...]
    reasons: tuple[ReportRow, ...]
    total: ReportRow
    first_month: str | None = None
    last_month: str | None = None
    organization: str | None = None


class ExportStatus(Word):
    """The state of the export of the data."""

    RUNNING = "running"
    READY = "ready"
    ACKNOWLEDGED = "acknowledged"
    ERASED = "erased"


class OpenTask(Model):
    """A task that a system has not confirmed."""

    system: str
    task: SystemTask
    requested_at: datetime


class Proposal(Model):
    """What a goodwill would do, for its approval."""

    digest: str
    quote: Quote


class Question(Word):
    """A point of the checklist that must be answered before anything happens."""

    BILLING_ADMINISTRATOR = "billing_administrator"
    ORGANIZATION_URL = "organization_url"
    ORGANIZATION_NAME = "organization_name"
    TERMINATION_DATE = "termination_date"
    DATA = "data"
    CAMPAIGNS = "campaigns"


class CancellationStatus(Model):
    """The status of one cancellation: the result of the query ``status``, of every update and of the workflow itself."""

    cancellation: str
    subscription: str
    organization: str
    time_zone: str
    stage: Stage
    request_id: str
    received_at: datetime
    waiting_for: str
    reason_code: str | None = None
    channel: ReceiptChannel | None = None
    stage_deadline: datetime | None = None
    open_questions: tuple[Question, ...] = ()
    verified: bool = False
    termination: Termination | None = None
    termination_date: date | None = None
    reversal_deadline: datetime | None = None
    quote: Quote | None = None
    proposal: Proposal | None = None
    version: str = ""
    outstanding_credit_memos: tuple[str, ...] = ()
    open_billing: tuple[OpenLine, ...] = ()
    undelivered: tuple[str, ...] = ()
    last_refusal: RefusalDetails | None = None
    held_up_because: str = ""
    access_ended_on: date | None = None
    marketing_consent: Consent | None = None
    campaigns_stopped: tuple[str, ...] | None = None
    campaigns_outstanding: tuple[str, ...] = ()
    system_tasks: tuple[OpenTask, ...] = ()
    ads_may_still_run: bool = False
    export: ExportStatus | None = None
    erasure_waits_for: str | None = None
    erased_at: datetime | None = None


class CaseEvent(Model):
    """Something that happened to a case; nothing of what people wrote. ``at`` is UTC."""

    entry: int
    at: datetime
    action: str
    actor: str
    cancellation: str
    organization: str | None = None
    subscription: str | None = None
    subscription_line: str | None = None


class AuditEntry(Model):
    """One entry of the audit trail, as it is listed; ``at`` is UTC."""

    at: datetime
    actor: str
    action: str
    cancellation: str | None = None
    line: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    why: str | None = None


class CaseHistory(Model):
    """A page of the audit trail of a subscription, oldest entry first."""

    subscription: str
    time_zone: str
    entries: tuple[AuditEntry, ...]
    next: int | None = None


class CaseSummary(Model):
    """One cancellation in a list."""

    cancellation: str
    subscription: str
    organization: str
    time_zone: str
    stage: Stage
    waits_for: tuple[Awaited, ...]
    received_at: datetime
    verified: bool
    request_id: str
    subscription_line: str | None = None
    reason_code: str | None = None
    channel: ReceiptChannel | None = None
    termination: Termination | None = None
    termination_date: date | None = None
    line_ends_on: date | None = None
    access_ended_on: date | None = None
    reversal_deadline: datetime | None = None
    stage_deadline: datetime | None = None
    ended_at: datetime | None = None
    quote: Quote | None = None


class CasePage(Model):
    """A part of a list of cancellations."""

    cancellations: tuple[CaseSummary, ...]
    next: str | None = None
    counts: dict[str, int] | None = None


class ConsentDecision(Word):
    """The answer of the marketing service's own billing administrator."""

    AGREED = "agreed"
    DECLINED = "declined"


class CreditMemoPosted(Model):
    """A credit memo that was posted."""

    subscription: str
    invoice: str
    number: str
    credits_from: date | None = None


class Delivery(Model):
    """One message to an endpoint, and how it fared. Its content is in the case that it is about."""

    message: str
    number: int
    endpoint: str
    event: str
    created_at: datetime
    state: str
    attempts: int
    cancellation: str | None = None
    delivered_at: datetime | None = None
    failure: str | None = None
    last_attempt_at: datetime | None = None
    last_status: int | None = None


class DeliveryPage(Model):
    """A page of what an endpoint was sent, the newest first."""

    deliveries: tuple[Delivery, ...]
    next: int | None = None


class ExportSummary(Model):
    """The contents of a finished export, and its place in the object store."""

    prefix: str
    manifest_sha256: str
    tables: int
    rows: int
    bytes: int
    warnings: int


class ExportState(Model):
    """The state of an export."""

    cancellation: str
    attempts: int
    started_at: datetime
    links: int
    finished_at: datetime | None = None
    summary: ExportSummary | None = None
    link_expires_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    erased_at: datetime | None = None
    being_erased: bool = False


class DescribedExport(Model):
    """A finished export, with the organization that owns its data."""

    state: ExportState
    summary: ExportSummary
    organization_name: str
    time_zone: str
    administrator: str


class Duty(Word):
    """What a system has registered for."""

    ACCESS = "access"
    ERASURE = "erasure"


class EndpointState(Word):
    """The state of an endpoint."""

    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class Endpoint(Model):
    """One endpoint, as people who run the installation see it. Its URL is shown without its query, which may hold a
    token.
    """

    name: str
    events: tuple[str, ...]
    state: EndpointState
    created_at: datetime
    created_by: str
    url: str | None = None
    duties: tuple[Duty, ...] = ()
    owner: str | None = None
    paused_at: datetime | None = None
    paused_by: str | None = None
    paused_because: str | None = None
    failing_since: datetime | None = None
    last_failure: str | None = None
    pending: int = 0
    put_off: int = 0
    put_off_since: datetime | None = None


class EndpointSecret(Model):
    """An endpoint with the secret that signs its messages, which is shown when it is made and never again."""

    endpoint: Endpoint
    secret: str
    previous_until: datetime | None = None


class ExportProgress(Model):
    """The progress of an export. Every row is read twice, for the CSV file and for the workbook: a row that is in one of
    the two counts half in ``rows_done``. The estimates are the database's own, corrected by what was counted.
    """

    table: str
    tables_done: int
    tables: int
    rows: int
    rows_done: int
    rows_estimated: int
    percent: float
    seconds_left: float | None = None


class ExportView(Model):
    """The state of an export as people read it."""

    cancellation: str
    time_zone: str
    state: ExportState | None = None
    progress: ExportProgress | None = None
    attempt: int | None = None
    held_up_by: str | None = None
    is_taken_over: bool = False


class FileLink(Model):
    """A file in the store, and a link to it that works for `LINK_LIFETIME`."""

    name: str
    bytes: int
    link: str


class Hold(Model):
    """One legal hold, in force or released."""

    id: int
    organization: str
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str | None = None
    released_at: datetime | None = None
    release_reason: str | None = None


class Identity(Model):
    """The information that a cancellation and its reversal must both give (rules, section 8)."""

    billing_administrator: str
    organization_url: str
    organization_name: str


class Counts(Model):
    """The numbers of created, changed and unchanged entries of one kind."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0


class ImportReport(Model):
    """The result of an import, in total and by kind."""

    total: Counts
    kinds: dict[str, Counts]


class Place(Word):
    """A place where personal data is kept. The names are part of the JSON of ``offramp privacy find``: they never
    change.
    """

    ORGANIZATION = "organization"
    MARKETING_SERVICE = "marketing_service"
    SUPPORT_QUEUE = "support_queue"
    CHECKLIST = "checklist"
    REASON = "reason"
    LETTER = "letter"
    BULK = "bulk"
    WEBHOOK_ENDPOINT = "webhook_endpoint"
    CONTACT = "contact"
    AUDIT_TRAIL = "audit_trail"
    REFUSAL = "refusal"


class Kept(Model):
    """Something that is kept about a person in one place, about one case or one entry of the import."""

    place: Place
    about: str
    number: int
    held: bool
    until: datetime | None = None


class LimitScope(Word):
    """Whose starts, codes, tries and links are counted together. The names are stored and sent: they never change."""

    ADDRESS = "address"
    ORGANIZATION = "organization"
    CALLER = "caller"


class Limited(Word):
    """A thing of which there are so many and no more. The names are stored and sent: they never change."""

    STARTS = "starts"
    CODES = "codes"
    TRIES = "tries"
    LINKS = "links"
    CORRECTIONS = "corrections"


class Limit(Model):
    """One limit, as it is listed."""

    limited: Limited
    scope: LimitScope
    number: int | None = None


class LimitRelease(Model):
    """What a supervisor released."""

    scope: LimitScope
    subject: str
    uses: int


class LineCancellationData(Model):
    """The facts of a message about the cancellation of one line; the access in them is that of a subscription that goes
    on.
    """

    cancellation: str
    subscription: str
    description: str
    """The subscription's name, as its customer knows it."""
    organization: str
    time_zone: str
    stage: Stage
    occurred_at: datetime
    """The legal instant of the event."""
    received_at: datetime
    """The legal instant of the receipt of the cancellation."""
    received_on: date
    changes: tuple[Statement, ...]
    """The differences from the statement before, on all lines: for systems, never for a letter."""
    open_questions: tuple[str, ...]
    verified: bool
    lines: tuple[str, ...]
    """The ids of the lines that the event is about, where it is about lines."""
    open_billing: tuple[OpenLine, ...]
    """The lines whose end waits for credit memos, those of vendors too."""
    marketing_was_stopped: bool
    system_erasures: tuple[SystemErasure, ...]
    """The systems that were asked to erase as well, in a certificate of erasure."""
    subscription_line: str
    termination: Termination | None = None
    """The way in which the end of access is asked for."""
    channel: ReceiptChannel | None = None
    """The way by which the cancellation was received, where that was stated."""
    request_id: str | None = None
    """The request that opened the cancellation; null in messages of versions before 0.3."""
    request_channel: ReceiptChannel | None = None
    """The way by which the request was received that led to this event, where that was stated."""
    recorded_at: datetime | None = None
    """The instant at which the event was recorded, where a request led to it that had been received earlier."""
    termination_date: date | None = None
    """The last day of access; the day of receipt where it is to end at once."""
    access_ends_at: datetime | None = None
    """The instant at which the last day of access, or the last day of a line, is over."""
    data: str | None = None
    campaigns: str | None = None
    access_ended_on: date | None = None
    reversal_deadline: datetime | None = None
    """The first instant at which a reversal is too late."""
    quote: Quote | None = None
    intake_ends_at: datetime | None = None
    """The instant at which an unfinished checklist is given up."""
    reason_code: str | None = None
    """The reason for leaving, of those that the organization's policy lists."""
    invoice: str | None = None
    """The invoice that an event about a credit memo is about."""
    credit_from: date | None = None
    """The day from which on it suffices to credit that invoice."""
    billing_open_since: datetime | None = None
    """The instant since which they wait, in a reminder of them."""
    queue: str | None = None
    """The support queue that a reminder of credit memos is for."""
    marketing: MarketingFacts | None = None
    """The facts about the campaigns, where they were to be stopped."""
    export: ExportFacts | None = None
    erasure: ErasureFacts | None = None
    migration: MigrationFacts | None = None
    system_task: SystemTaskFacts | None = None
    line_ends_on: date | None = None
    """The last day on which the line is billed, as decided; `access_ends_at` is the instant at which that day is over.
    """
    ends_with_subscription_on: date | None = None
    """The last day of a line whose cancellation was undone, where its subscription is cancelled and takes it along."""


class LineCancellationStatus(Model):
    """The status of the cancellation of one line; fields mean the same as in `CancellationStatus`."""

    cancellation: str
    subscription: str
    organization: str
    time_zone: str
    stage: Stage
    request_id: str
    received_at: datetime
    waiting_for: str
    subscription_line: str
    reason_code: str | None = None
    channel: ReceiptChannel | None = None
    stage_deadline: datetime | None = None
    open_questions: tuple[Question, ...] = ()
    verified: bool = False
    termination: Termination | None = None
    termination_date: date | None = None
    reversal_deadline: datetime | None = None
    quote: Quote | None = None
    proposal: Proposal | None = None
    version: str = ""
    outstanding_credit_memos: tuple[str, ...] = ()
    open_billing: tuple[OpenLine, ...] = ()
    undelivered: tuple[str, ...] = ()
    last_refusal: RefusalDetails | None = None
    held_up_because: str = ""
    line_ends_on: date | None = None


class ChangedLine(Model):
    """One line, with its dates after the run."""

    id: str
    subscription: str
    partner: Partner
    contract: str | None = None
    term_until: date | None = None
    cancellation_possible_until: date | None = None
    end_date: date | None = None


class LineDatesData(Model):
    """The facts of a message about lines that one run of the update has closed, or rolled."""

    run: str
    """The run, as the audit trail names it."""
    as_of: date
    """The day as of which all of the lines were updated."""
    lines: tuple[ChangedLine, ...]
    """Up to 1,000 of them; those that remain are in another message."""


class FailedLine(Model):
    """A line that an update, or the restoration of one, left as it was, and the reason."""

    id: str
    subscription: str
    code: str
    message: str


class Scope(Given):
    """The lines that an update covers: those of one contract or of one subscription, or, with nothing set, all."""

    customer_contract: str | None = None
    vendor_contract: str | None = None
    subscription: str | None = None


class LineDatesProgress(Model):
    """The progress of a run of the update, and in the end its result."""

    run: str
    as_of: date
    zone: str
    started_at: datetime
    instant: datetime | None = None
    scope: Scope = Field(default_factory=Scope)
    due: int = 0
    closed: int = 0
    rolled: int = 0
    unchanged: int = 0
    failed: int = 0
    failures: tuple[FailedLine, ...] = ()
    never_billed: int = 0
    never_billed_lines: tuple[FailedLine, ...] = ()
    busy: int = 0
    passes: int = 0
    untold: int = 0
    finished_at: datetime | None = None


class ListedLine(Model):
    """A line in a list."""

    id: str
    start_date: date
    billing_rhythm: str
    subscription: str | None = None
    partner: Partner = Partner("customer")
    contract: str | None = None
    initial_term: str | None = None
    subsequent_term: str | None = None
    notice_period: str | None = None
    next_billing_date: date | None = None
    term_until: date | None = None
    cancellation_possible_until: date | None = None
    end_date: date | None = None
    open_billing_line: bool = False
    closed: bool = False
    frozen: bool = False
    frozen_by: str | None = None
    due_after: date | None = None


class MarketingStage(Word):
    """The stage of the cancellation of a marketing service alone."""

    INTAKE = "intake"
    STOPPING = "stopping"
    CANCELED = "canceled"
    ABANDONED = "abandoned"


class MarketingCancellationData(Model):
    """The facts of a message about the cancellation of a marketing service alone."""

    cancellation: str
    organization: str
    time_zone: str
    stage: MarketingStage
    occurred_at: datetime
    """The legal instant of the event."""
    received_at: datetime
    """The legal instant of the receipt of the cancellation."""
    verified: bool
    marketing: MarketingFacts
    channel: ReceiptChannel | None = None
    request_id: str | None = None
    request_channel: ReceiptChannel | None = None
    recorded_at: datetime | None = None
    intake_ends_at: datetime | None = None
    """The instant at which an unfinished checklist is given up."""


class MarketingCancellationStatus(Model):
    """The status of the cancellation of a marketing service; fields mean the same as in `CancellationStatus`."""

    cancellation: str
    organization: str
    time_zone: str
    stage: MarketingStage
    request_id: str
    received_at: datetime
    waiting_for: str
    channel: ReceiptChannel | None = None
    stage_deadline: datetime | None = None
    verified: bool = False
    campaigns_stopped: tuple[str, ...] | None = None
    campaigns_outstanding: tuple[str, ...] = ()
    ads_may_still_run: bool = False
    undelivered: tuple[str, ...] = ()
    last_refusal: RefusalDetails | None = None
    held_up_because: str = ""


class FetchedFile(Model):
    """A file that the holder of a link has fetched, at an instant (UTC)."""

    name: str
    by: str
    at: datetime


class MigrationStatus(Model):
    """The status of one migration: the result of its query ``status``, of its updates, and of the workflow itself."""

    cancellation: str
    subscription: str
    organization: str
    time_zone: str
    platform: Platform
    queue: str
    stage: MigrationStage
    waiting_for: str
    requested_at: datetime
    stage_deadline: datetime | None = None
    transfer_at: datetime | None = None
    transfer: int = 0
    tables: int | None = None
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    undelivered: tuple[str, ...] = ()
    last_refusal: RefusalDetails | None = None
    ended_because: str = ""
    held_up_because: str = ""
    fetched: tuple[FetchedFile, ...] = ()


class MigrationSummary(Model):
    """One migration in a list, with the IT department's address for those who correct it."""

    cancellation: str
    subscription: str
    organization: str
    time_zone: str
    platform: Platform
    queue: str
    stage: MigrationStage
    requested_at: datetime
    transfer: int
    attempts: int
    contact: str | None = None
    transfer_at: datetime | None = None
    prefix: str | None = None
    tables: int | None = None
    rows: int | None = None
    bytes: int | None = None
    sha256: str | None = None
    link_expires_at: datetime | None = None
    ended_at: datetime | None = None


class MigrationView(Model):
    """The state of a migration as support queues read it."""

    migration: MigrationSummary
    waiting_for: str = ""
    stage_deadline: datetime | None = None
    undelivered: tuple[str, ...] = ()
    progress: str = ""
    held_up_by: str = ""


class Problem(Model):
    """A refusal, or a request that is not well formed."""

    type: str
    """`urn:offramp:refusal:` and the code."""
    title: str
    """What was refused."""
    status: int
    detail: str
    """What was refused, and the way out, as sentences."""
    code: str
    """The stable code of the refusal."""
    values: dict[str, str]
    """The facts of the refusal by name."""
    kept: bool
    """True if the request is kept, and done as soon as it can be; false if nothing of it was kept."""
    remedy: Remedy | None = None
    """The way out as data; null where the title says it."""
    problems: tuple[ProblemDetails, ...] = ()
    """Of a document, what is wrong with each of its items, by their paths: the first of them."""
    not_shown: int = 0
    """How many more of them there are."""


class Receipt(Given):
    """The receipt of a request that is entered later: as an instant, or as a civil day in the organization's zone."""

    received_at: datetime | None = None
    received_on: date | None = None
    """Counts until its last moment."""
    channel: ReceiptChannel | None = None
    because: str | None = None
    """Why it is entered so long after it was received."""


class FindingKind(Word):
    """A kind of disagreement. Its name never changes: programs act on it."""

    WORKFLOW_MISSING = "workflow_missing"
    RECORD_BEHIND = "record_behind"
    RECORD_AHEAD = "record_ahead"
    MESSAGES_LEFT = "messages_left"
    COPIES_LEFT = "copies_left"
    MIGRATION_LEFT = "migration_left"
    END_DATE_MISSING = "end_date_missing"
    CASE_MISSING = "case_missing"
    WORKFLOW_SUSPENDED = "workflow_suspended"
    DEADLINE_PASSED = "deadline_passed"
    ACTIVITY_PAUSED = "activity_paused"
    ERASURE_UNCERTAIN = "erasure_uncertain"
    COPIES_UNEXPLAINED = "copies_unexplained"
    SCHEMA_UNEXPLAINED = "schema_unexplained"
    SCHEDULE_MISSING = "schedule_missing"
    SCHEDULE_PAUSED = "schedule_paused"
    LINES_OVERDUE = "lines_overdue"
    PART_UNAVAILABLE = "part_unavailable"


class Outcome(Word):
    """The outcome of a finding."""

    MENDED = "mended"
    TO_BE_MENDED = "to_be_mended"
    LEFT = "left"


class Finding(Model):
    """One disagreement."""

    kind: FindingKind
    subject: str
    outcome: Outcome
    words: str
    reason: str = ""


class ReconciliationReport(Model):
    """The result of Reconciliation."""

    dry_run: bool
    looked_at: int = 0
    found: int = 0
    mended: int = 0
    findings: tuple[Finding, ...] = ()


class ReconciliationView(Model):
    """How far a reconciliation on request is."""

    name: str
    is_done: bool
    report: ReconciliationReport | None = None


class CampaignFacts(Model):
    """One campaign that is being stopped, as messages describe it."""

    id: str
    name: str
    action: CampaignAction
    activities: tuple[str, ...]
    acknowledged: bool = False


class RequestedConsent(Model):
    """The request to a marketing service's own administrator to agree that its campaigns are stopped."""

    cancellation: str
    organization_name: str
    organization_url: str
    time_zone: str
    consent: Consent
    is_open: bool
    campaigns: tuple[CampaignFacts, ...]
    administrator: str


class RunRestored(Model):
    """The result of taking a run back."""

    run: str
    restored: int = 0
    restored_before: int = 0
    left: int = 0
    left_lines: tuple[FailedLine, ...] = ()


class RunView(Model):
    """How far an update on request is."""

    name: str
    is_done: bool
    progress: LineDatesProgress | None = None


class ScheduleView(Model):
    """The schedule of the nightly update, as Temporal has it."""

    schedule: str
    zone: str
    paused: bool
    note: str
    next_runs: tuple[datetime, ...]
    running: int


class Channel(Word):
    """A channel for notifications: mail for people, webhooks for systems."""

    MAIL = "mail"
    WEBHOOK = "webhook"


class SentMessage(Model):
    """One message on one channel, without its text and, for mail, without its address. Instants are UTC."""

    id: str
    cancellation: str
    event: str
    channel: Channel
    created_at: datetime
    endpoint: str | None = None
    delivered_at: datetime | None = None
    failed_at: datetime | None = None
    letter: str | None = None


class StopStatus(Model):
    """The state of the campaigns of the case that requested their stop."""

    cancellation: str
    campaign: str
    campaigns_outstanding: tuple[str, ...]
    ads_may_still_run: bool


class SubscriptionLine(Model):
    """A subscription line with the field names that every surface of Offramp uses. Dates are civil dates in the
    organization's time zone. Absent, null and blank all mean "not set"; unknown fields are ignored. Made the plain
    way, an invalid line raises pydantic's ``ValidationError``; `read` refuses it with a code.
    """

    id: str
    start_date: date
    billing_rhythm: str
    subscription: str | None = None
    partner: Partner = Partner("customer")
    contract: str | None = None
    initial_term: str | None = None
    subsequent_term: str | None = None
    notice_period: str | None = None
    next_billing_date: date | None = None
    term_until: date | None = None
    cancellation_possible_until: date | None = None
    end_date: date | None = None
    open_billing_line: bool = False
    closed: bool = False
    frozen: bool = False


class SystemTasksStatus(Model):
    """What registered systems have not confirmed: there, access may still be on or off, or data be kept. The result of
    the query ``status`` of SystemTasks, too.
    """

    cancellation: str
    reminder: str
    open: tuple[OpenTask, ...] = ()


class TenantCodeFound(Model):
    """The code of its own that an organization's schema calls."""

    organization: str
    schema_: str = Field(alias="schema")
    calls: tuple[str, ...]
    functions: dict[str, str]
    digest: str
    reviewed: bool


class TenantCodeReview(Model):
    """One review: who has looked at which code, when and why it may run."""

    digest: str
    organization: str
    reviewed_by: str
    reviewed_at: datetime
    reason: str


class TenantLogin(Model):
    """The login as which an organization's data is read and erased."""

    organization: str
    schema_: str = Field(alias="schema")
    login: str
    owners: tuple[str, ...]


class TenantSample(Model):
    """Sample data of an organization."""

    organization: str
    schema_: str = Field(alias="schema")
    rows: int
    seed: int
    created: bool


class TenantSchema(Model):
    """The schema with an organization's data."""

    organization: str
    schema_: str = Field(alias="schema")
    exists: bool
    busy: bool = False
    tables: int = 0
    estimated_rows: int = 0
    bytes: int = 0


class WebhookTested(Model):
    """The answer to a message of trial."""

    accepted: bool
    milliseconds: int
    status: int | None = None
    failure: str | None = None
