"""The bodies of requests about bulk cancellations."""

import asyncio
from typing import Annotated

from fastapi import Depends
from pydantic import Field, StringConstraints

from contract.cancellation import Answers
from contract.common import ReasonCodeText
from domain.bulk import AT_ONCE, LARGEST_FILE, MOST_AT_ONCE, MOST_PER_MINUTE, PER_MINUTE
from domain.vocabulary import Identifier, Reason
from starter.api.bodies import Body
from starter.api.documents import content_in, form_of
from starter.web.documents import BULK_FILES


class PlanBulk(Body):
    """A bulk to be planned: of the rows of a file, or of every subscription of an organization."""

    csv: Annotated[str, StringConstraints(max_length=LARGEST_FILE)] | None = Field(
        default=None, description="the file, as docs/bulk.md has it"
    )
    name: Annotated[str, StringConstraints(max_length=200)] = Field(default="", description="the file's name")
    organization: Identifier | None = None
    answers: Answers = Field(default={}, description="of an organization: what counts for each of its subscriptions")
    attestation: Reason | None = Field(
        default=None, description="of an organization: how it is known that its billing administrator asks"
    )
    reason_code: ReasonCodeText | None = None
    reason: Reason = Field(description="why, for the audit trail")
    at_once: int = Field(default=AT_ONCE, ge=1, le=MOST_AT_ONCE, description="how many starts are under way together")
    per_minute: int = Field(
        default=PER_MINUTE, ge=1, le=MOST_PER_MINUTE, description="how many are begun in a minute at most"
    )


async def plan_in_turn(content: Annotated[bytes, Depends(content_in(BULK_FILES))]) -> PlanBulk:
    """Return the bulk that a body asks for: it is large, and read as documents are, in places of its own."""
    return await asyncio.to_thread(form_of, PlanBulk, content)


Planned = Annotated[PlanBulk, Depends(plan_in_turn)]


class ConfirmBulk(Body):
    """The confirmation of a plan as it was shown."""

    digest: Annotated[str, StringConstraints(max_length=100)] = Field(description="that of the plan which was shown")
    reason: Reason


class SetBulkSwitch(Body):
    """The kill switch of the installation."""

    off: bool = Field(description="true to let no bulk start anything")
    reason: Reason
