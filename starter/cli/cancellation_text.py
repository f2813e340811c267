"""Cancellations in text for people, made for 80 columns: one in detail, many in a list, the trail of one."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from contract import CancellationStatus, ExportStatus, MarketingCancellationStatus, ReversibleStatus
from domain.cancellation.waiting import IN_WORDS, Awaited
from domain.civil_dates import day_text
from domain.civil_time import day_of
from domain.marketing import Consent
from domain.vocabulary import CampaignChoice, DataChoice, Question, Stage, Termination
from domain.words import FOR_AGENTS, received_in_words, sentence
from records.audit import AuditEntry
from records.cancellation.case_list import CaseSummary
from records.cancellation.lists import CaseHistory
from records.messages import SentMessage
from starter.cli.output import console, say
from starter.cli.quote import say_proposal, say_quote_in_short

_HOW_TO_ANSWER = {
    Question.BILLING_ADMINISTRATOR: "--administrator E-MAIL",
    Question.ORGANIZATION_URL: "--url URL",
    Question.ORGANIZATION_NAME: "--name NAME",
    Question.TERMINATION_DATE: "--terminate-on YYYY-MM-DD|now|end_of_term",
    Question.DATA: f"--data {'|'.join(DataChoice)}",
    Question.CAMPAIGNS: f"--campaigns {'|'.join(CampaignChoice)}",
}
_STAGE_STYLES = {Stage.CLOSED: "dim", Stage.WITHDRAWN: "dim", Stage.ABANDONED: "dim", Stage.REVERSED: "green"}
_LABEL_WIDTH = 20
_NOT_SET = "not set"


def say_status(status: CancellationStatus) -> None:
    """Print the state of a cancellation, what is open, and what to do next."""
    zone = status.time_zone
    say(f"Cancellation [bold]{status.cancellation}[/]: [bold]{status.stage}[/].")
    say_fact("received", received_in_words(FOR_AGENTS.instant(status.received_at, zone), status.channel))
    say_fact("reason for leaving", status.reason_code or "")
    if status.access_ended_on:
        say_fact("access ended on", day_text(status.access_ended_on))
    elif not status.stage.is_final:
        say_fact("access works through", _last_day(status.termination, status.termination_date))
    if status.stage is Stage.CANCELED and status.reversal_deadline:
        say_fact("reversible until", FOR_AGENTS.deadline(status.reversal_deadline, zone))
    if status.stage is Stage.INTAKE and status.stage_deadline:
        say_fact("closes unanswered", FOR_AGENTS.deadline(status.stage_deadline, zone))
    if status.held_up_because or status.stage is not Stage.INTAKE or not _is_open(status):
        say_fact("waits for", status.waiting_for)
    say_fact("held up by", escape(status.held_up_because))
    say_fact("campaigns", campaigns_in_text(status))
    say_fact("systems", "; ".join(task.in_words for task in status.system_tasks))
    say_fact("export", _export(status))
    say_fact("data erased", FOR_AGENTS.instant(status.erased_at, zone) if status.erased_at else "")
    say_fact("credit memos needed", ", ".join(status.outstanding_credit_memos))
    say_fact("being delivered", ", ".join(status.undelivered))
    _say_next(status)


def _say_next(status: CancellationStatus) -> None:
    """Print the dates as they are quoted, and the commands that somebody is waited for to give."""
    if status.quote is not None and not status.stage.is_final:
        say_quote_in_short(status.quote)
    if status.proposal is not None and not status.stage.is_final:
        say_proposal(status.proposal, f"cancellations approve {status.subscription}")
    if status.stage is Stage.INTAKE and _is_open(status):
        say_what_is_open(status, f"cancellations answer {status.subscription}")
    if status.marketing_consent is Consent.ASKED and not status.stage.is_final:
        say(
            f"If they reply: [cyan]offramp marketing consent {status.subscription} --agree|--decline --attest REASON[/]"
        )
    if status.outstanding_credit_memos:
        say(f"Post them in this order: [cyan]offramp credit-memos post {status.outstanding_credit_memos[0]}[/]")


def _export(status: CancellationStatus) -> str:
    """Return the state of the export, with the command that shows more while there is something to do."""
    more = f"offramp export show {status.subscription}"
    match status.export:
        case ExportStatus.RUNNING:
            return f"under way: {more}"
        case ExportStatus.READY:
            return f"ready, not acknowledged yet: {more}"
        case ExportStatus.ACKNOWLEDGED:
            return "downloaded"
        case ExportStatus.ERASED:
            return "erased"
        case None:
            return ""


def campaigns_in_text(status: CancellationStatus | MarketingCancellationStatus) -> str:
    """Return the state of the campaigns to stop in words; empty where there were none."""
    consent = status.marketing_consent if isinstance(status, CancellationStatus) else None
    if consent is not None and consent.refused:
        return f"kept running: the consent was {_spaced(consent)}"
    if status.ads_may_still_run:
        return f"ads may still run and bill until the ad centre acknowledges {', '.join(status.campaigns_outstanding)}"
    if status.campaigns_stopped is None:
        return ""
    return f"stopped: {', '.join(status.campaigns_stopped)}" if status.campaigns_stopped else "nothing was left to stop"


def say_already_running(status: CancellationStatus, *, unused_answers: Sequence[str]) -> None:
    """Report that a start found a running cancellation, and what it therefore did not do."""
    since = FOR_AGENTS.instant(status.received_at, status.time_zone)
    say(
        f"[yellow]Already running[/] since {since}, started by request {escape(status.request_id) or 'without an id'}; "
        "nothing new was started."
    )
    if unused_answers and status.stage is Stage.INTAKE:
        say(f"The answers given were not accepted. To give them: offramp cancellations answer {status.subscription} …")


def say_cases(cases: Sequence[CaseSummary]) -> None:
    """List cancellations with what comes next, or came last."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Cancellation", overflow="fold")
    table.add_column("Stage", no_wrap=True)
    table.add_column("Received", no_wrap=True)
    table.add_column("What is next, or was last", ratio=1)
    for case in cases:
        table.add_row(
            escape(case.cancellation),
            f"[{_STAGE_STYLES.get(case.stage, 'yellow')}]{case.stage}[/]",
            day_text(day_of(case.received_at, case.time_zone)),
            _next(case),
        )
    console.print(table)


def say_history(history: CaseHistory) -> None:
    """Print an audit trail, an entry for each event: when and who, what, from what to what, and why."""
    zone = history.time_zone
    say(f"[bold]Audit trail of {history.subscription}[/]")
    for entry in history.entries:
        say()
        say(f"{FOR_AGENTS.instant(entry.at, zone, seconds=True)}  [bold]{escape(entry.actor)}[/]")
        say(f"[cyan]{escape(_what(entry))}[/]", first="  ")
        for change in _changes(entry.before or {}, entry.after or {}, zone):
            say(escape(change), first="    ")
        _say_why(entry.why)


def _what(entry: AuditEntry) -> str:
    of, _, what = entry.action.partition(".")
    return f"{_spaced(of)}{f' {entry.line}:' if entry.line else ''} {_spaced(what)}"


def say_messages(messages: Sequence[SentMessage]) -> None:
    """List messages, the newest first, each with what has become of it."""
    for message in messages:
        to = f"webhook to {message.endpoint}" if message.endpoint else str(message.channel)
        say(
            f"{FOR_AGENTS.instant(message.created_at, 'UTC')}  {escape(message.event)}, {escape(to)}: {message.outcome}"
        )
        say(escape(message.id), first="    ")
    if not messages:
        say("No message yet.")


def _say_why(why: str | None) -> None:
    steps = (why or "").splitlines()
    if len(steps) == 1:
        say(escape(steps[0]), first="    why: ")
    elif steps:
        say("why:", first="    ")
        for step in steps:
            say(escape(sentence(step)), first="      - ")


def _changes(before: dict[str, Any], after: dict[str, Any], zone: str) -> list[str]:
    """List what changed and what is newly known, but nothing that is unset or unchanged."""
    said = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name not in before or (old is None and name not in after):
            said.append(f"{_spaced(name)}: {_value(new, zone)}")
        else:
            said.append(f"{_spaced(name)}: {_value(old, zone)} -> {_value(new, zone)}")
    return said


def _value(value: Any, zone: str) -> str:
    if value is None:
        return _NOT_SET
    text = str(value)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return text
    return FOR_AGENTS.instant(instant, zone) if instant.tzinfo else text


def _next(case: CaseSummary) -> str:
    match case.stage:
        case Stage.INTAKE:
            return "waits for answers"
        case Stage.CANCELED if case.reversal_deadline:
            return f"reversible until {FOR_AGENTS.deadline(case.reversal_deadline, case.time_zone)}"
        case Stage.PREPARING | Stage.SCHEDULED if case.line_ends_on:
            waits = [one for one in case.waits_for if case.stage is Stage.PREPARING or one is Awaited.BILLING]
            return "; ".join(
                (f"the line ends on {day_text(case.line_ends_on)}", *(f"waits for {IN_WORDS[one]}" for one in waits))
            )
        case Stage.PREPARING | Stage.SCHEDULED if case.termination_date:
            works = f"access works through {_last_day(case.termination, case.termination_date)}"
            waits = [one for one in case.waits_for if case.stage is Stage.PREPARING or one is Awaited.BILLING]
            return "; ".join((works, *(f"waits for {IN_WORDS[one]}" for one in waits)))
    return f"since {FOR_AGENTS.instant(case.ended_at, case.time_zone)}" if case.ended_at else ""


def _last_day(termination: Termination | None, day: date | None) -> str:
    if day is None:
        return ""
    match termination:
        case Termination.NOW:
            return "no day more: it ends at once"
        case Termination.END_OF_TERM:
            return f"{day_text(day)}, the end of the term"
    return day_text(day)


def say_fact(name: str, value: str) -> None:
    """Print a fact in its column, unless it is empty."""
    if value:
        say(escape(value), first=f"  {name:<{_LABEL_WIDTH}} ")


def _is_open(status: CancellationStatus) -> bool:
    return bool(status.open_questions) or not status.verified


def say_what_is_open(status: ReversibleStatus, command: str) -> None:
    """Print what the customer still has to give, and the command with which it is given."""
    missing = [(_spaced(question), _HOW_TO_ANSWER[question]) for question in status.open_questions]
    if not status.verified:
        missing.append(("verification", "--send-code, then --code CODE; or --attest REASON"))
    say("Still open:")
    for name, how in missing:
        say(escape(how), first=f"  - {name:<{len('billing administrator')}}  ")
    say(f"Answer with: [cyan]offramp {command}[/] and these options")


def _spaced(name: str) -> str:
    return name.replace("_", " ")
