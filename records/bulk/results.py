"""The results of rows."""

from datetime import datetime

from domain.bulk import RowState
from domain.refusals import Refusal
from storage.tables import BulkItemRow


def settle(
    row: BulkItemRow,
    state: RowState,
    *,
    at: datetime,
    cancellation: str | None = None,
    refusal: Refusal | None = None,
) -> None:
    """Write the result of a row, to which nothing more happens; what it was to be started with goes."""
    row.state, row.start, row.settled_at = state.value, None, at
    row.cancellation = cancellation
    row.refusal = None if refusal is None else refusal.details.model_dump(mode="json")
