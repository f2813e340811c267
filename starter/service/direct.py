"""Base of the areas whose requests go to the records and to no workflow: each is done once under its id."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import BaseModel

from domain.permissions import Operation
from records.direct_requests import DirectRequest, claim, keep_answer
from records.transaction import Transaction
from starter.service.area import AreaClient

Result = TypeVar("Result")
Report = TypeVar("Report", bound=BaseModel)


class DirectClient(AreaClient):
    """Base of these areas."""

    async def _write_once(
        self,
        operation: Operation,
        step: Callable[[Transaction], Result],
        *,
        actor: str,
        request_id: str | None,
        **content: Any,
    ) -> Result:
        """Run a step in one transaction, for a request with some content under an id that is no other one's.

        The step itself finds what the same request did before. Raises as `_write` does, and RequestIdReused.
        """

        def once(transaction: Transaction) -> Result:
            if request_id is not None:
                claim(transaction, DirectRequest.of(operation, request_id, actor, content), at=datetime.now(UTC))
            return step(transaction)

        return await self._write(once)

    async def _answered_once(
        self,
        operation: Operation,
        form: type[Report],
        step: Callable[[Transaction], Report],
        *,
        actor: str,
        request_id: str | None,
        **content: Any,
    ) -> Report:
        """Run a step as `_write_once` does; the same request gets the first answer, which the step's transaction keeps."""
        request = marks(operation, request_id, actor, content)

        def once(transaction: Transaction) -> Report:
            known = None if request is None else claim(transaction, request, at=datetime.now(UTC))
            if known is not None:
                return form.model_validate(known)
            answer = step(transaction)
            if request is not None:
                keep_answer(transaction, request, answer.model_dump(mode="json"))
            return answer

        return await self._write(once)

    async def _reported_once(
        self, request: DirectRequest | None, form: type[Report], work: Callable[[], Awaitable[Report]]
    ) -> Report:
        """Do work that has transactions of its own and changes nothing when it is repeated; the same request gets the first report.

        Raises:
            RequestIdReused.

        """
        if request is None:
            return await work()

        def first_report(transaction: Transaction) -> Report | None:
            known = claim(transaction, request, at=datetime.now(UTC))
            return None if known is None else form.model_validate(known)

        if (first := await self._write(first_report)) is not None:
            return first
        report = await work()
        await self._write(lambda transaction: keep_answer(transaction, request, report.model_dump(mode="json")))
        return report


def marks(operation: Operation, request_id: str | None, actor: str, content: Any) -> DirectRequest | None:
    """Return the marks of a request for `DirectClient`; None for one without an id, which is a request of its own."""
    return None if request_id is None else DirectRequest.of(operation, request_id, actor, content)
