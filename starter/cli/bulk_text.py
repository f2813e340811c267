"""Bulks in words: what a plan would cost, how far one is, and its rows as a table or as CSV."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.markup import escape
from rich.table import Table

from domain.bulk import BulkState, RowState
from domain.bulk.writing import as_csv
from domain.civil_dates import count_text
from domain.words import FOR_AGENTS
from starter.cli.output import console, say

if TYPE_CHECKING:
    from records.bulk.lists import BulkRowContent, BulkRowView, BulkStatus, BulkSwitch, BulkView

_COLOURS = {
    BulkState.FINISHED: "green",
    BulkState.KILLED: "red",
    BulkState.EXPIRED: "red",
    BulkState.STOPPED: "yellow",
}
_COLUMNS = (
    *("row", "subscription", "state", "cancellation", "access_ends_on", "billing_ends_on", "credit_memos"),
    *("code", "message", "way_out"),
    *(
        "answers",
        "attestation",
        "goodwill",
        "goodwill_ends_on",
        "goodwill_credit_memos",
        "reason",
        "reason_code",
        "receipt",
    ),
)
REFUSALS_SHOWN = 20
NUMBERS_SHOWN = 10


def say_bulk(status: "BulkStatus") -> None:
    """Print a bulk: its plan, and how far it is."""
    colour = _COLOURS.get(status.state, "cyan")
    say(f"[bold]{status.bulk}[/] of {escape(status.source)}: [bold {colour}]{status.state}[/]")
    say(f"planned by {escape(status.planned_by)} ({escape(status.reason)})", first="  ")
    if status.confirmed_by is not None:
        say(f"confirmed by {escape(status.confirmed_by)} ({escape(status.confirmed_because or '')})", first="  ")
    if status.halted_by is not None and status.state in (BulkState.STOPPED, BulkState.KILLED):
        say(f"{status.state} by {escape(status.halted_by)} ({escape(status.halted_because or '')})", first="  ")
    say(f"rows: {rows_text(status.rows)}", first="  ")
    for code, number in status.refusals.items():
        say(f"{number} refused: {code}", first="    ")
    _say_cost(status)
    if status.switch.off_since is not None:
        say_switch(status.switch)
    if status.confirm_until is not None:
        who = "another person confirms it" if status.needs_second_person else "to confirm it"
        say(
            f"Nothing is started yet; {who} until {FOR_AGENTS.instant(status.confirm_until, 'UTC')}: "
            f"look at what each row says in `offramp bulk rows {status.bulk}`, then "
            f"`offramp bulk confirm {status.bulk} --digest {status.digest} --reason REASON`"
        )


def _say_cost(status: "BulkStatus") -> None:
    cost = status.cost
    if cost.access_ends_from is not None:
        say(f"access ends {_days(cost.access_ends_from, cost.access_ends_until)}", first="  ")
    if cost.billing_ends_from is not None:
        say(f"billing ends {_days(cost.billing_ends_from, cost.billing_ends_until)}", first="  ")
    if cost.credit_memos:
        rows = count_text(cost.rows_with_credit_memos, "row")
        say(f"credit memos needed: {cost.credit_memos} in {rows}", first="  ")
    if cost.rows_with_goodwill:
        rows = count_text(cost.rows_with_goodwill, "row")
        say(f"goodwill is asked for in {rows}; somebody approves each who neither plans nor confirms it", first="  ")
        if cost.goodwill_ends_from is not None:
            say(f"with it billing would end {_days(cost.goodwill_ends_from, cost.goodwill_ends_until)}", first="    ")
        if cost.goodwill_credit_memos:
            say(f"and {count_text(cost.goodwill_credit_memos, 'credit memo')} would be needed", first="    ")
    if cost.rows_with_open_questions:
        say(f"{count_text(cost.rows_with_open_questions, 'case')} will wait for answers or a verification", first="  ")


def _days(first: object, last: object) -> str:
    return f"on {first}" if first == last else f"from {first} to {last}"


def say_refused_rows(rows: "Sequence[BulkRowView]", total: int) -> None:
    """Print the first of the rows that are refused, each with its reason and the way out."""
    for row in rows[:REFUSALS_SHOWN]:
        if row.refusal is not None:
            said = f"{row.refusal.message} {row.refusal.way_out}".strip()
            say(f"row {row.number}, {escape(row.subscription)} ({row.refusal.code}): {escape(said)}", first="  - ")
    if total > REFUSALS_SHOWN:
        say(f"and {total - REFUSALS_SHOWN} more", first="  - ")


def rows_text(rows: Mapping[RowState, int]) -> str:
    """Return the numbers of rows by state in words."""
    return ", ".join(f"{number} {state.value.replace('_', ' ')}" for state, number in rows.items()) or "none"


def say_switch(switch: "BulkSwitch") -> None:
    """Print whether the kill switch lets bulks start anything."""
    if switch.off_since is None:
        say("[bold green]On[/]: bulks may start cancellations.")
        return
    since = FOR_AGENTS.instant(switch.off_since, "UTC")
    why = f"{escape(switch.switched_by or '')} ({escape(switch.reason or '')})"
    say(f"[bold red]Off[/] since {since}, by {why}: no bulk starts anything.")


def print_bulks(found: "Sequence[BulkView]") -> None:
    """Print bulks as a table."""
    table = Table("Bulk", "Of", "State", "Rows", box=box.SIMPLE_HEAD, pad_edge=False)
    for each in found:
        table.add_row(each.bulk, escape(each.source), each.state, f"{each.settled} of {each.total}")
    console.print(table)


def print_rows(rows: "Sequence[BulkRowView]") -> None:
    """Print rows as a table."""
    table = Table("Row", "Subscription", "State", "Result", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        result = row.cancellation or (row.refusal.code if row.refusal else "")
        if not result and row.quote is not None:
            result = f"billed until {row.quote.billing_ends_on}" if row.quote.billing_ends_on else ""
        table.add_row(str(row.number), escape(row.subscription), row.state.value.replace("_", " "), result)
    console.print(table)
    _say_contents(rows)


def _say_contents(rows: "Sequence[BulkRowView]") -> None:
    """Print what rows are to be started with, once for all that say the same."""
    saying: dict[tuple[str, ...], list[int]] = {}
    for row in rows:
        if row.content is not None:
            saying.setdefault(tuple(_said_by(row)), []).append(row.number)
    for said, numbers in saying.items():
        first = ", ".join(map(str, numbers[:NUMBERS_SHOWN]))
        more = f" and {len(numbers) - NUMBERS_SHOWN} more" if len(numbers) > NUMBERS_SHOWN else ""
        say(f"[bold]{'row' if len(numbers) == 1 else 'rows'} {first}{more}[/]")
        for each in said or ("says nothing but its subscription",):
            say(escape(each), first="  ")


def _said_by(row: "BulkRowView") -> "Iterator[str]":
    content = row.content
    if content is None:
        return
    if content.answers:
        yield f"answers: {_answers(content)}"
    if content.attestation:
        yield f"attested by who confirms: {content.attestation}"
    if content.goodwill:
        yield f"goodwill: {content.goodwill}"
        if row.quote is not None and row.quote.goodwill is not None:
            memos = ", ".join(row.quote.goodwill.credit_memos) or "none"
            yield f"with it billed until {row.quote.goodwill.billing_ends_on or 'no line is open'}; credit memos: {memos}"
    if content.reason or content.reason_code:
        yield f"reason: {' '.join(filter(None, (content.reason_code, content.reason)))}"
    if receipt := _receipt(content):
        yield f"received: {receipt}"


def _answers(content: "BulkRowContent") -> str:
    return "; ".join(f"{name}: {answer}" for name, answer in content.answers.items())


def _receipt(content: "BulkRowContent") -> str:
    at = content.received_on or content.received_at
    return " ".join(str(part) for part in (at, content.channel, content.received_because) if part)


def rows_as_csv(rows: "Sequence[BulkRowView]") -> str:
    """Return rows as CSV, for the spreadsheet that they came from."""
    return as_csv(_COLUMNS, [_cells(row) for row in rows])


def _cells(row: "BulkRowView") -> list[object]:
    quote, refusal = row.quote, row.refusal
    shown = (quote.access_ends_on, quote.billing_ends_on, " ".join(quote.credit_memos)) if quote else ("", "", "")
    refused = (refusal.code, refusal.message, refusal.way_out) if refusal else ("", "", "")
    return [row.number, row.subscription, row.state.value, row.cancellation, *shown, *refused, *_content_cells(row)]


def _content_cells(row: "BulkRowView") -> list[object]:
    content, goodwill = row.content, row.quote.goodwill if row.quote else None
    if content is None:
        return [""] * 8
    would = (goodwill.billing_ends_on, " ".join(goodwill.credit_memos)) if goodwill else ("", "")
    reason = (content.reason, content.reason_code)
    return [_answers(content), content.attestation, content.goodwill, *would, *reason, _receipt(content)]
