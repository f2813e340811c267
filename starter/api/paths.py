"""What the addresses of one area share: the subjects in their paths, who may call them, and how they are documented."""

from typing import Annotated, Any

from fastapi import Depends, Path

from domain.permissions import Operation, SubjectKind
from domain.vocabulary import Identifier
from starter.api.callers import Permitted
from starter.api.problems import responses

SUBSCRIPTION = "/subscriptions/{subscription}"
CASES = f"{SUBSCRIPTION}/cancellations"
CASE = f"{CASES}/{{number}}"

EVERYWHERE = responses(401, 403, 422, 500, 503)
"""What every operation may answer."""

Subscription = Annotated[Identifier, Path(description="the subscription's id")]
Number = Annotated[
    str,
    Path(
        pattern=r"^(newest|[1-9][0-9]{0,8})$",
        description="the number of the cancellation among those of the subscription, or `newest`",
    ),
]


def permitted(operation: Operation, kind: SubjectKind = SubjectKind.SUBSCRIPTION) -> Any:
    """Return the dependency that is the principal, if it may do an operation on the subject in the path."""
    return Depends(Permitted(operation, kind))


def documented(operation: Operation, *more: int) -> dict[str, Any]:
    """Return how an operation is documented: its name, and what else it may answer."""
    return {"operation_id": operation.value.replace(".", "_"), "responses": responses(*more)}


def named(subscription: str, number: str) -> str | None:
    """Return the id of the cancellation in a path; None for the newest."""
    return None if number == "newest" else f"{subscription}/{number}"
