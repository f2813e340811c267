"""The handling of the requests that a case takes: validated before they are accepted, answered, and audited if refused."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows.common.case_state import Status
from workflows.common.case_workflow import CaseWorkflow, State
from workflows.common.reading import read_clean

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.clean import refuse_unclean
    from contract.steps import FirstAnswer, Step, request_in_key
    from domain.refusals import ForwardedRefusal, Refusal
    from runtime.refusals import as_application_error


Asked = TypeVar("Asked", bound=contract.Request)


def lawful(form: type[Asked], action: str, check: Callable[[Any, Asked], object] | None = None) -> Callable[..., None]:
    """Return the validator of an update: ``check`` is the part of the handler that looks at the state of the case alone."""

    # Temporal holds the parameters of a validator against those of its update.
    def validate(self, *received: Any) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self.refuse_unlawful(received, form, action, check)

    return validate


class CaseRequests(CaseWorkflow[State, Status]):
    """A case that takes requests: the part of the chain between the case and the requests of its kind."""

    def refuse_unlawful(
        self,
        received: Sequence[Any],
        form: type[Asked],
        action: str,
        check: Callable[[Any, Asked], object] | None,
    ) -> None:
        """Refuse an update before it is accepted, which writes nothing to the history.

        A malformed one always; beyond the limit of audited refusals also one that the state of the case refuses.
        """
        try:
            message = contract.read(received, form)
            refuse_unclean(message)  # no history replays a validator
            if check is not None and self._case is not None and self._refused.is_over_limit(action, message.actor):
                check(self, message)
        except Refusal as refusal:
            raise as_application_error(refusal) from None

    async def _answer_to(
        self,
        received: Sequence[Any],
        form: type[Asked],
        action: str,
        act: Callable[[Asked, Step], Awaitable[object]],
    ) -> Status:
        """Handle a message; a refusal is audited and returned to the caller with its code."""
        await self._opened()
        self._requests_received += 1
        update = workflow.current_update_info()
        self.look_at_length()
        name = f"{action}:{request_in_key(update.name, update.id)}" if update else f"{action}-{self._requests_received}"
        step = self.step(name, "unknown")
        async with self._request_lock():
            while True:
                try:
                    message = read_clean(received, form)
                    step = self._requests.step_of(self.step(name, message.actor), message)
                    if (first := await self._requests.first_answer(step)) is not None:
                        return self._first_status(first)
                    self._requests.check_case(message)
                    await act(message, step)
                except Refusal as refusal:
                    audited_as = f"{self.REFUSED_ACTION_PREFIX}{action}.refused"
                    stands = await self._refused.stands(refusal, step, action, audited_as)
                    if isinstance(stands, FirstAnswer):
                        return self._first_status(stands)
                    if not stands:
                        continue
                    self.publish()
                    raise as_application_error(refusal) from None
                self.publish()
                return self._status()

    def _first_status(self, first: FirstAnswer) -> Status:
        """Return the status after a request that was answered before; raises the refusal that it met."""
        if first.refusal is not None:
            raise as_application_error(ForwardedRefusal(first.refusal))
        answered: Any = first.status
        return self._status() if answered is None else answered

    async def _take_signal(
        self,
        received: Sequence[Any],
        form: type[Asked],
        action: str,
        act: Callable[[Asked, Step], Awaitable[object]],
    ) -> None:
        """Handle a signal; a refusal is audited, and no caller waits for it."""
        try:
            await self._answer_to(received, form, action, act)
        except ApplicationError as refused:
            workflow.logger.info("%s by signal refused: %s", action, refused.type)

    def _request_lock(self) -> AbstractAsyncContextManager[object]:
        """Return the lock of a request during its handling: none, unless a kind of case takes one request at a time."""
        return nullcontext()
