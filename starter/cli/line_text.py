"""The cancellation of one line in text for people."""

from rich.markup import escape

from contract import LineCancellationStatus
from domain.civil_dates import day_text
from domain.vocabulary import Stage, Termination
from domain.words import FOR_AGENTS, received_in_words
from starter.cli.cancellation_text import say_fact, say_what_is_open
from starter.cli.output import say
from starter.cli.quote import say_line_quote_in_short, say_proposal


def say_status(status: LineCancellationStatus) -> None:
    """Print the state of a line's cancellation, and what to do next."""
    zone = status.time_zone
    say(f"Cancellation [bold]{status.cancellation}[/]: [bold]{status.stage}[/].")
    say_fact("line", f"{status.subscription_line} of {status.subscription}, which goes on")
    say_fact("received", received_in_words(FOR_AGENTS.instant(status.received_at, zone), status.channel))
    say_fact("reason for leaving", status.reason_code or "")
    if status.termination is Termination.ON_DATE and status.termination_date:
        say_fact("wished for", day_text(status.termination_date))
    if status.line_ends_on and status.stage not in (Stage.WITHDRAWN, Stage.ABANDONED, Stage.REVERSED):
        say_fact("billed through", day_text(status.line_ends_on))
    if status.stage is Stage.CANCELED and status.reversal_deadline:
        say_fact("reversible until", FOR_AGENTS.deadline(status.reversal_deadline, zone))
    if status.stage is Stage.INTAKE and status.stage_deadline:
        say_fact("closes unanswered", FOR_AGENTS.deadline(status.stage_deadline, zone))
    say_fact("waits for", status.waiting_for)
    say_fact("held up by", escape(status.held_up_because))
    say_fact("credit memos needed", ", ".join(status.outstanding_credit_memos))
    say_fact("being delivered", ", ".join(status.undelivered))
    if status.quote is not None and not status.stage.is_final:
        say_line_quote_in_short(status.quote)
    if status.proposal is not None and not status.stage.is_final:
        say_proposal(status.proposal, f"lines approve {status.subscription_line}")
    if status.stage is Stage.INTAKE and (status.open_questions or not status.verified):
        say_what_is_open(status, f"lines answer {status.subscription_line}")
    if status.outstanding_credit_memos:
        say(f"Post them in this order: [cyan]offramp credit-memos post {status.outstanding_credit_memos[0]}[/]")


def say_already_running(status: LineCancellationStatus) -> None:
    """Report that a start found a running cancellation of the line, and what it therefore did not do."""
    since = FOR_AGENTS.instant(status.received_at, status.time_zone)
    say(
        f"[yellow]Already running[/] since {since}, started by request {escape(status.request_id) or 'without an id'}; "
        "nothing new was started."
    )
