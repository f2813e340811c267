"""Requests that go to the records, and to no workflow: each is done once under its id, which other content does not get."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from domain.permissions import Operation
from domain.requests import RequestIdReused
from records.transaction import Transaction
from storage.tables import DirectRequestRow


@dataclass(frozen=True)
class DirectRequest:
    """The marks by which a request is recognized again."""

    operation: Operation
    id: str
    digest: str
    actor: str

    @classmethod
    def of(
        cls, operation: Operation, request_id: str, actor: str, content: Mapping[str, Any] | bytes
    ) -> "DirectRequest":
        """Return the marks of a request with some content, of which they keep a digest."""
        return cls(operation, request_id, digest_of_content(content), actor)


def digest_of_content(content: Mapping[str, Any] | bytes) -> str:
    """Return a digest of some content, the same for every repetition."""
    whole = content if isinstance(content, bytes) else json.dumps(content, sort_keys=True, default=str).encode()
    return hashlib.sha256(whole).hexdigest()


def claim(transaction: Transaction, request: DirectRequest, *, at: datetime) -> dict[str, Any] | None:
    """Keep a request in the transaction of what it asks for; return the answer that is kept of it, if it was made before.

    The same request at the same time waits until this transaction has ended.

    Raises:
        RequestIdReused: another one was made under its id, or by somebody else.

    """
    session = transaction.session
    given = {"operation": request.operation.value, "id": request.id, "digest": request.digest}
    adding = insert(DirectRequestRow).values(given | {"actor": request.actor, "at": at}).on_conflict_do_nothing()
    if session.execute(adding.returning(DirectRequestRow.id)).scalar() is not None:
        return None
    row = session.get_one(DirectRequestRow, (request.operation.value, request.id))
    if row.actor != request.actor or not secrets.compare_digest(row.digest, request.digest):
        raise RequestIdReused(request.id, request.operation.value)
    return row.answer


def keep_answer(transaction: Transaction, request: DirectRequest, answer: dict[str, Any]) -> None:
    """Keep the first answer to a request, which has been claimed."""
    of = (DirectRequestRow.operation == request.operation.value, DirectRequestRow.id == request.id)
    transaction.session.execute(
        update(DirectRequestRow).where(*of, DirectRequestRow.answer.is_(None)).values(answer=answer)
    )
