"""The ids of the keys with which payloads in Temporal are encrypted; never a key."""

from datetime import datetime

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Table


class PayloadKeyIdRow(Table):
    """The id of one key that a process of this installation has had."""

    __tablename__ = "payload_key_ids"
    __table_args__ = (CheckConstraint("id ~ '^[A-Za-z0-9._:-]{1,64}$'", name="id_is_of_a_key"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    known_since: Mapped[datetime] = mapped_column(server_default=text("now()"))
