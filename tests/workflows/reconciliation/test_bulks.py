"""A bulk whose workflow an operator has ended: it is carried out from its record."""

import pytest
from temporalio.client import WorkflowFailureError

import contract
from domain.bulk import BulkState, RowState
from tests.support.bulks import confirmed, planned, row, until
from tests.support.reconciliation import BUTTONS, Button, about, reconcile
from tests.support.world import World


async def cancel(site: World, workflow_id: str) -> None:
    """Press Request Cancellation, and wait for the end of the workflow."""
    handle = site.environment.client.get_workflow_handle(workflow_id)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()


@pytest.mark.parametrize("press", [*BUTTONS, cancel], ids=lambda value: value.__name__)
async def test_a_bulk_without_a_workflow_is_carried_out_from_its_record(site: World, press: Button) -> None:
    with site.environment.with_time_skipping_disabled():
        plan = await planned(site, [row(site, site.subscription()) for _ in range(2)])
        workflow_id = contract.bulk_workflow_id(plan.bulk)
        await press(site, workflow_id)
        assert about(await reconcile(site, dry_run=True), workflow_id) == [("workflow_missing", "to_be_mended")]
        assert about(await reconcile(site), workflow_id) == [("workflow_missing", "mended")]

        await confirmed(site, plan)
        done = await until(site, plan.bulk, BulkState.FINISHED)
        await site.environment.client.get_workflow_handle(workflow_id).result()
        assert done.rows == {RowState.STARTED: 2}
        assert about(await reconcile(site), workflow_id) == []
