"""A second reference: what somebody would write by hand for a plain lifecycle alone, with everything that it leaves.

The same rows in the same four transactions by plain psycopg, the same four mails through one SMTP connection for each delivery, in a
plain workflow with normal activities (`bench.bare.HandWritten`). It answers, corrects and reverses nothing, knows no rules, and repeats a crash's mails.
"""

import json
import smtplib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from temporalio import activity

from activities.messaging.delivery import facts_of
from activities.messaging.letters import letter
from domain.vocabulary import Channel, Event
from starter.local import HOST
from storage.tables import MessageRow, Table

_OF_CASE = ("requests", "checklist_answers", "cancellation_lines", "audit_trail", "messages", "limited_uses")


@dataclass(frozen=True)
class Model:
    """What one real lifecycle has left, in which ids contain its key."""

    key: str
    rows: dict[str, list[dict[str, Any]]]
    letters: list[tuple[str, str, str]]

    @classmethod
    def of(cls, engine: Engine, key: str) -> "Model":
        """Read it from the records."""
        case = f"SUB-{key}/1"
        wanted = {"cancellations": "id", "subscriptions": "id", "subscription_lines": "subscription"}
        wanted |= dict.fromkeys(_OF_CASE, "cancellation")
        rows = {}
        with engine.connect() as connection:
            for table, column in wanted.items():
                value = case if column == "cancellation" or table == "cancellations" else f"SUB-{key}"
                query = f"SELECT to_jsonb(t) FROM {table} t WHERE {column} = '{value}' ORDER BY 1"  # noqa: S608 - our own names
                rows[table] = [found for (found,) in connection.exec_driver_sql(query)]
        for table in ("audit_trail", "messages"):
            rows[table].sort(key=lambda row: row["id"] if table == "audit_trail" else row["sequence"])
        with Session(engine) as session:
            mails = session.query(MessageRow).filter_by(cancellation=case, channel=Channel.MAIL.value)
            written = [letter(Event(row.event), facts_of(row)) for row in mails.order_by(MessageRow.sequence)]
        return cls(key, rows, [(each.subject, each.text, each.html) for each in written])


class HandWrittenActivities:
    """The activities, each a transaction or a delivery."""

    def __init__(self, conninfo: str, smtp_port: int, model: Model) -> None:
        self._conninfo = conninfo
        self._port = smtp_port
        self._model = model
        self._threads = threading.local()

    @property
    def all(self) -> list[Callable[..., Any]]:
        """What a worker runs."""
        return [self.receive, self.schedule, self.take_effect, self.close, self.deliver]

    @activity.defn
    def receive(self, key: str) -> None:
        """Record the case, its answers and its letter."""
        intake = {"stage": "intake", "ended_at": None, "stage_deadline": None}
        with self._locked(key) as connection:
            self._insert(connection, key, "cancellations", [row | intake for row in self._model.rows["cancellations"]])
            for table in ("requests", "checklist_answers", "limited_uses"):
                self._insert(connection, key, table, self._model.rows[table])
            self._tell(connection, key, slice(0, 3), 0)

    @activity.defn
    def schedule(self, key: str) -> None:
        """Record the day, and the end of the line."""
        line = self._model.rows["subscription_lines"][0]
        with self._locked(key) as connection:
            self._insert(connection, key, "cancellation_lines", self._model.rows["cancellation_lines"])
            dates = (line["end_date"], line["term_until"], line["cancellation_possible_until"], line["closed"])
            connection.execute(
                "UPDATE subscription_lines SET end_date = %s, term_until = %s, cancellation_possible_until = %s, closed = %s, "
                "frozen_by = %s WHERE id = %s",
                (*dates, f"SUB-{key}/1" if line["frozen_by"] else None, f"SUB-{key}-1"),
            )
            self._to_stage(connection, key, "scheduled")
            self._tell(connection, key, slice(3, 5), 1)

    @activity.defn
    def take_effect(self, key: str) -> None:
        """Record the end of access."""
        subscription = self._model.rows["subscriptions"][0]
        with self._locked(key) as connection:
            access = (subscription["access"], subscription["access_ended_on"], subscription["provision_end_date"])
            connection.execute(
                "UPDATE subscriptions SET access = %s, access_ended_on = %s, provision_end_date = %s WHERE id = %s",
                (*access, f"SUB-{key}"),
            )
            self._to_stage(connection, key, "canceled")
            self._tell(connection, key, slice(5, 6), 2)

    @activity.defn
    def close(self, key: str) -> None:
        """Record the end of the case."""
        with self._locked(key) as connection:
            connection.execute("UPDATE cancellations SET ended_at = now() WHERE id = %s", (f"SUB-{key}/1",))
            self._to_stage(connection, key, "closed")
            self._tell(connection, key, slice(6, None), 3)

    @activity.defn
    def deliver(self, key: str) -> None:
        """Mail what is pending, through one connection, and mark each mail."""
        connection = self._connection()
        pending = "SELECT id, recipient, event FROM messages WHERE cancellation = %s AND delivered_at IS NULL ORDER BY sequence"
        with connection.transaction():
            owed = connection.execute(pending, (f"SUB-{key}/1",)).fetchall()
        events = [row["event"] for row in self._model.rows["messages"]]
        with smtplib.SMTP(HOST, self._port) as server:
            for message, recipient, event in owed:
                server.send_message(self._mail(key, events.index(event), message, recipient))
                with connection.transaction():
                    connection.execute("UPDATE messages SET delivered_at = now() WHERE id = %s", (message,))

    def _mail(self, key: str, number: int, message: str, recipient: str) -> EmailMessage:
        subject, text, html = (part.replace(self._model.key, key) for part in self._model.letters[number])
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "billing@offramp.example", recipient, subject
        mail["Message-ID"] = f"<{message}@offramp.example>"
        mail.set_content(text)
        mail.add_alternative(html, subtype="html")
        return mail

    def _connection(self) -> psycopg.Connection:
        if not hasattr(self._threads, "connection"):
            self._threads.connection = psycopg.connect(self._conninfo, autocommit=True)
        connection: psycopg.Connection = self._threads.connection
        return connection

    @contextmanager
    def _locked(self, key: str) -> Iterator[psycopg.Connection]:
        connection = self._connection()
        with connection.transaction():
            connection.execute("SELECT id FROM subscriptions WHERE id = %s FOR UPDATE", (f"SUB-{key}",))
            yield connection

    def _insert(self, connection: psycopg.Connection, key: str, table: str, rows: Sequence[dict[str, Any]]) -> None:
        given = [column.name for column in Table.metadata.tables[table].columns if column.identity is None]
        columns = sql.SQL(", ").join(map(sql.Identifier, given))
        into: LiteralString = (
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_recordset(NULL::{table}, %s)"
        )
        statement = sql.SQL(into).format(table=sql.Identifier(table), columns=columns)
        connection.execute(statement, (json.dumps(rows).replace(self._model.key, key),))

    def _tell(self, connection: psycopg.Connection, key: str, entries: slice, message: int) -> None:
        self._insert(connection, key, "audit_trail", self._model.rows["audit_trail"][entries])
        undelivered = [self._model.rows["messages"][message] | {"delivered_at": None}]
        self._insert(connection, key, "messages", undelivered)

    @staticmethod
    def _to_stage(connection: psycopg.Connection, key: str, stage: str) -> None:
        connection.execute("UPDATE cancellations SET stage = %s WHERE id = %s", (stage, f"SUB-{key}/1"))
