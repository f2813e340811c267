"""What the plans of bulks would cost."""

from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Date, cast, func, select
from sqlalchemy.orm import Session

from storage.tables import BulkItemRow


class BulkCost(BaseModel):
    """What a plan would cost, of the rows that can be started, or were."""

    model_config = ConfigDict(frozen=True)

    access_ends_from: date | None
    access_ends_until: date | None
    """The first and the last of the days on which access ends."""
    billing_ends_from: date | None
    billing_ends_until: date | None
    credit_memos: int
    """The number of invoices that must be credited first."""
    rows_with_credit_memos: int
    rows_with_open_questions: int
    """Those whose cases will wait for answers, or for the administrator to be verified."""
    rows_with_goodwill: int = 0
    """Those that ask for a goodwill, which somebody approves who neither planned nor confirmed it."""
    goodwill_ends_from: date | None = None
    goodwill_ends_until: date | None = None
    """The first and the last of the days on which billing would end with it."""
    goodwill_credit_memos: int = 0
    """The number of invoices that would have to be credited for it."""


def cost_of(session: Session, bulk: str) -> BulkCost:
    """Return what the plan of a bulk would cost."""
    quote = BulkItemRow.quote
    access, billing = (cast(quote[name].astext, Date) for name in ("access_ends_on", "billing_ends_on"))
    memos, open_questions = (func.jsonb_array_length(quote[name]) for name in ("credit_memos", "open_questions"))
    goodwill = quote["goodwill"]
    goodwill_ends = cast(goodwill["billing_ends_on"].astext, Date)
    found = session.execute(
        select(
            func.min(access),
            func.max(access),
            func.min(billing),
            func.max(billing),
            func.coalesce(func.sum(memos), 0),
            func.count().filter(memos > 0),
            func.count().filter(open_questions > 0),
            func.count().filter(func.jsonb_typeof(goodwill) == "object"),
            func.min(goodwill_ends),
            func.max(goodwill_ends),
            func.coalesce(func.sum(func.jsonb_array_length(goodwill["credit_memos"])), 0),
        ).where(BulkItemRow.bulk == bulk, quote.is_not(None), BulkItemRow.refusal.is_(None))
    ).one()
    return BulkCost(**dict(zip(BulkCost.model_fields, found, strict=True)))
