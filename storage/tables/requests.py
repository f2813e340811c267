"""The requests of callers, each with its first answer."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import JsonObject, Table


class RequestRow(Table):
    """A request by its id, so that a repetition gets the first answer and never acts, whatever case runs by then."""

    __tablename__ = "requests"
    __table_args__ = (
        CheckConstraint("at BETWEEN '1970-01-01 00:00Z' AND '3000-01-01 00:00Z'", name="at_is_an_instant"),
        CheckConstraint("num_nonnulls(accepted_at, refusal) <= 1", name="answered_once"),
        CheckConstraint(
            "refusal IS NULL OR COALESCE(jsonb_typeof(refusal->'code') = 'string' "
            "AND jsonb_typeof(refusal->'message') = 'string' AND is_plain(refusal), false)",
            name="refusal_is_one",
        ),
    )

    workflow_id: Mapped[str] = mapped_column(primary_key=True)
    """The workflow that it was for, which stands for the subject: the cases of a subscription follow one another in it."""
    id: Mapped[str] = mapped_column(primary_key=True)
    """The id of the update."""
    digest: Mapped[str]
    """A digest of the content (`contract.digest_of`); nothing of the content itself is kept here."""
    named: Mapped[str | None]
    """The case that the request named."""
    cancellation: Mapped[str]
    """The case of any kind that the request reached."""
    actor: Mapped[str]
    at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    refusal: Mapped[JsonObject | None]
    """The refusal (`domain.refusals.RefusalDetails`), if it was refused. Without either it is not answered yet."""


class DirectRequestRow(Table):
    """A request that goes to the records, and to no workflow, by its id: repeated, it does nothing again."""

    __tablename__ = "direct_requests"
    __table_args__ = (CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="digest_is_sha256"),)

    operation: Mapped[str] = mapped_column(primary_key=True)
    """The operation that it asked for (`domain.permissions.Operation`)."""
    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    """A digest of its content, of which nothing is kept here."""
    actor: Mapped[str]
    at: Mapped[datetime]
    answer: Mapped[JsonObject | None]
    """Its answer, where it cannot be found out again: counts, names of documents, the note of an operator."""
