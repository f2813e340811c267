"""The ids of the keys of payloads that this installation has had, in its records."""

from collections.abc import Collection

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from storage.tables import PayloadKeyIdRow


def recorded_key_ids(engine: Engine) -> frozenset[str]:
    """Return the ids of all keys that a process has ever had."""
    with engine.connect() as connection:
        return frozenset(connection.scalars(select(PayloadKeyIdRow.id)))


def record_key_ids(engine: Engine, ids: Collection[str]) -> bool:
    """Record the ids of a process's keys. Returns whether one of them was not there yet."""
    if not (missing := set(ids) - recorded_key_ids(engine)):
        return False
    with engine.begin() as connection:
        rows = [{"id": key_id} for key_id in sorted(missing)]
        connection.execute(insert(PayloadKeyIdRow).values(rows).on_conflict_do_nothing())
    return True
