"""Remedies in an operator's words: the command to call, the setting to change, the place to look.

For the command line and what a deployment runs beside the service. Commands stand in backticks.
"""

import shlex
from dataclasses import dataclass

from domain.cases import CaseKind, CaseRef
from domain.refusals import Refusal
from domain.remedies import WORDS, RemedyKind

OPERATORS_WORDS = WORDS | {
    RemedyKind.CHECK_OR_IMPORT: "Check the id; {things} are added with `offramp import FILE`.",
    RemedyKind.FOLLOW_CONTRACT: "See docs/temporal.md for the form of every message.",
    RemedyKind.REPEAT_REQUEST: "Look at the workflow in the Temporal Web UI; repeat the command with the same request id when "
    "everything is up.",
    RemedyKind.RELEASE_LIMIT: "There is room again at {free_at}; before that a supervisor can release it: "
    "`offramp limits release {scope} {released} --reason REASON`",
    RemedyKind.CANCEL_WHOLE: "Cancel the subscription instead: `offramp cancellations start {subscription}`",
    RemedyKind.CANCEL_LINE: "Start one: `offramp lines cancel {line}`",
    RemedyKind.START_CANCELLATION: "Start one: `offramp cancellations start {subscription}`",
    RemedyKind.START_ANEW: "The subscription continues; if that is not intended, start a new cancellation: `{start}`",
    RemedyKind.WITHDRAW_CANCELLATION: "Withdraw it instead: `{group} withdraw {subject} --reason REASON`",
    RemedyKind.REVERSE_CANCELLATION: "Ask for its reversal instead: `{group} reverse {subject} "
    "--administrator ADDRESS --url URL --name NAME`",
    RemedyKind.SHOW_CANCELLATION: "Nothing to do; `{group} show {subject}` shows the state of the case.",
    RemedyKind.SEND_CODE: "Ask for a new code: `{verify} --send-code`",
    RemedyKind.CHECK_CODE: "Check the most recent mail, or ask for a new code: `{verify} --send-code`",
    RemedyKind.SEND_CODE_OR_ATTEST: "Ask for a new code with `{verify} --send-code`, or attest who is asking with "
    "`{verify} --attest REASON`.",
    RemedyKind.ATTEST: "Have an agent attest who is asking: `{verify} --attest REASON`",
    RemedyKind.CANCEL_MARKETING_SERVICE: "Start one: `offramp marketing cancel {organization} --administrator ADDRESS`",
    RemedyKind.KEEP_SIGN_UP: "Leave `sign_up` out, or cancel the service first: "
    "`offramp marketing cancel {organization} --administrator ADDRESS`",
    RemedyKind.SIGN_UP_MARKETING_ANEW: "There is nothing left to cancel. To resume advertising, sign up again "
    "(docs/import-format.md).",
    RemedyKind.ACKNOWLEDGE_STOP: "Acknowledge it to {cancellation}: `offramp marketing acknowledge {campaign}`",
    RemedyKind.SHOW_EXPORT: "See its progress: `offramp export show {subject}`. An export is made if the checklist says "
    "data=export.",
    RemedyKind.SHOW_ERASURE: "Nothing can be downloaded any more; `offramp export show {subject}` says when it was erased.",
    RemedyKind.CHOOSE_EXPORT_DIRECTORY: "Name the directory with the downloaded files, and download the manifest too: there is "
    "none in {directory}.",
    RemedyKind.ACCEPT_MIGRATION: "It waits for the queue to accept it: "
    "`offramp migrations accept {subject} --contact ADDRESS --transfer-at TIME`",
    RemedyKind.CHANGE_TRANSFER_TIME: "It waits for the time of the transfer; to change that: "
    "`offramp migrations correct {subject} --transfer-at TIME --reason REASON`",
    RemedyKind.TRANSFER_AGAIN: "It is transferring the data; to restart the transfer: "
    "`offramp migrations correct {subject} --transfer-again --reason REASON`",
    RemedyKind.ACKNOWLEDGE_DOWNLOAD: "It waits for the download to be acknowledged: `offramp migrations acknowledge {subject}`",
    RemedyKind.CONFIRM_MIGRATION: "It waits for the report that it is complete: `offramp migrations confirm {subject}`",
    RemedyKind.IMPORT_ORGANIZATION: "Import it first: `offramp import FILE`",
    RemedyKind.IMPORT_DATA_SCHEMA: "Import the organization with the name of its schema as data_schema "
    "(docs/import-format.md), or keep no data.",
    RemedyKind.CORRECT_DOCUMENT: "Correct the document and import it again; docs/import-format.md describes it.",
    RemedyKind.IMPORT_AND_CREDIT: "Import the invoice, then take it back with `offramp credit-memos post INVOICE`, newest "
    "invoice first.",
    RemedyKind.POST_CREDIT_MEMO: "Credit {invoice} first, because credit memos go from the newest invoice to the oldest: "
    "`offramp credit-memos post {invoice}`",
    RemedyKind.REPORT_INVOICE: "First report the invoice that bills {since} and the days after it with "
    "`offramp billing import FILE` (docs/billing-format.md); then repeat this.",
    RemedyKind.LIST_HOLDS: "See them all: `offramp hold list`",
    RemedyKind.PLACE_HOLD: "Nothing to do. To lock the data again, place another legal hold: "
    "`offramp hold place ORGANIZATION --reason REASON`",
    RemedyKind.ENSURE_SCHEDULE: "Create it with `offramp schedule ensure`.",
    RemedyKind.FORCE_RUN: "Update as of {reached} or earlier, or force it with --force; `offramp lines restore --run RUN "
    "--reason REASON` takes a run back.",
    RemedyKind.LIST_RUNS: "See the latest runs and their ids: `offramp schedule show`",
    RemedyKind.CONFIGURE: "Set {variable} to {expected}.",
    RemedyKind.CONFIGURE_DATABASE_LOGIN: "Give the password in {file}, which {variable} names and the service can read, and "
    "take it out of {url_variable}, or the other way round.",
    RemedyKind.CONFIGURE_OBJECT_KEYS: "Set {variable}, and the secret either in {secrets}; or none of the three, where the "
    "platform provides its own credentials.",
    RemedyKind.CONFIGURE_TEMPORAL: "Repair the file that {file_variable} names, or set {variables} alone: {reason}",
    RemedyKind.CREATE_NAMESPACE: "Create it with `temporal operator namespace create --namespace {namespace}`, or set {variable}; "
    "a new namespace can take some seconds to be known everywhere.",
    RemedyKind.START_SERVICE: "Start the service with `offramp up`, or set {variable}. Running cancellations are not affected.",
    RemedyKind.UPGRADE_SCHEMA: "Apply the migrations (docs/operations.md), or start the service with `offramp up`.",
    RemedyKind.CHECK_DATABASE: "Check that it runs and that {variable} names it and a user who may log in; nothing was changed.",
    RemedyKind.CHECK_DATA_SCHEMA: "Correct the organization's data_schema and import it again, or check {variable}.",
    RemedyKind.PREPARE_TENANT: "Have an administrator of that database prepare the schema: "
    "`offramp tenants prepare {organization}` (docs/operations.md); nothing was changed.",
    RemedyKind.REVIEW_TENANT_CODE: "Look at it with `offramp tenants code {organization}`; if it may run: "
    "`offramp tenants review {organization} {digest} --reason REASON`",
    RemedyKind.CHECK_FOR_DAMAGE: "No part of this export is valid. Check the database for damaged indexes or pages "
    "(pg_amcheck).",
    RemedyKind.INSTALL_PG_DUMP: "Install {programs} for the worker, or name another pg_dump in {variable}, which is {program} now.",
    RemedyKind.CHECK_OBJECT_STORE: "Check that {store} runs, that it has room (SeaweedFS fails with status 500 when it has "
    "none), and that {variables} name it; then try again.",
    RemedyKind.FREE_OBJECT_STORE: "Make room in {store} or raise its quota; then try again.",
    RemedyKind.GRANT_OBJECT_STORE: "Check that the bucket of {store} exists (`python -m starter.deploy.bucket` makes it) and "
    "that the access key may list, read, write and delete in it; then try again.",
    RemedyKind.LOOK_FOR_OBJECT: "{key} in {store} may have been erased, or belong to an attempt that was given up; look at the "
    "case's history.",
    RemedyKind.LOG_IN: "Log in: `offramp login {url}`.",
    RemedyKind.RESTORE_OBJECTS: "Do not acknowledge the export: nothing is erased until then. Restore the files under "
    "{prefix} from a backup of the bucket or from their earlier versions, and find out who removed them.",
    RemedyKind.USE_FOLDER: "Take the files from the folder {store}, or set {variable} to an object store.",
}
"""Each kind for the people who run commands; ``subject``, ``group``, ``start`` and ``verify`` are made of the value
``cancellation``."""

_COMMANDS = frozenset({"group", "start", "verify"})
"""The values that are commands themselves, and quoted already."""


def operators_words(refusal: Refusal) -> str:
    """Return the way out of a refusal for an operator, empty if it has none.

    A remedy of another version, with a kind or values that this one does not know, is shown in the words it came with.
    """
    remedy = refusal.details.remedy
    if remedy is None or not isinstance(remedy.kind, RemedyKind):
        return refusal.way_out
    try:
        values = remedy.values | _commands_values(remedy.values)
        quoted = {name: value if name in _COMMANDS else shlex.quote(value) for name, value in values.items()}
        parts = OPERATORS_WORDS[remedy.kind].split("`")  # every second one is a command
        return "`".join(part.format_map(quoted if number % 2 else values) for number, part in enumerate(parts))
    except (KeyError, ValueError):
        return refusal.way_out


def operators_text(refusal: Refusal) -> str:
    """Return a refusal for an operator: what was refused, and the way out."""
    return f"{refusal.message} {operators_words(refusal)}".strip()


def _commands_values(values: dict[str, str]) -> dict[str, str]:
    """Return what commands need of a case: what it cancels, and how its billing administrator is verified."""
    case = values.get("cancellation")
    if case is None:
        return {}
    named = CaseRef.parse(case)
    commands, subject = CASE_COMMANDS[named.kind], shlex.quote(named.subject)
    return {
        "subject": named.subject,
        "group": f"offramp {commands.group}",
        "start": f"offramp {commands.group} {commands.start} {subject}",
        "verify": f"offramp {commands.group} {commands.verify} {subject}",
    }


@dataclass(frozen=True)
class CaseCommands:
    """The commands about cases of one kind: their group, and the ones that start a case and verify who asks for it."""

    group: str
    start: str
    verify: str


CASE_COMMANDS = {
    CaseKind.SUBSCRIPTION: CaseCommands("cancellations", "start", "answer"),
    CaseKind.MARKETING_SERVICE: CaseCommands("marketing", "cancel", "verify"),
    CaseKind.SUBSCRIPTION_LINE: CaseCommands("lines", "cancel", "answer"),
}
"""The commands about each kind of case."""
