"""The recorded status of a case of any kind, or of its migration."""

from sqlalchemy.orm import Session

from contract import CaseStatus, MigrationStatus, migration_workflow_id
from domain.cases import CaseKind, CaseRef
from records.cancellation.lists import status_of_case
from records.marketing.lists import status_of_marketing_case
from records.migration.lists import status_of_migration
from storage.tables import MarketingCancellationRow


def recorded_status_of(session: Session, workflow_id: str, case: str) -> CaseStatus | MigrationStatus | None:
    """Return the status with which a workflow answers about a case that it has run before."""
    named = CaseRef.parse(case)
    if named.kind is CaseKind.MARKETING_SERVICE:
        return status_of_marketing_case(session, session.get_one(MarketingCancellationRow, case))
    if named.kind is CaseKind.SUBSCRIPTION and workflow_id == migration_workflow_id(named.subject):
        return status_of_migration(session, case)
    return status_of_case(session, case)
