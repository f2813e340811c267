"""Requests as the client sends them: dated, about a case by name, and looked up first among those answered before."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy.orm import Session

import contract
from contract.steps import FirstAnswer, RequestMade
from domain.refusals import ForwardedRefusal, Refusal
from domain.requests import RequestIdReused
from records import requests
from records.cases import is_ended
from records.statuses import recorded_status_of
from records.transaction import Transaction
from starter.service.area import AreaClient
from starter.service.case_form import Opening, Request, Start
from starter.service.receipts import StatedReceipt
from storage.refusals import DatabaseBusy, DatabaseNotMigrated, DatabaseUnavailable

Sent = TypeVar("Sent", bound=contract.Request)

NO_RECORDS = (DatabaseUnavailable, DatabaseBusy, DatabaseNotMigrated)
"""The refusals of records that cannot be read now. A command needs none of them: its workflow looks it up, too."""


@dataclass(frozen=True)
class LookedUp:
    """The records as a request finds them."""

    answer: FirstAnswer | None
    """The answer that the request has had before."""
    newest: str | None
    """The newest case of its subject."""


class RequestClient(AreaClient):
    """Base of the areas that send requests about cases."""

    async def _look_up(
        self, request: RequestMade, actor: str, newest: Callable[[Session], str | None]
    ) -> LookedUp | None:
        """Return the answer that a request has had and the newest case; None while there are no records to read.

        Raises:
            ForwardedRefusal: the request was refused before.
            RequestIdReused: another request has its id, which is audited.

        """

        def look(session: Session) -> LookedUp:
            return LookedUp(requests.first_answer(session, request), newest(session))

        try:
            found = await self._read(look)
        except NO_RECORDS:
            return None
        except RequestIdReused as refusal:
            reuse = partial(requests.record_reuse, refusal=refusal, actor=actor, at=datetime.now(UTC))
            await self._write(lambda transaction: reuse(transaction, request))
            raise
        if found.answer is not None and found.answer.refusal is not None:
            raise ForwardedRefusal(found.answer.refusal)
        return found

    async def _receipt_fields(self, receipt: StatedReceipt | None, zone: Callable[[Session], str]) -> dict[str, Any]:
        """Return the fields of a request whose receipt is stated, as a day in a zone of the records or as an instant."""
        if receipt is None:
            return {}
        return receipt.fields(await self._read(zone), now=datetime.now(UTC))

    async def _recorded_answer(
        self, workflow_id: str, answer: FirstAnswer
    ) -> contract.CaseStatus | contract.MigrationStatus:
        """Return the recorded status of the case that accepted a request."""
        status = await self._read(lambda session: recorded_status_of(session, workflow_id, answer.cancellation))
        if status is None:
            raise LookupError(f"{answer.cancellation} accepted a request to {workflow_id} and is not recorded")
        return status

    async def _answered_start(
        self,
        request: RequestMade,
        start: Any,
        newest: Callable[[Session], str | None],
        opening: Opening[Any, Any] | None,
    ) -> contract.CaseStatus | contract.MigrationStatus | None:
        """Return the status of the case that a start opened before, if that has ended; raise the refusal of a start.

        Raises:
            RequestIdReused.
            Refusal: the refusal that the workflow would end with, where it would stand before the end of an earlier case.

        """
        known = await self._look_up(request, start.actor, newest)
        if known and known.answer:
            status = await self._recorded_answer(request.workflow_id, known.answer)
            return status if status.stage.is_final else None
        if opening and known and known.newest:
            await self._check_start(opening, request.workflow_id, known.newest, start)
        return None

    async def _check_start(self, opening: Opening[Start, Request], workflow_id: str, newest: str, start: Start) -> None:
        """Raise the refusal of a start after the end of the newest case, as its workflow would, and have it audited."""
        request = opening.request(start, workflow_id, datetime.now(UTC))

        def try_to_open(session: Session) -> Refusal | None:
            if is_ended(session, newest):
                try:
                    with session.no_autoflush:  # as in every step; nothing of it is committed
                        opening.open(Transaction(session), request)
                except Refusal as refused:
                    return refused
            return None

        refusal = await self._read(try_to_open)
        if refusal is not None:
            await self._write(lambda transaction: opening.record_refused(transaction, request, refusal))
            raise refusal


def update_id(name: str, request_id: str | None) -> str:
    """Return the id of an update: the same for the same request, and a new one for each call without a request id."""
    return f"{name}:{request_id or uuid4()}"


def sent_now(message: Sent) -> Sent:
    """Return a request that states when it was sent: now, unless its caller stated it."""
    return message if message.sent_at is not None else message.model_copy(update={"sent_at": datetime.now(UTC)})


def request_made(workflow_id: str, update_id: str, name: str, message: contract.Request) -> RequestMade:
    """Return the marks by which a request to a workflow is recognized again."""
    return RequestMade(
        workflow_id=workflow_id,
        id=update_id,
        name=name,
        digest=contract.digest_of(name, message),
        named=contract.named_case(message),
    )


def about(message: Sent, newest: str | None) -> Sent:
    """Return a request that names its case: the newest one, unless it names one already."""
    if newest is None or not isinstance(message, contract.AboutCase) or contract.named_case(message) is not None:
        return message
    return message.model_copy(update={"cancellation": newest})
