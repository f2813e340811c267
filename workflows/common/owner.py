"""The owner of a collaborator: the workflow, as far as what it has done beside its story may use it."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from contract.steps import Recorded, Step

# Our own workflow code is loaded anew for every workflow, under the sandbox's eyes; that is meant, so it is not announced.
with workflow.unsafe.sandbox_import_notification_policy(workflow.SandboxImportNotificationPolicy.SILENT):
    from workflows.common.case_state import CaseState

State_co = TypeVar("State_co", bound=CaseState[Any, Any], covariant=True)
Activities = TypeVar("Activities")
Argument = TypeVar("Argument")
Outcome = TypeVar("Outcome", bound=Recorded)

THE_SERVICE = "offramp"
"""The actor of what happens by itself."""


class CaseOwner(Protocol[State_co]):
    """A workflow that carries a case."""

    @property
    def case(self) -> State_co:
        """The case, which is open."""
        ...

    def step(self, name: str, actor: str = THE_SERVICE, *, why: str | None = None) -> Step:
        """Return a step of the case, taken now; its name is the idempotency key."""
        ...

    async def record(
        self, activity: Callable[[Activities, Argument], Outcome], argument: Argument, *, summary: str
    ) -> Outcome:
        """Take a step in the records, and have delivered what it owes; raises ForwardedRefusal."""
        ...
