"""The schema of each organization's data, as the service's own database records it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from storage.tables import OrganizationRow


class OrganizationNotFound(Refusal):
    """An id that no organization has."""

    code = "organization_not_found"

    def __init__(self, organization: str) -> None:
        super().__init__(
            f"There is no organization {organization}.",
            remedy=Remedy.of(RemedyKind.IMPORT_ORGANIZATION),
            organization=organization,
        )


class OrganizationWithoutData(Refusal):
    """An organization whose data has no configured schema."""

    code = "organization_without_data"

    def __init__(self, organization: str) -> None:
        super().__init__(
            f"Organization {organization} has no data here: its data_schema is not set.",
            remedy=Remedy.of(RemedyKind.IMPORT_DATA_SCHEMA),
            organization=organization,
        )


def data_schema_of(session: Session, organization: str) -> str:
    """Return the schema of an organization's data; raises OrganizationNotFound, OrganizationWithoutData."""
    found = session.get(OrganizationRow, organization)
    if found is None:
        raise OrganizationNotFound(organization)
    if found.data_schema is None:
        raise OrganizationWithoutData(organization)
    return found.data_schema


def organizations_with_data(session: Session) -> dict[str, str]:
    """Return the schema of every organization that has one, by the organization's id."""
    query = (
        select(OrganizationRow.id, OrganizationRow.data_schema)
        .where(OrganizationRow.data_schema.is_not(None))
        .order_by(OrganizationRow.id)
    )
    return {identifier: schema for identifier, schema in session.execute(query) if schema is not None}
