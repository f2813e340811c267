"""Exports in text, for an agent who must explain their state."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.failure.v1 import Failure, TimeoutFailureInfo
from temporalio.api.workflow.v1 import PendingActivityInfo

from contract import CancellationStatus, ExportStatus
from domain.vocabulary import Stage
from records.export import ExportState, ExportSummary
from starter.cli.cancellation_text import say_status
from starter.cli.export_text import say_export, watch_export
from starter.service.descriptions import why_held_up
from starter.service.export import ExportClient, ExportView

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SUMMARY = ExportSummary(
    prefix="cancellations/SUB-1/1/export/1/", manifest_sha256="ab" * 32, tables=2, rows=8, bytes=4800, warnings=0
)


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def export(*, finished: bool = True, erased: bool = False) -> ExportView:
    state = ExportState(
        cancellation="SUB-1/1",
        attempts=1,
        started_at=NOON,
        finished_at=NOON if finished else None,
        summary=SUMMARY if finished else None,
        links=1,
        link_expires_at=NOON + timedelta(days=7) if finished else None,
        acknowledged_at=NOON if finished and erased else None,
        acknowledged_by="ann" if finished and erased else None,
        erased_at=NOON if erased else None,
    )
    return ExportView(cancellation="SUB-1/1", time_zone="Europe/Berlin", state=state)


class Standing(ExportClient):
    """A client that always sees the same."""

    def __init__(self, view: ExportView) -> None:
        self._view = view

    async def status(self, subscription: str) -> ExportView:
        assert subscription == "SUB-1"
        return self._view


@pytest.mark.parametrize(
    "view",
    [
        ExportView(cancellation="SUB-1/1", time_zone="Europe/Berlin", state=None),
        export(finished=False, erased=True),
        export(finished=False).model_copy(update={"held_up_by": "The store has no room."}),
        export(),
    ],
    ids=["none", "withdrawn", "held up", "finished"],
)
async def test_nobody_watches_for_ever_what_does_not_move(view: ExportView) -> None:
    assert await asyncio.wait_for(watch_export(Standing(view), "SUB-1"), timeout=10) == view


async def test_an_export_that_lost_its_worker_is_watched_until_another_one_has_finished_it() -> None:
    lost = export(finished=False).model_copy(update={"held_up_by": "The worker died.", "is_taken_over": True})
    views = iter([lost, lost, export()])

    class Moving(Standing):
        async def status(self, subscription: str) -> ExportView:
            assert subscription == "SUB-1"
            return next(views)

    assert await asyncio.wait_for(watch_export(Moving(lost), "SUB-1"), timeout=10) == export()


def test_an_export_without_warnings_names_no_file_that_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    say_export(export())
    said = capsys.readouterr().out
    assert "warnings             none\n" in said
    assert "link works until     2026-11-29 13:00 Europe/Berlin (UTC+01:00)" in said


def test_no_link_is_said_to_work_when_the_files_are_erased(capsys: pytest.CaptureFixture[str]) -> None:
    say_export(export(erased=True))
    said = capsys.readouterr().out
    assert "Export of SUB-1/1: erased." in said
    assert "link works until" not in said


def test_an_export_that_a_withdrawal_cut_short_was_never_there_to_be_erased(capsys: pytest.CaptureFixture[str]) -> None:
    say_export(export(finished=False, erased=True))
    said = capsys.readouterr().out
    assert "Export of SUB-1/1: given up before it was finished." in said
    assert "removed              2026-11-22 13:00 Europe/Berlin (UTC+01:00)" in said


def test_a_worker_that_died_is_named_and_not_what_temporal_calls_it() -> None:
    died = Failure(message="activity Heartbeat timeout", timeout_failure_info=TimeoutFailureInfo())
    assert why_held_up(PendingActivityInfo(last_failure=died)) == (
        "The worker that did it died or gave no sign of life; another one takes over."
    )
    assert why_held_up(PendingActivityInfo(last_failure=Failure(message="no room"))) == "no room"
    assert why_held_up(PendingActivityInfo()) == ""


@pytest.mark.parametrize(
    ("export", "stage", "said"),
    [
        (ExportStatus.RUNNING, Stage.PREPARING, "export               under way: offramp export show SUB-1"),
        (ExportStatus.READY, Stage.CLOSED, "ready, not acknowledged yet: offramp export show SUB-1"),
        (ExportStatus.ERASED, Stage.CLOSED, "data erased          2026-11-22 13:00 Europe/Berlin (UTC+01:00)"),
    ],
)
def test_a_case_says_how_its_export_stands_and_when_the_data_was_erased(
    export: ExportStatus, stage: Stage, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say_status(
        CancellationStatus(
            cancellation="SUB-1/1",
            subscription="SUB-1",
            organization="ORG-1",
            time_zone="Europe/Berlin",
            stage=stage,
            request_id="r",
            received_at=NOON,
            waiting_for="",
            verified=True,
            export=export,
            erased_at=NOON if export is ExportStatus.ERASED else None,
        )
    )
    assert said in capsys.readouterr().out
