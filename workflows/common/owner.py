"""The owner of a collaborator: the workflow, as far as its collaborators may use it."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from temporalio import workflow

from workflows.common.case_state import CaseState

with workflow.unsafe.imports_passed_through():
    from contract.steps import Recorded, Step
    from domain.actors import THE_SERVICE


State_co = TypeVar("State_co", bound=CaseState[Any, Any], covariant=True)
Activities = TypeVar("Activities")
Argument = TypeVar("Argument")
Outcome = TypeVar("Outcome", bound=Recorded)


class CaseOwner(Protocol[State_co]):
    """The workflow of a case, as its collaborators see it."""

    @property
    def case(self) -> State_co:
        """The case, which is open."""
        ...

    def step(self, name: str, actor: str = THE_SERVICE, *, why: str | None = None) -> Step:
        """Return a step of the case, taken now; its name is the idempotency key."""
        ...

    @property
    def continues_as_new(self) -> bool:
        """True while the workflow may continue as new: its history is long, and nothing is under way but deliveries."""
        ...

    def look_at_length(self) -> None:
        """Have the workflow continue as new at its next wait if its history has become long."""
        ...

    async def record(
        self, activity: Callable[[Activities, Argument], Outcome], argument: Argument, *, summary: str
    ) -> Outcome:
        """Take a step in the records, and start the delivery of its messages; raises RefusedStep."""
        ...
