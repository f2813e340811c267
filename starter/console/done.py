"""What an action has done, in words, for the page that one comes back to."""

from collections.abc import Mapping

from domain.permissions import Operation

_O = Operation
DONE: Mapping[Operation, str] = {
    _O.START_CANCELLATION: "The cancellation is started.",
    _O.START_LINE_CANCELLATION: "The cancellation of the line is started.",
    **dict.fromkeys((_O.ANSWER, _O.ANSWER_LINE), "The answers are taken."),
    **dict.fromkeys((_O.SEND_CODE, _O.SEND_LINE_CODE), "A one-time code is on its way to the address on record."),
    **dict.fromkeys((_O.VERIFY_CODE, _O.VERIFY_LINE_CODE), "The billing administrator is verified."),
    **dict.fromkeys((_O.ATTEST, _O.ATTEST_LINE), "The billing administrator is verified by your word."),
    **dict.fromkeys((_O.APPROVE, _O.APPROVE_LINE), "The goodwill is approved."),
    **dict.fromkeys((_O.CORRECT, _O.CORRECT_LINE), "The request is corrected."),
    **dict.fromkeys((_O.WITHDRAW, _O.WITHDRAW_LINE), "The cancellation is withdrawn."),
    **dict.fromkeys((_O.REVERSE, _O.REVERSE_LINE), "The cancellation is reversed."),
    _O.POST_CREDIT_MEMO: "The credit memo is posted.",
    _O.GIVE_CONSENT: "The answer about the campaigns is passed on.",
    _O.CANCEL_MARKETING_SERVICE: "The cancellation of the marketing service is started.",
    _O.SEND_MARKETING_CODE: "A one-time code is on its way to the address on record.",
    _O.VERIFY_MARKETING_CODE: "The administrator is verified.",
    _O.ATTEST_MARKETING: "The administrator is verified by your word.",
    _O.ACKNOWLEDGE_STOP: "The campaign is known to be stopped.",
    _O.ACKNOWLEDGE_EXPORT: "The export is acknowledged.",
    _O.RENEW_EXPORT_LINK: "A fresh link to the export is on its way.",
    _O.ACCEPT_MIGRATION: "The migration is accepted.",
    _O.CORRECT_MIGRATION: "The migration is corrected.",
    _O.ACKNOWLEDGE_MIGRATION_DOWNLOAD: "The download is acknowledged.",
    _O.RENEW_MIGRATION_LINK: "A fresh link to the data is on its way.",
    _O.REPORT_MIGRATION_COMPLETED: "The migration is complete.",
    _O.PLACE_HOLD: "The legal hold is placed.",
    _O.RELEASE_HOLD: "The legal hold is released.",
    _O.BEGIN_LINE_UPDATE: "The update has begun.",
    _O.ENSURE_SCHEDULE: "The schedule is set.",
    _O.PAUSE_SCHEDULE: "The schedule is paused.",
    _O.RESUME_SCHEDULE: "The schedule runs again.",
    _O.BACKFILL: "The nights run now, one after the other.",
    _O.RESTORE_RUN: "The run is taken back.",
    _O.REOPEN_LINE: "The end date is taken away.",
    _O.CONFIRM_TASK: "The system's task is confirmed.",
    _O.PLAN_BULK: "The rows are being judged; nothing is started.",
    _O.CONFIRM_BULK: "The plan is confirmed, and is being carried out.",
    _O.STOP_BULK: "The bulk is stopped.",
    _O.RESUME_BULK: "The bulk goes on.",
    _O.KILL_BULK: "The bulk is ended for good.",
    _O.SET_BULK_SWITCH: "The kill switch is set.",
    _O.PAUSE_WEBHOOK: "The endpoint is paused.",
    _O.RESUME_WEBHOOK: "The endpoint is resumed, and is sent what it is owed.",
    _O.REMOVE_WEBHOOK: "The endpoint is removed.",
    _O.RESEND_WEBHOOKS: "The messages are sent again.",
    _O.SET_LIMIT: "The limit is set.",
    _O.BEGIN_RECONCILIATION: "The reconciliation has begun.",
    _O.REVIEW_TENANT_CODE: "The review is recorded.",
}
"""A sentence for each action that has nothing else to show; a test asks for those that are missing."""


def done_in_words(operation: str) -> str:
    """Return the sentence of an operation by its name; nothing for any other text."""
    return DONE[Operation(operation)] if operation in DONE else ""
