"""The way out of a refusal as data: a kind from a closed vocabulary, and its values by name.

A remedy says what to do, not how. Each surface renders a remedy in its own words: the command line as a command
or an operator's sentence, a page as a sentence for the customer or as nothing. The words here name no command, setting,
path or bucket, so that they fit everywhere else: programs, audit trail, Web UI.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field


class RemedyKind(StrEnum):
    """A kind of remedy. Its name, and the names of its values, never change: programs act on them."""

    # The request itself.
    CORRECT_INPUT = "correct_input"
    """``advice``: a whole sentence about the value that was refused."""
    CHECK_NUMBER = "check_number"
    CHECK_OR_IMPORT = "check_or_import"
    """``things``: what an import would add, in the plural."""
    FOLLOW_CONTRACT = "follow_contract"
    NAME_CASE = "name_case"
    USE_WORKFLOW_ID = "use_workflow_id"
    ASK_SECOND_PERSON = "ask_second_person"
    ASK_PERMITTED_PERSON = "ask_permitted_person"
    """``permitted``: the roles that may do it."""
    ASK_PRINCIPAL_ADMINISTRATOR = "ask_principal_administrator"
    SEND_TOKEN = "send_token"  # noqa: S105 - the name of a remedy
    LOG_IN = "log_in"
    """``url``: the address of the API."""
    NOTHING_TO_DO = "nothing_to_do"
    RETRY = "retry"
    RETRY_WHEN = "retry_when"
    """``when``: the rest of a clause that begins with "when"."""
    REPEAT_REQUEST = "repeat_request"
    REPEAT_LATER = "repeat_later"
    RELEASE_LIMIT = "release_limit"
    """``free_at``: when there is room again; ``scope`` and ``released``: what a supervisor would release."""

    # A cancellation; ``cancellation`` is its id, or that of a marketing service's cancellation.
    START_CANCELLATION = "start_cancellation"
    CANCEL_WHOLE = "cancel_whole"
    CANCEL_LINE = "cancel_line"
    START_ANEW = "start_anew"
    RESTART_CANCELLATION = "restart_cancellation"
    WITHDRAW_CANCELLATION = "withdraw_cancellation"
    REVERSE_CANCELLATION = "reverse_cancellation"
    UNDO_CANCELLATION = "undo_cancellation"
    """``alternative``: another way out, as the rest of a sentence."""
    SHOW_CANCELLATION = "show_cancellation"
    SIGN_UP_ANEW = "sign_up_anew"
    SEND_CODE = "send_code"
    CHECK_CODE = "check_code"
    SEND_CODE_OR_ATTEST = "send_code_or_attest"
    ATTEST = "attest"
    CORRECT_ADDRESS_OR_ATTEST = "correct_address_or_attest"

    # The marketing service.
    CANCEL_MARKETING_SERVICE = "cancel_marketing_service"
    KEEP_SIGN_UP = "keep_sign_up"
    SIGN_UP_MARKETING_ANEW = "sign_up_marketing_anew"
    ACKNOWLEDGE_STOP = "acknowledge_stop"

    # Export and migration.
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

    # A link of a mail.
    ASK_FOR_LINK = "ask_for_link"
    USE_NEWEST_LINK = "use_newest_link"
    OPEN_WHOLE_LINK = "open_whole_link"
    GO_BACK = "go_back"

    # Records.
    IMPORT_ORGANIZATION = "import_organization"
    IMPORT_DATA_SCHEMA = "import_data_schema"
    IMPORT_AGAIN = "import_again"
    CORRECT_DOCUMENT = "correct_document"
    IMPORT_AND_CREDIT = "import_and_credit"
    POST_CREDIT_MEMO = "post_credit_memo"
    CREDIT_INVOICES = "credit_invoices"
    REPORT_INVOICE = "report_invoice"
    """``since``: the first day that the invoices that are missing bill."""
    LIST_HOLDS = "list_holds"
    PLACE_HOLD = "place_hold"
    ENSURE_SCHEDULE = "ensure_schedule"
    FORCE_RUN = "force_run"
    """``reached``: the latest day, or instant, as of which an update needs no force."""
    LIST_RUNS = "list_runs"
    AWAIT_RUN = "await_run"

    # For the operator of the installation; ``variable`` is a setting of the process that refuses.
    CONFIGURE = "configure"
    """``expected``: the form of the setting's value."""
    CONFIGURE_DATABASE_LOGIN = "configure_database_login"
    CONFIGURE_OBJECT_KEYS = "configure_object_keys"
    CONFIGURE_TEMPORAL = "configure_temporal"
    PROVIDE_KEY = "provide_key"
    """``key``: the id of an encryption key."""
    CREATE_NAMESPACE = "create_namespace"
    START_SERVICE = "start_service"
    UPGRADE_SCHEMA = "upgrade_schema"
    CHECK_DATABASE = "check_database"
    CHECK_DATA_SCHEMA = "check_data_schema"
    CHECK_FOR_DAMAGE = "check_for_damage"
    PREPARE_TENANT = "prepare_tenant"
    REVIEW_TENANT_CODE = "review_tenant_code"
    """``digest``: of the code as it is now."""
    ASK_DATABASE_ADMINISTRATOR = "ask_database_administrator"
    """``request``: the task of the administrator, as the rest of a sentence that ends with "to"."""
    INSTALL_PG_DUMP = "install_pg_dump"
    """``programs``: the programs to install."""
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
    """``advice``: a sentence that may name commands and paths, for the person who runs a command of `starter` here."""


class Remedy(BaseModel):
    """A way out of a refusal, in the form in which it crosses a process boundary."""

    model_config = ConfigDict(frozen=True)

    # A kind of a later version stays text; a reader that does not know it shows the refusal's own words.
    kind: Annotated[RemedyKind | str, Field(union_mode="left_to_right")]
    values: dict[str, str] = {}

    @classmethod
    def of(cls, kind: RemedyKind, **values: object) -> Self:
        """Return a remedy with these values, as text."""
        return cls(kind=kind, values={name: str(value) for name, value in values.items()})

    @property
    def words(self) -> str:
        """The remedy as a sentence that fits every surface; empty if this version does not know the kind."""
        return WORDS[self.kind].format_map(self.values) if isinstance(self.kind, RemedyKind) else ""


def correct_input(advice: str) -> Remedy:
    """Return the remedy of a value to correct: ``advice`` is a sentence that names no command and no setting."""
    return Remedy.of(RemedyKind.CORRECT_INPUT, advice=advice)


WORDS: dict[RemedyKind, str] = {
    RemedyKind.CORRECT_INPUT: "{advice}",
    RemedyKind.CHECK_NUMBER: "Check the number.",
    RemedyKind.CHECK_OR_IMPORT: "Check the id; {things} are added by import.",
    RemedyKind.FOLLOW_CONTRACT: "The wire contract documents the form of every message.",
    RemedyKind.NAME_CASE: "Name {expected}, or send the request to the case that it is about.",
    RemedyKind.USE_WORKFLOW_ID: "Start it as {expected!r}: the id prevents a case from being started twice at once.",
    RemedyKind.ASK_SECOND_PERSON: "A second person must approve it.",
    RemedyKind.ASK_PERMITTED_PERSON: "Ask somebody with one of these roles: {permitted}.",
    RemedyKind.ASK_PRINCIPAL_ADMINISTRATOR: "Ask those who give out the tokens for one with further rights.",
    RemedyKind.SEND_TOKEN: "Send a valid bearer token of {issuer}.",
    RemedyKind.LOG_IN: "Log in at {url} anew.",
    RemedyKind.NOTHING_TO_DO: "Nothing to do.",
    RemedyKind.RETRY: "Try again; nothing was changed.",
    RemedyKind.RETRY_WHEN: "Try again when {when}; nothing was changed.",
    RemedyKind.REPEAT_REQUEST: "Repeat the request under the same request id when every part of the service is up.",
    RemedyKind.REPEAT_LATER: "Repeat the request under the same request id in a minute.",
    RemedyKind.RELEASE_LIMIT: "There is room again at {free_at}; a supervisor can release the limit of {scope} {released} "
    "before that.",
    RemedyKind.START_CANCELLATION: "Start a cancellation of {subscription}.",
    RemedyKind.CANCEL_WHOLE: "Cancel the subscription {subscription} instead.",
    RemedyKind.CANCEL_LINE: "Start a cancellation of {line}.",
    RemedyKind.START_ANEW: "The subscription continues; start a new cancellation if that is not intended.",
    RemedyKind.RESTART_CANCELLATION: "To change an answer, withdraw this cancellation and start a new one.",
    RemedyKind.WITHDRAW_CANCELLATION: "Withdraw it instead.",
    RemedyKind.REVERSE_CANCELLATION: "Ask for its reversal instead.",
    RemedyKind.UNDO_CANCELLATION: "Withdraw or reverse cancellation {cancellation} first, or {alternative}.",
    RemedyKind.SHOW_CANCELLATION: "Nothing to do; the status of {cancellation} shows the state of the case.",
    RemedyKind.SIGN_UP_ANEW: "The cancellation is final; sign up again to use the product.",
    RemedyKind.SEND_CODE: "Ask for a new code.",
    RemedyKind.CHECK_CODE: "Check the most recent mail, or ask for a new code.",
    RemedyKind.SEND_CODE_OR_ATTEST: "Ask for a new code, or have an agent attest who is asking.",
    RemedyKind.ATTEST: "Have an agent attest who is asking.",
    RemedyKind.CORRECT_ADDRESS_OR_ATTEST: "Correct the billing administrator's address on record, or have an agent attest "
    "who is asking.",
    RemedyKind.CANCEL_MARKETING_SERVICE: "Start a cancellation of the marketing service of {organization}.",
    RemedyKind.KEEP_SIGN_UP: "Leave the sign-up out, or cancel the marketing service of {organization} first.",
    RemedyKind.SIGN_UP_MARKETING_ANEW: "There is nothing left to cancel. To resume advertising, sign up again.",
    RemedyKind.ACKNOWLEDGE_STOP: "Acknowledge the stop of campaign {campaign} to {cancellation}.",
    RemedyKind.SHOW_EXPORT: "The status of the export shows its progress; an export is made if the checklist says "
    "data=export.",
    RemedyKind.SHOW_ERASURE: "Nothing can be downloaded any more.",
    RemedyKind.CHOOSE_EXPORT_DIRECTORY: "Name the directory with the downloaded files, and download the manifest too.",
    RemedyKind.ASK_FOR_MIGRATION: "A migration begins by itself when the checklist of a cancellation is complete with "
    "data=migrate; it needs an organization with a data_schema.",
    RemedyKind.WAIT_FOR_MIGRATION: "Wait for the end of that migration, or withdraw its cancellation, {cancellation}.",
    RemedyKind.ACCEPT_MIGRATION: "It waits for the queue to accept it.",
    RemedyKind.CHANGE_TRANSFER_TIME: "It waits for the time of the transfer, which a correction can change.",
    RemedyKind.TRANSFER_AGAIN: "It is transferring the data; a correction can restart the transfer.",
    RemedyKind.ACKNOWLEDGE_DOWNLOAD: "It waits for the download to be acknowledged.",
    RemedyKind.CONFIRM_MIGRATION: "It waits for the report that it is complete.",
    RemedyKind.AWAIT_DATA: "The data is at the secure site from `available` on, until it is erased or transferred again.",
    RemedyKind.ASK_FOR_LINK: "Ask us for a new one; the number of your case is in the mail that brought it.",
    RemedyKind.USE_NEWEST_LINK: "Open the link in the newest mail about it; it goes to the address that is right now.",
    RemedyKind.OPEN_WHOLE_LINK: "Open the link as it is in the mail, all of it, or ask us for a new one.",
    RemedyKind.GO_BACK: "Go back to the page to which the mail's link leads.",
    RemedyKind.IMPORT_ORGANIZATION: "Import it first.",
    RemedyKind.IMPORT_DATA_SCHEMA: "Import the organization with the name of its schema as data_schema, or keep no data.",
    RemedyKind.IMPORT_AGAIN: "Import the document again.",
    RemedyKind.CORRECT_DOCUMENT: "Correct the document and import it again.",
    RemedyKind.IMPORT_AND_CREDIT: "Import the invoice, then post a credit memo for it, newest invoice first.",
    RemedyKind.POST_CREDIT_MEMO: "Credit {invoice} first: credit memos go from the newest invoice to the oldest.",
    RemedyKind.CREDIT_INVOICES: "Post a credit memo for the newest invoice first, then for older ones. Each posted credit "
    "memo resets the next billing date to the start of what it credits; once that is no later than the day after "
    "{end_date}, the line can end then.",
    RemedyKind.REPORT_INVOICE: "First report the invoice that bills {since} and the days after it; then repeat this.",
    RemedyKind.LIST_HOLDS: "The list of legal holds shows them all.",
    RemedyKind.PLACE_HOLD: "Nothing to do. To lock the data again, place another legal hold.",
    RemedyKind.ENSURE_SCHEDULE: "Create the schedule.",
    RemedyKind.FORCE_RUN: "Update as of {reached} or earlier, or force it; a run can be taken back.",
    RemedyKind.LIST_RUNS: "The schedule of the nightly update shows the latest runs with their ids.",
    RemedyKind.AWAIT_RUN: "Wait for its end, or terminate its workflow; then take it back.",
    RemedyKind.CONFIGURE: "Correct the configuration of this process.",
    RemedyKind.CONFIGURE_DATABASE_LOGIN: "Give the password in a readable file of its own or in the URL, not in both.",
    RemedyKind.CONFIGURE_OBJECT_KEYS: "Configure the access key's id with one secret, or neither of them where the platform "
    "provides its own credentials.",
    RemedyKind.CONFIGURE_TEMPORAL: "Correct the configuration of the connection to Temporal.",
    RemedyKind.PROVIDE_KEY: "Give this process the key, or use one that has it; nothing is lost meanwhile.",
    RemedyKind.CREATE_NAMESPACE: "Create it, or correct the configured one; a new namespace can take some seconds to be known "
    "everywhere.",
    RemedyKind.START_SERVICE: "Start the service, or correct its address. Running cancellations are not affected.",
    RemedyKind.UPGRADE_SCHEMA: "Upgrade the database to the schema of this version.",
    RemedyKind.CHECK_DATABASE: "Check that it runs and that the configuration names it and a user who may log in; "
    "nothing was changed.",
    RemedyKind.CHECK_DATA_SCHEMA: "Correct the organization's data_schema and import it again, or check that the right "
    "database is configured.",
    RemedyKind.CHECK_FOR_DAMAGE: "No part of this export is valid. Check the database for damaged indexes or pages.",
    RemedyKind.PREPARE_TENANT: "Have an administrator of that database prepare the schema of {organization}; nothing was "
    "changed.",
    RemedyKind.REVIEW_TENANT_CODE: "Look at the code of {organization}, and record a review of it if it may run.",
    RemedyKind.ASK_DATABASE_ADMINISTRATOR: "Ask an administrator of that database to {request}",
    RemedyKind.INSTALL_PG_DUMP: "Install {programs} for the worker, or configure which one it runs.",
    RemedyKind.CHECK_OBJECT_STORE: "Check that it runs, that it has room, and that the configuration names it; then try again.",
    RemedyKind.FREE_OBJECT_STORE: "Make room in it or raise its quota; then try again.",
    RemedyKind.GRANT_OBJECT_STORE: "Check that the configured place exists in it, and that the access key may list, "
    "read, write and delete there; then try again.",
    RemedyKind.LOOK_FOR_OBJECT: "It may have been erased, or belong to an attempt that was given up; look at the case's "
    "history.",
    RemedyKind.RESTORE_OBJECTS: "Do not acknowledge the export: nothing is erased until then. Restore the files from a "
    "backup or from their earlier versions, and find out who removed them.",
    RemedyKind.USE_FOLDER: "Take the files from the folder, or configure an object store.",
    RemedyKind.REPAIR_WORKFLOW: "The workflow's page in the Temporal Web UI shows the error, for the people who "
    "repair it.",
    RemedyKind.RESTART_WORKFLOW: "An operator must start its workflow again; then repeat the request under the same request id.",
    RemedyKind.REPORT_DEFECT: "Report this as a defect of the service.",
    RemedyKind.OPERATE: "{advice}",
}
"""The sentence of each kind."""
