"""The files that were fetched through links of mails: kept once for each file and link, for whoever corrects an address."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract import FetchedFile
from domain.cases import CaseRef
from records import audit
from records.transaction import Transaction
from storage.tables import AuditRow

_ACTION = "file.fetched"


def record_fetch(
    transaction: Transaction, cancellation: str, name: str, *, link_until: datetime, actor: str, at: datetime
) -> None:
    """Record that the address of a file was given to the holder of a link; a repetition with the same link changes nothing."""
    audit.record(
        transaction,
        _ACTION,
        actor=actor,
        at=at,
        step=f"{cancellation}:fetched:{link_until.timestamp():.0f}:{name}",
        subscription=CaseRef.parse(cancellation).subscription,
        cancellation=cancellation,
        after={"file": name, "link_until": link_until.isoformat()},
    )


def fetched_files(session: Session, cancellation: str) -> tuple[FetchedFile, ...]:
    """Return the files of a case that were fetched through links, in that order."""
    rows = session.execute(
        select(AuditRow.after, AuditRow.actor, AuditRow.at)
        .where(AuditRow.cancellation == cancellation, AuditRow.action == _ACTION)
        .order_by(AuditRow.id)
    )
    return tuple(
        FetchedFile(name=after["file"], by=actor, at=at) for after, actor, at in rows if after and "file" in after
    )
