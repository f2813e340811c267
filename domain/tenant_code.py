"""The refusals of a review of code that an organization has defined in its schema."""

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind


class CodeChanged(Refusal):
    """The review of code that is not the code of the schema now."""

    code = "tenant_code_changed"

    def __init__(self, organization: str, digest: str) -> None:
        super().__init__(
            f"The code in the schema of organization {organization} is not the code that was looked at.",
            remedy=Remedy.of(RemedyKind.REVIEW_TENANT_CODE, organization=organization, digest=digest),
            organization=organization,
            digest=digest,
        )
