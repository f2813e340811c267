"""The base of all tables: plain types, named constraints, and the constraints that several tables share."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, Index, MetaData, Text, schema
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

JsonObject = dict[str, Any]


class Table(DeclarativeBase):
    """Base of every table: plain types, named constraints."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        str: Text(),
        date: Date(),
        datetime: DateTime(timezone=True),
        int: BigInteger(),
        JsonObject: JSONB(),
        list[JsonObject]: JSONB(),
    }


def core(entity: type[Table]) -> schema.Table:
    """Return the table itself, for statements with parameters that are no business of a session's objects."""
    return cast("schema.Table", entity.__table__)


def one_of(column: str, values: Iterable[str], name: str | None = None) -> CheckConstraint:
    """Return the constraint that limits a column to the values of an enumeration."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name or f"{column}_known")


# The form of `domain.vocabulary.ReasonCode`.
REASON_CODE = "[a-z][a-z0-9_]{0,62}"

# The canonical form of a date formula without a minus sign (`domain.lines.date_formula`).
_TERM = "'^(0|[1-9][0-9]{0,6}|C)[DWMQY](\\+(0|[1-9][0-9]{0,6}|C)[DWMQY])*$'"


def a_term(column: str, *, moves_forward: bool = False) -> CheckConstraint:
    """Return the constraint that limits a column to terms (rules, section 2), or to those that move forward, and null."""
    rule = f"{column} ~ {_TERM} AND length({column}) <= 64"
    return CheckConstraint(f"{rule} AND {column} ~ '[1-9]'" if moves_forward else rule, name=f"{column}_is_a_term")


def in_calendar(*columns: str) -> CheckConstraint:
    """Return the constraint that dates lie between 0001-01-01 and 9999-12-31; PostgreSQL itself allows more."""
    listed = ", ".join(columns)
    return CheckConstraint(
        f"LEAST({listed}) >= DATE '0001-01-01' AND GREATEST({listed}) <= DATE '9999-12-31'", name="dates_in_calendar"
    )


def words(table: str, column: str) -> Index:
    """Return the index by which a part of a text is found, whatever its case: by its trigrams (pg_trgm)."""
    name = f"ix_{table}_{column}_words"
    return Index(name, column, postgresql_using="gin", postgresql_ops={column: "gin_trgm_ops"})
