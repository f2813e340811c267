"""``offramp report``: for people, as JSON and as CSV."""

import csv
import io

import pytest

from domain.vocabulary import Stage
from records.cancellation.report import CancellationReport, ReportRow, StageDays
from starter.cli.report import csv_of
from tests.support.command_line import CommandLine
from tests.support.world import World

STAY = {Stage.INTAKE: StageDays(cases=2, mean=1.75, median=1.5), Stage.CANCELED: StageDays(cases=1, mean=30, median=30)}
ROWS = (
    ReportRow(month="2026-10", reason_code="unused", started=3, running=1, closed=2, days=STAY),
    ReportRow(month="2026-10", started=1, withdrawn=1),
)
REPORT = CancellationReport(
    first_month=None, last_month=None, organization=None, rows=ROWS, months=(), reasons=(), total=ReportRow(started=4)
)


def test_csv_is_rfc_4180_with_a_row_for_each_month_and_reason() -> None:
    assert csv_of(REPORT) == (
        "month,reason_code,started,running,reversed,withdrawn,abandoned,closed,"
        "intake_days_mean,intake_days_median,preparing_days_mean,preparing_days_median,"
        "scheduled_days_mean,scheduled_days_median,canceled_days_mean,canceled_days_median\r\n"
        "2026-10,unused,3,1,0,0,0,2,1.75,1.5,,,,,30.0,30.0\r\n"
        "2026-10,,1,0,0,1,0,0,,,,,,,,\r\n"
    )


async def test_the_report_counts_what_was_started_and_how_it_ended(world: World, offramp: CommandLine) -> None:
    first, second = world.subscription(), world.subscription()
    await offramp("cancellations", "start", first, "--reason-code", "unused")
    await offramp("cancellations", "start", second)
    await offramp("cancellations", "withdraw", second, "--reason", "stays after all")
    month = f"{world.today(first):%Y-%m}"

    as_json = (await offramp("report", "--json")).json
    assert list(as_json) == ["first_month", "last_month", "organization", "rows", "months", "reasons", "total"]
    counted = [(row["month"], row["reason_code"], row["started"], row["running"]) for row in as_json["rows"]]
    assert counted == [(month, "unused", 1, 1), (month, None, 1, 0)]
    assert (as_json["total"]["started"], as_json["total"]["withdrawn"]) == (2, 1)
    assert as_json["total"]["days"]["intake"]["cases"] == 1

    table = list(csv.DictReader(io.StringIO((await offramp("report", "--csv")).out)))
    assert [(row["month"], row["reason_code"], row["withdrawn"]) for row in table] == [
        (month, "unused", "0"),
        (month, "", "1"),
    ]

    said = await offramp("report", "--from", month, "--until", month)
    assert said.status == 0, said.err
    assert f"{month} unused" in " ".join(said.out.split())
    assert "none given" in said.out
    assert "Days at the stage" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    only = (await offramp("report", "--organization", world.organization(first), "--json")).json
    assert only["total"]["started"] == 1
    nothing = await offramp("report", "--from", "2090-01")
    assert "No cancellation was received in that time." in nothing.out


@pytest.mark.parametrize(
    "wrong",
    [
        ("--from", "2026-13"),
        ("--from", "November"),
        ("--until", "2026-11-01"),
        ("--from", "2026-12", "--until", "2026-11"),
        ("--csv", "--json"),
        ("--organization", "no id"),
    ],
)
async def test_what_cannot_be_meant_is_a_wrong_call(offramp: CommandLine, wrong: tuple[str, ...]) -> None:
    assert (await offramp("report", *wrong)).status == 2
