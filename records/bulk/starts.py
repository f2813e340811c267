"""The start that a row stands for."""

from contract import StartCancellation
from contract.bulk import RowStart
from domain.bulk import request_id_of
from domain.receipt import stated_instant
from storage.tables import BulkItemRow, BulkRow


def start_of(bulk: BulkRow, row: BulkItemRow, zone: str, *, actor: str) -> StartCancellation:
    """Return the start of a row that is not settled, in the name of an actor: the same however often it is asked for.

    ``zone`` is that of the organization. Raises ReceivedInFuture.
    """
    content = RowStart.model_validate(row.start)
    stated = content.received_at or content.received_on
    return content.start(
        actor=actor,
        request_id=request_id_of(bulk.id, row.number),
        sent_at=bulk.planned_at,
        received_at=stated_instant(stated, zone, now=bulk.planned_at),
        because=f"planned in {bulk.id}",
    )
