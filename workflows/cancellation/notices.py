"""The collaborators of a cancellation, and the signals that tell them of changes elsewhere."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract

# Our own workflow code is reloaded for every workflow, inside the sandbox, on purpose: so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.cancellation.campaigns import CampaignStops
    from workflows.cancellation.erasure import DataErasure
    from workflows.cancellation.export import DataExport
    from workflows.cancellation.migration import DataMigration
    from workflows.cancellation.open_billing import OpenBilling
    from workflows.cancellation.state import Case
    from workflows.common.cancellation_workflow import CancellationWorkflow
    from workflows.common.requests import named_otherwise


class CancellationNotices(CancellationWorkflow[Case, contract.CancellationStatus]):
    """The part of the chain with the work beside the story, and the notices from outside that concern it."""

    def __init__(self) -> None:
        super().__init__()
        self._export = DataExport(self)
        self._erasure = DataErasure(self)
        self._campaigns = CampaignStops(self, self._ad_centre)
        self._migration = DataMigration(self)
        self._open_billing = OpenBilling(self)

    @property
    def requester(self) -> str:
        """The actor who asked for the cancellation."""
        return self.case.requester

    @property
    def is_withdrawn(self) -> bool:
        """True once nothing more is to be prepared: the record of the case is further, or it is withdrawn."""
        return self.case.is_overtaken

    @workflow.signal(name=contract.SIGNAL_CREDIT_MEMO_POSTED)
    def credit_memo_posted(self, *received: Any) -> None:
        """Have the credit memos checked again, unless the notice is for another case."""
        self.look_at_length()
        if self._case is not None and named_otherwise(received, self._case.id):
            return
        self._open_billing.credit_memo_posted()

    @workflow.signal(name=contract.SIGNAL_HOLDS_CHANGED)
    def holds_changed(self, *_: Any) -> None:
        """Have the obstacles to the erasure checked again."""
        self.look_at_length()
        self._erasure.look_again()

    @workflow.signal(name=contract.SIGNAL_MIGRATION_MOVED)
    def migration_moved(self, *received: Any) -> None:
        """Show the state of the migration that this case waits for."""
        self.look_at_length()
        if self._case is not None:
            self._migration.take_move(received)
