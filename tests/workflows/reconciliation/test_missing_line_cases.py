"""Terminate and Delete on the case of a single line: it is started again from its record, and is nobody else's case."""

from datetime import timedelta

import pytest

from contract import line_cancellation_workflow_id
from domain.vocabulary import Stage
from tests.support.reconciliation import BUTTONS, Button, about, reconcile, runs, terminate
from tests.support.single_lines import cancel, line_handle, line_reached, pass_line_time, two_lines
from tests.support.world import AGENT, World


@pytest.mark.parametrize("press", BUTTONS, ids=lambda value: value.__name__)
@pytest.mark.parametrize("stage", [Stage.SCHEDULED, Stage.CANCELED])
async def test_the_case_of_a_line_goes_on_from_its_record(site: World, press: Button, stage: Stage) -> None:
    subscription, line = two_lines(site)
    await cancel(site, line)
    await line_reached(site, line, Stage.SCHEDULED)
    if stage is Stage.CANCELED:
        await pass_line_time(site, line, timedelta(days=22))
        await line_reached(site, line, Stage.CANCELED)
    await press(site, line_cancellation_workflow_id(line))

    report = await reconcile(site)

    assert about(report, f"{subscription}/") == [("workflow_missing", "mended")]
    assert await runs(site, line_cancellation_workflow_id(line))
    await pass_line_time(site, line, timedelta(days=60))
    await line_handle(site, line).result()
    assert (await site.lines.status(line)).stage is Stage.CLOSED
    assert site.access(subscription) == "on"
    assert about(await reconcile(site), f"{subscription}/") == []


async def test_a_request_continues_the_case_of_a_line_whose_workflow_is_gone(site: World) -> None:
    subscription, line = two_lines(site)
    await cancel(site, line)
    await line_reached(site, line, Stage.SCHEDULED)
    await terminate(site, line_cancellation_workflow_id(line))

    status = await site.lines.withdraw(line, actor=AGENT, reason="stays after all")

    assert (status.stage, site.line(subscription).end_date) == (Stage.WITHDRAWN, None)


async def test_a_closed_case_of_a_line_has_no_data_erased(site: World) -> None:
    subscription = site.subscription(data_rows=20, lines=[{}, {}])
    line, schema = f"{subscription}-1", f"crm_{subscription.removeprefix('SUB-')}"
    await cancel(site, line)
    await line_reached(site, line, Stage.SCHEDULED)
    await pass_line_time(site, line, timedelta(days=60))
    await line_handle(site, line).result()

    assert (await site.lines.status(line)).stage is Stage.CLOSED
    assert about(await reconcile(site), f"{subscription}/") == []
    assert sum(site.the_data.tables(schema).values()) > 0
