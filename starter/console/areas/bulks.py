"""Bulk cancellations: their plans, how far they are, and the result of each row."""

from collections.abc import Sequence
from datetime import date
from urllib.parse import urlencode

from domain.bulk import BulkState, RowState
from domain.civil_dates import count_text, day_text
from domain.permissions import Operation, is_permitted
from records.bulk.lists import BulkRowPage, BulkRowView, BulkStatus, BulkSwitch, BulkView
from starter.console.actions import bulks as actions
from starter.console.areas.area import Area, Look, View
from starter.console.content import (
    Block,
    Cell,
    Facts,
    Links,
    Progress,
    Section,
    Table,
    Text,
    day,
    instant,
    number,
    plain,
    words,
)
from starter.console.paths import case_path
from starter.web.refusals import NothingThere

PATH = actions.BULKS
MOST_BULKS, PAGE = 20, 50
_GOES_ON = (BulkState.PLANNING, BulkState.RUNNING)
_MEANING = "Many subscriptions cancelled by one plan, which somebody has seen whole before it is carried out."


async def view(look: Look) -> View:
    """Return the bulks that a person may see, or one of them. Raises BulkUnknown."""
    organizations = await look.service.access.organizations(look.person, Operation.LIST_BULKS, None)
    if look.about:
        return await _of_bulk(look)
    bulks = await look.service.bulk.list(organizations=organizations, limit=MOST_BULKS)
    sections = [Section("bulks", "Newest", [_table(bulks)])]
    offers = list(actions.plan_offers())
    if look.person.organizations is None:
        switch = await look.service.bulk.switch()
        sections.append(Section("switch", "Kill switch", [_switch(switch)]))
        offers.append(actions.switch_offer(switch))
    return View("Bulk cancellations", _MEANING, sections, offers, goes_on=any(one.state in _GOES_ON for one in bulks))


def _table(bulks: Sequence[BulkView]) -> Table:
    rows = [
        (
            Cell(one.bulk, href=f"{PATH}/{one.bulk}"),
            words(one.state, is_bad=one.state is BulkState.STOPPED),
            plain(one.source),
            plain(f"{one.settled:,} of {one.total:,}"),
            plain(one.planned_by),
            instant(one.planned_at),
        )
        for one in bulks
    ]
    columns = ("Bulk", "State", "Of", "Rows settled", "Planned by", "Planned")
    return Table("Bulk cancellations", columns, rows, "No bulk yet.")


def _switch(switch: BulkSwitch) -> Text:
    if switch.off_since is None:
        return Text("On: bulks may start cancellations.")
    since, who = instant(switch.off_since).text, f"{switch.switched_by} ({switch.reason})"
    return Text(f"Off since {since}, by {who}: no bulk starts anything.", is_bad=True)


async def _of_bulk(look: Look) -> View:
    organizations = look.person.organizations
    await look.service.access.organizations(look.person, Operation.SHOW_BULK, None)
    await look.service.access.organizations(look.person, Operation.LIST_BULK_ROWS, None)
    state, after = look.query.get("state", ""), look.query.get("after", "0")
    states = [one for one in RowState if one == state]
    if not (after.isascii() and after.isdecimal() and len(after) < 10):
        raise NothingThere
    status = await look.service.bulk.status(look.about, organizations=organizations)
    page = await look.service.bulk.rows(
        status.bulk,
        states=states,
        organizations=organizations,
        shows_content=is_permitted(look.person, Operation.CONFIRM_BULK),
        after=int(after),
        limit=PAGE,
    )
    return View(
        status.bulk,
        f"{status.source} · {status.reason}",
        [
            Section("progress", "How far it is", _progress(status)),
            Section("plan", "The plan", [Facts(_plan(status)), *_refusals(status)]),
            Section("rows", "Rows", _rows(status, page, states, is_first=after == "0")),
        ],
        list(actions.offers(status)),
        goes_on=status.state in _GOES_ON,
    )


def _progress(status: BulkStatus) -> list[Block]:
    blocks: list[Block] = []
    if status.state is BulkState.PLANNING:
        done = status.total - status.rows.get(RowState.PLANNING, 0)
        blocks.append(Progress("Rows judged", done, status.total, f"{done:,} of {status.total:,} rows judged"))
    elif status.confirmed_at is not None and status.ready:
        left = sum(status.rows.get(state, 0) for state in (RowState.READY, RowState.UNDER_WAY, RowState.NOT_STARTED))
        done = status.ready - left
        blocks.append(
            Progress("Rows carried out", done, status.ready, f"{done:,} of {status.ready:,} rows carried out")
        )
    facts = [("State", words(status.state, is_bad=status.state in (BulkState.STOPPED, BulkState.KILLED)))]
    facts += [(state.replace("_", " ").capitalize(), number(count)) for state, count in status.rows.items()]
    if status.halted_by is not None and status.state in (BulkState.STOPPED, BulkState.KILLED):
        who = f"{status.halted_by}, {instant(status.halted_at).text}: {status.halted_because}"
        facts.append((f"{status.state.capitalize()} by", plain(who)))
    if status.ended_at is not None:
        facts.append(("Ended", instant(status.ended_at)))
    blocks.append(Facts(facts))
    if status.switch.off_since is not None:
        blocks.append(_switch(status.switch))
    return blocks


def _plan(status: BulkStatus) -> list[tuple[str, Cell]]:
    cost = status.cost
    rows = [
        ("Planned", plain(f"{instant(status.planned_at).text} by {status.planned_by}")),
        ("Can be started", number(status.ready)),
        ("Access ends", plain(_days(cost.access_ends_from, cost.access_ends_until))),
        ("Billing ends", plain(_days(cost.billing_ends_from, cost.billing_ends_until))),
        ("Credit memos first", plain(_memos(status))),
        ("Will wait for answers", number(cost.rows_with_open_questions)),
        *_goodwill(status),
        ("Pace", plain(f"{status.at_once} together, at most {status.per_minute:,} in a minute")),
    ]
    if status.confirmed_by is not None:
        who = f"{status.confirmed_by}, {instant(status.confirmed_at).text}: {status.confirmed_because}"
        rows.append(("Confirmed by", plain(who)))
    elif status.confirm_until is not None:
        who = "Another person confirms until" if status.needs_second_person else "Confirm until"
        rows.append((who, instant(status.confirm_until)))
    return rows


def _goodwill(status: BulkStatus) -> list[tuple[str, Cell]]:
    cost = status.cost
    if not cost.rows_with_goodwill:
        return []
    memos = f", {count_text(cost.goodwill_credit_memos, 'credit memo')}" if cost.goodwill_credit_memos else ""
    ends = _days(cost.goodwill_ends_from, cost.goodwill_ends_until)
    said = f"{count_text(cost.rows_with_goodwill, 'row')}: billing would end {ends}{memos}"
    return [("Ask for a goodwill", plain(said, is_bad=True))]


def _days(first: date | None, last: date | None) -> str | None:
    if first is None or last is None:
        return None
    return day_text(first) if first == last else f"{day_text(first)} to {day_text(last)}"


def _memos(status: BulkStatus) -> str:
    cost = status.cost
    return f"{cost.credit_memos:,} in {count_text(cost.rows_with_credit_memos, 'row')}" if cost.credit_memos else "none"


def _refusals(status: BulkStatus) -> list[Table]:
    if not status.refusals:
        return []
    rows = [(plain(code), number(count)) for code, count in status.refusals.items()]
    return [Table("Refused rows by their rule", ("Refused because", "Rows"), rows, "", numbers=("Rows",))]


def _rows(status: BulkStatus, page: BulkRowPage, states: Sequence[RowState], *, is_first: bool) -> list[Block]:
    here = f"{PATH}/{status.bulk}"
    of_state = {"state": states[0].value} if states else {}
    conditions = [("All", here, not states)]
    conditions += [
        (state.replace("_", " ").capitalize(), f"{here}?state={state}", state in states) for state in status.rows
    ]
    pages = [] if is_first else [("First page", f"{here}?{urlencode(of_state)}", False)]
    if page.next is not None:
        pages.append(("Next page", f"{here}?{urlencode({**of_state, 'after': page.next})}", False))
    columns = ["Row", "Subscription", "State", "Access ends", "Billing ends", "Credit memos", "Case, or why not"]
    shows_content = any(one.content is not None for one in page.rows)
    if shows_content:
        columns.append("Started with")
    rows = [(*_row(one), *([plain(_content(one))] if shows_content else [])) for one in page.rows]
    table = Table("Rows", tuple(columns), rows, "No row here.", numbers=("Row",))
    return [Links("State", conditions), table, *([Links("Pages", pages)] if pages else [])]


def _row(row: BulkRowView) -> tuple[Cell, ...]:
    quote, refusal = row.quote, row.refusal
    if row.cancellation is not None:
        result = Cell(row.cancellation, href=case_path(row.cancellation))
    else:
        result = plain(f"{refusal.message} {refusal.way_out}".strip() if refusal else None)
    return (
        number(row.number),
        plain(row.subscription),
        words(row.state, is_bad=row.state is RowState.REFUSED),
        day(quote.access_ends_on if quote else None),
        day(quote.billing_ends_on if quote else None),
        plain(", ".join(quote.credit_memos) if quote else None),
        result,
    )


def _content(row: BulkRowView) -> str:
    """Return what a row is to be started with, for whoever puts their name to it."""
    content = row.content
    if content is None:
        return ""
    parts = [f"{question.replace('_', ' ')}: {answer}" for question, answer in content.answers.items()]
    for label, value in (
        ("attested", content.attestation),
        ("goodwill", content.goodwill),
        ("reason", content.reason),
        ("reason code", content.reason_code),
        ("received", content.received_at or content.received_on),
    ):
        if value is not None:
            parts.append(f"{label}: {value}")
    if row.quote is not None and row.quote.goodwill is not None and row.quote.goodwill.billing_ends_on is not None:
        parts.append(f"with the goodwill billing would end {day_text(row.quote.goodwill.billing_ends_on)}")
    return "; ".join(parts)


AREA = Area(PATH, "Bulk", (Operation.LIST_BULKS,), view, of_organizations=True)
