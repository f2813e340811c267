"""Refusals of ids and numbers in an import: given twice, or unknown."""

from typing import ClassVar

from domain.refusals import Refusal
from domain.remedies import correct_input


class DuplicateInDocument(Refusal):
    """Base of the refusals of a value that must be unique and is in the document twice."""

    what: ClassVar[str]

    def __init__(self, value: str, first: str) -> None:
        super().__init__(f"The {self.what} {value!r} is already used at {first}.", value=value, first=first)


class DuplicateId(DuplicateInDocument):
    """Two entries of one kind with the same id or number."""

    code = "duplicate_id"
    what = "id"


class DuplicateUrl(DuplicateInDocument):
    """Two organizations with the same URL."""

    code = "duplicate_url"
    what = "URL"


class DuplicateUniqueName(DuplicateInDocument):
    """Two organizations with the same unique name."""

    code = "duplicate_unique_name"
    what = "unique name"


class DuplicateDataSchema(DuplicateInDocument):
    """Two organizations with their data in the same schema."""

    code = "duplicate_data_schema"
    what = "schema"


class ReferenceUnknown(Refusal):
    """Base of the refusals of a reference to something that neither the document nor the database has."""

    what: ClassVar[str]

    def __init__(self, value: str) -> None:
        super().__init__(
            f"There is no {self.what} {value!r}, neither in this document nor in the database.",
            remedy=correct_input(f"Add the {self.what} to the document, or correct the reference."),
            value=value,
        )


class OrganizationUnknown(ReferenceUnknown):
    """A subscription of an organization that does not exist."""

    code = "organization_unknown"
    what = "organization"


class PolicyUnknown(ReferenceUnknown):
    """An organization with a policy that does not exist."""

    code = "policy_unknown"
    what = "policy"


class ContractUnknown(ReferenceUnknown):
    """A line on a contract that does not exist."""

    code = "contract_unknown"
    what = "contract"


class LineUnknown(ReferenceUnknown):
    """An invoice of a line that does not exist."""

    code = "line_unknown"
    what = "subscription line"
