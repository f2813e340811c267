"""Exports in text for people, made for 80 columns."""

import asyncio

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from activities.export import ExportProgress
from domain.words import FOR_AGENTS, size_in_words
from starter.cli.output import error_console, say
from starter.service.export import ExportClient, ExportView

LOOK_AGAIN = 0.5


def say_export(view: ExportView) -> None:
    """Print the state of an export."""
    state = view.state
    if state is None:
        say(f"Cancellation {view.cancellation} has no export.")
        return
    say(f"Export of [bold]{view.cancellation}[/]: {_stage(view)}.")
    rows: list[tuple[str, str]] = [("begun", FOR_AGENTS.instant(state.started_at, view.time_zone))]
    if state.attempts > 1:
        rows.append(("attempts", str(state.attempts)))
    if view.progress is not None:
        rows.append(("now", _in_words(view.progress)))
    if view.held_up_by:
        rows.append(("last attempt" if view.progress else "held up by", escape(view.held_up_by)))
    if state.summary is not None and state.finished_at is not None:
        summary = state.summary
        rows += [
            ("finished", FOR_AGENTS.instant(state.finished_at, view.time_zone)),
            ("holds", f"{summary.tables:,} tables, {summary.rows:,} rows, {size_in_words(summary.bytes)}"),
            ("warnings", f"{summary.warnings:,}, listed in manifest.json" if summary.warnings else "none"),
        ]
    if state.link_expires_at is not None and not state.is_gone:
        rows.append(("link works until", FOR_AGENTS.instant(state.link_expires_at, view.time_zone)))
    if state.acknowledged_at is not None:
        by = escape(state.acknowledged_by or "")
        rows.append(("downloaded", f"{FOR_AGENTS.instant(state.acknowledged_at, view.time_zone)}, says {by}"))
    if state.erased_at is not None:
        rows.append(("erased" if state.finished_at else "removed", FOR_AGENTS.instant(state.erased_at, view.time_zone)))
    for label, value in rows:
        say(value, first=f"  {label:<20} ")


async def watch_export(exports: ExportClient, subscription: str) -> ExportView:
    """Show a progress bar until the export is finished or known to be blocked; return its state then."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Progress(*columns, console=error_console, transient=True) as bar:
        task = bar.add_task("waiting to begin", total=None, left="")
        while True:
            view = await exports.status(subscription)
            if _is_settled(view):
                return view
            if (progress := view.progress) is not None:
                bar.update(
                    task,
                    total=max(progress.rows_estimated, progress.rows_done),
                    completed=progress.rows_done,
                    description=progress.table,
                    left=_left(progress),
                )
            await asyncio.sleep(LOOK_AGAIN)


def _is_settled(view: ExportView) -> bool:
    """Return true if nothing changes for now, so that watching longer would show nothing."""
    state = view.state
    if state is None or state.finished_at is not None or state.is_gone:
        return True
    return view.held_up_by is not None and view.progress is None and not view.is_taken_over


def _stage(view: ExportView) -> str:
    state = view.state
    if state is None:
        return "none"
    if state.erased_at is not None:
        return "erased" if state.finished_at else "given up before it was finished"
    if state.acknowledged_at is not None:
        return "downloaded"
    if state.finished_at is not None:
        return "ready to be downloaded"
    return "under way" if view.held_up_by is None or view.progress is not None else "held up, and tried again"


def _in_words(progress: ExportProgress) -> str:
    if not progress.table:
        return f"{progress.percent:.0f} %, {progress.tables_done} of {progress.tables} tables"
    done = f"{progress.percent:.0f} %: table {escape(progress.table)} ({progress.tables_done + 1} of {progress.tables})"
    return f"{done}, {progress.rows_done:,} of about {progress.rows_estimated:,} rows{_left(progress)}"


def _left(progress: ExportProgress) -> str:
    if progress.seconds_left is None:
        return ""
    seconds = round(progress.seconds_left)
    return f", about {seconds // 60} min left" if seconds >= 120 else f", about {seconds} s left"
