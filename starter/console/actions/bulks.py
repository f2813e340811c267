"""The actions on bulk cancellations: planned, confirmed, stopped, resumed, killed; and the kill switch of all of them."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field as Bound

from domain.bulk import AT_ONCE, LARGEST_FILE, MOST_AT_ONCE, MOST_PER_MINUTE, MOST_ROWS, PER_MINUTE, BulkState
from domain.bulk.refusals import BulkFileMalformed
from domain.permissions import Operation
from domain.vocabulary import CampaignChoice, DataChoice
from records.bulk.lists import BulkStatus, BulkSwitch
from starter.console.actions.action import BESIDE_DOCUMENT, Action, Asked, Offer
from starter.console.actions.cases import IDENTITY, WISH, answers_of
from starter.console.forms import REASON, Field, choices
from starter.web.documents import BULK_FILES

_O = Operation
BULKS = "/bulk"
_AtOnce = Annotated[int, Bound(ge=1, le=MOST_AT_ONCE)]
_PerMinute = Annotated[int, Bound(ge=1, le=MOST_PER_MINUTE)]
_PACE = (
    Field("at_once", "Starts under way together", "number", value=str(AT_ONCE), help=f"At most {MOST_AT_ONCE}."),
    Field("per_minute", "Begun in a minute", "number", value=str(PER_MINUTE), help=f"At most {MOST_PER_MINUTE:,}."),
)


def plan_offers() -> Iterator[Offer]:
    """Yield the offers to plan a bulk, which starts nothing."""
    file_help = f"CSV with a column named subscription; at most {MOST_ROWS:,} rows and {LARGEST_FILE >> 20} MiB."
    fields = [
        Field("file", "File", "file", required=False, help=file_help),
        Field("file_text", "Or its text", "textarea", required=False, is_long=True),
        *_PACE,
        REASON,
    ]
    note = "Every row is judged, and nothing is started."
    yield Offer(_O.PLAN_BULK, "Plan a bulk from a file", "Plan", fields, note=note)
    of_organization = [
        Field("organization", "Organization"),
        *(Field(one.name, one.label, required=False, help=one.help) for one in IDENTITY),
        *WISH,
        Field("data", "Keep the data", "select", required=False, options=choices(DataChoice, empty="not said")),
        Field("campaigns", "Campaigns", "select", required=False, options=choices(CampaignChoice, empty="not said")),
        Field("attestation", "How you know that the billing administrator asks", "textarea", required=False),
        Field("reason_code", "Reason code of the policy", required=False),
        *_PACE,
        REASON,
    ]
    note = "Each of its subscriptions becomes a row, with the same answers. Nothing is started."
    yield Offer(
        _O.PLAN_BULK,
        "Plan the end of an organization as a whole",
        "Plan",
        of_organization,
        part="organization",
        note=note,
    )


def switch_offer(switch: BulkSwitch) -> Offer:
    """Return the offer to throw the kill switch, either way."""
    if switch.off_since is None:
        off = Field("off", "", "hidden", value="yes")
        note = "No bulk starts anything until it is switched on again."
        return Offer(_O.SET_BULK_SWITCH, "Switch all bulks off", "Switch off", [off, REASON], careful=True, note=note)
    return Offer(_O.SET_BULK_SWITCH, "Switch bulks on again", "Switch on", [REASON])


def offers(status: BulkStatus) -> Iterator[Offer]:
    """Yield what can be done about a bulk as it is."""
    bulk = status.bulk
    if status.state is BulkState.PLANNED and status.ready:
        digest = Field("digest", "", "hidden", value=status.digest or "")
        who = f" {status.planned_by} planned it, and does not confirm it." if status.needs_second_person else ""
        note = f"{status.ready:,} rows are started in your name, exactly as they are shown.{who}"
        yield Offer(_O.CONFIRM_BULK, "Confirm the plan", "Confirm", [digest, REASON], subject=bulk, note=note)
    if status.state is BulkState.RUNNING:
        yield Offer(_O.STOP_BULK, "Stop it for now", "Stop", [REASON], subject=bulk)
    if status.state is BulkState.STOPPED:
        yield Offer(_O.RESUME_BULK, "Go on with it", "Resume", [REASON], subject=bulk)
    if not status.state.is_final:
        note = "What is under way gets its result; nothing else is started, ever."
        yield Offer(_O.KILL_BULK, "End it for good", "End it", [REASON], subject=bulk, careful=True, note=note)


async def _plan(asked: Asked) -> str:
    given = asked.given
    organization = given.optional("organization")
    csv, source = None, ""
    if organization is None:
        content, source = await given.document("file")
        try:
            csv = content.decode("utf-8")
        except UnicodeDecodeError:
            raise BulkFileMalformed("it is not written in UTF-8") from None
    planned = await asked.service.bulk.plan(
        csv=csv,
        source=source,
        organization=organization,
        answers=answers_of(given) if organization else None,
        attestation=given.optional("attestation"),
        reason_code=given.optional("reason_code"),
        at_once=given.valid("at_once", _AtOnce, given.number("at_once")),
        per_minute=given.valid("per_minute", _PerMinute, given.number("per_minute")),
        organizations=asked.person.organizations,
        **asked.reasoned,
    )
    return f"{BULKS}/{planned.bulk}"


async def _confirm(asked: Asked) -> None:
    digest = asked.given.text("digest")
    await asked.service.bulk.confirm(
        asked.subject, digest=digest, organizations=asked.person.organizations, **asked.reasoned
    )


async def _stop(asked: Asked) -> None:
    await asked.service.bulk.stop(asked.subject, organizations=asked.person.organizations, **asked.reasoned)


async def _resume(asked: Asked) -> None:
    await asked.service.bulk.resume(asked.subject, organizations=asked.person.organizations, **asked.reasoned)


async def _kill(asked: Asked) -> None:
    await asked.service.bulk.kill(asked.subject, organizations=asked.person.organizations, **asked.reasoned)


async def _set_switch(asked: Asked) -> None:
    await asked.service.bulk.set_switch(off=asked.given.is_set("off"), **asked.reasoned)


ACTIONS = [
    Action(_O.PLAN_BULK, None, _plan, of_several=True, largest=LARGEST_FILE + BESIDE_DOCUMENT, turns=BULK_FILES),
    Action(_O.CONFIRM_BULK, None, _confirm, of_several=True, is_named=True),
    Action(_O.STOP_BULK, None, _stop, of_several=True, is_named=True),
    Action(_O.RESUME_BULK, None, _resume, of_several=True, is_named=True),
    Action(_O.KILL_BULK, None, _kill, of_several=True, is_named=True),
    Action(_O.SET_BULK_SWITCH, None, _set_switch),
]
