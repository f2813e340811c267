"""The copies of data in the object store, and the schemas of the tenants' database, without a case that may have them."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import Engine

from contract.steps import Step
from domain.actors import RECONCILIATION
from records.erasure import record_discarded
from records.export import objects_prefix
from records.reconciliation.leftovers import record_copies_removed
from records.transaction import Transaction
from storage.objects import Objects

CANCELLATIONS = "cancellations"
"""The prefix below which the store has the copies of every case: the subject's id, then the ordinal."""


class OutsideCopies:
    """The copies of cases in the object store; without a store there are none."""

    def __init__(self, engine: Engine, objects: Objects | None) -> None:
        self._engine = engine
        self._objects = objects

    async def cases(self, *, after: str, limit: int) -> list[tuple[str, list[str]]]:
        """Return subjects with copies, from the one after ``after``, each with its cases.

        Raises:
            ObjectStoreUnavailable and the other refusals of a store.

        """
        return [] if self._objects is None else await asyncio.to_thread(self._cases, self._objects, after, limit)

    @staticmethod
    def _cases(objects: Objects, after: str, limit: int) -> list[tuple[str, list[str]]]:
        unfinished = [key.split("/") for key in objects.unfinished(CANCELLATIONS)]
        uploading: dict[str, set[str]] = {}
        for parts in unfinished:
            if len(parts) > 2:
                uploading.setdefault(parts[1], set()).add(parts[2])
        subjects = sorted({*objects.folders(CANCELLATIONS), *uploading})
        found = []
        for subject in [subject for subject in subjects if subject > after][:limit]:
            below = f"{CANCELLATIONS}/{subject}"
            full = (ordinal for ordinal in objects.folders(below) if objects.holds_any(f"{below}/{ordinal}"))
            ordinals = {*full, *uploading.get(subject, ())}
            found.append((subject, sorted(f"{subject}/{ordinal}" for ordinal in ordinals)))
        return found

    async def discard(self, case: str) -> None:
        """Remove the copies of a case that has ended otherwise than closed, as its workflow would have."""
        await asyncio.to_thread(self._discard, case)

    def _discard(self, case: str) -> None:
        removed, _ = self._remove(case)
        step = Step(cancellation=case, name="discard", actor=RECONCILIATION, at=datetime.now(UTC))
        with Transaction.begin(self._engine) as transaction:
            record_discarded(transaction, step, objects=removed, at=step.at)

    async def remove(self, case: str) -> None:
        """Remove copies of a case that are recorded as removed already, and record that."""
        await asyncio.to_thread(self._remove_left, case)

    def _remove_left(self, case: str) -> None:
        objects, uploads = self._remove(case)
        at = datetime.now(UTC)
        step = Step(cancellation=case, name=f"copies-removed-{int(at.timestamp())}", actor=RECONCILIATION, at=at)
        with Transaction.begin(self._engine) as transaction:
            record_copies_removed(transaction, step, objects=objects, uploads=uploads)

    def _remove(self, case: str) -> tuple[int, int]:
        if self._objects is None:
            return 0, 0
        prefix = objects_prefix(case)
        return self._objects.delete_all(prefix).objects, self._objects.discard_unfinished(prefix)
