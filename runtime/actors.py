"""Who acts: doors sign the requests that they send to Temporal, and workers mark the actors of all others.

Two halves of one interceptor. At a client it signs every message that names an actor, whatever area sends it. At a worker it
settles the claim of a step before the activity sees it, so that no record, no rule and no audit trail ever has the name of
somebody who was not there. A workflow verifies nothing itself: a key that is rotated must not change how a history replays.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar
from uuid import uuid4

from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    StartWorkflowUpdateWithStartInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput
from temporalio.worker import Interceptor as WorkerInterceptor

from contract.common import Signed
from contract.requests import START, claim_of
from contract.steps import OfActor, StepData
from domain.actors import sent_directly
from runtime.request_keys import RequestKeys

T = TypeVar("T")


class ActorInterceptor(Interceptor, WorkerInterceptor):
    """The interceptor; without keys it does nothing."""

    def __init__(self, keys: RequestKeys) -> None:
        self._keys = keys

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002
        """Sign what this client sends."""
        return _Signing(next, self._keys) if self._keys else next

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        """Settle the claims of what an activity is given."""
        return _Settling(next, self._keys) if self._keys else next


class _Signing(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, keys: RequestKeys) -> None:  # noqa: A002
        super().__init__(next)
        self._keys = keys

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:  # noqa: A002
        input.args = self._signed(input.args, input.id, START, "")
        return await super().start_workflow(input)

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:  # noqa: A002
        input.update_id = input.update_id or str(uuid4())
        input.args = self._signed(input.args, input.id, input.update, input.update_id)
        return await super().start_workflow_update(input)

    async def start_update_with_start_workflow(
        self,
        input: StartWorkflowUpdateWithStartInput,  # noqa: A002
    ) -> WorkflowUpdateHandle[Any]:
        starting = input.start_workflow_input  # its update only asks for the outcome
        starting.args = self._signed(starting.args, starting.id, START, "")
        return await super().start_update_with_start_workflow(input)

    def _signed(self, args: Sequence[Any], workflow_id: str, name: str, request_id: str) -> Sequence[Any]:
        return [self._with_signature(each, workflow_id, name, request_id) for each in args]

    def _with_signature(self, message: object, workflow_id: str, name: str, request_id: str) -> object:
        if not isinstance(message, Signed):
            return message
        claim = claim_of(workflow_id, name, request_id, message)
        return message.model_copy(update={"signature": self._keys.signature(claim)})


class _Settling(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, keys: RequestKeys) -> None:  # noqa: A002
        super().__init__(next)
        self._keys = keys

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        return await super().execute_activity(replace(input, args=[settled(each, self._keys) for each in input.args]))


def settled(argument: T, keys: RequestKeys) -> T:
    """Return the argument of an activity with every actor in it that is nobody's word but the message's own marked as such."""
    if not isinstance(argument, StepData):
        return argument
    changes: dict[str, Any] = {
        name: known
        for name in type(argument).model_fields
        if isinstance(part := getattr(argument, name), StepData) and (known := settled(part, keys)) is not part
    }
    if isinstance(argument, OfActor):
        changes |= _actor(argument, keys)
    return argument.model_copy(update=changes) if changes else argument


def _actor(given: OfActor, keys: RequestKeys) -> dict[str, Any]:
    """Return the actor as they are known, without the claim; nothing where there is no claim to be somebody."""
    if given.claim is None:
        return {}
    known = keys.verifies(given.claim.of, given.claim.signature)
    return {"claim": None, "actor": given.actor if known else sent_directly(given.actor)}
