"""Refusals of code of an organization's own: what calls it, who has looked at it, and what would run it."""

from collections.abc import Sequence

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind
from storage.tenants.refusals import first_of, quoted


class TenantSchemaMixed(Refusal):
    """Things of a superuser that call functions of others: to change them would call those with a superuser's rights."""

    code = "tenant_schema_mixed"

    def __init__(self, schema: str, calls: Sequence[str]) -> None:
        named = first_of(calls)
        super().__init__(
            f"A superuser owns something in schema {quoted(schema)}, in which functions of others are called: {named}.",
            remedy=Remedy.of(
                RemedyKind.ASK_DATABASE_ADMINISTRATOR,
                request="drop what calls them, prepare the schema, and create it again; nothing was changed.",
            ),
            schema=schema,
            calls=named,
        )


class TenantSchemaHasCode(Refusal):
    """A schema with functions of the organization's own that a query or a restored copy would call, reviewed by nobody."""

    code = "tenant_schema_has_code"

    def __init__(self, organization: str, schema: str, things: Sequence[str], digest: str) -> None:
        named = first_of(things)
        super().__init__(
            f"Schema {quoted(schema)} of organization {organization} calls functions that are not PostgreSQL's own, and "
            f"nobody has reviewed them: {named}.",
            remedy=Remedy.of(RemedyKind.REVIEW_TENANT_CODE, organization=organization, digest=digest),
            organization=organization,
            schema=schema,
            things=named,
            digest=digest,
        )


class TenantCodeChanged(Refusal):
    """The review of code that is not the code of the schema now."""

    code = "tenant_code_changed"

    def __init__(self, organization: str, digest: str) -> None:
        super().__init__(
            f"The code in the schema of organization {organization} is not the code that was looked at.",
            remedy=Remedy.of(RemedyKind.REVIEW_TENANT_CODE, organization=organization, digest=digest),
            organization=organization,
            digest=digest,
        )
