"""The outside dependencies of a schema: extensions, which the dump includes, and all else, of which its reader is warned."""

from typing import Any, LiteralString

import psycopg
from psycopg.rows import tuple_row

# Every object of the schema with the dependents of its tables; then everything they depend on, arrays by their elements.
_USED: LiteralString = """
    WITH here AS (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s),
    tables AS (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM here)),
    mine AS (
        SELECT 'pg_class'::regclass AS class, oid FROM tables
        UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type WHERE typnamespace IN (SELECT oid FROM here)
        UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace IN (SELECT oid FROM here)
        UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint WHERE connamespace IN (SELECT oid FROM here)
        UNION ALL SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef WHERE adrelid IN (SELECT oid FROM tables)
        UNION ALL SELECT 'pg_rewrite'::regclass, oid FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM tables)
        UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM tables)
    ), direct AS (
        SELECT DISTINCT d.refclassid AS class, d.refobjid AS oid
        FROM pg_depend d JOIN mine ON mine.class = d.classid AND mine.oid = d.objid
    ), used AS (
        SELECT class, oid FROM direct
        UNION SELECT 'pg_type'::regclass, t.typelem FROM pg_type t
        JOIN direct d ON d.class = 'pg_type'::regclass AND d.oid = t.oid WHERE t.typelem <> 0 AND t.typcategory = 'A'
    )
"""
_EXTENSIONS: LiteralString = f"""{_USED}
    SELECT DISTINCT x.extname FROM used
    JOIN pg_depend d ON d.classid = used.class AND d.objid = used.oid AND d.deptype = 'e'
    JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND x.oid = d.refobjid
    WHERE x.extname <> 'plpgsql' ORDER BY x.extname LIMIT 1000
"""  # noqa: S608 - constants of this module
_ELSEWHERE: LiteralString = f"""{_USED}
    SELECT DISTINCT o.type || ' ' || o.identity
    FROM used CROSS JOIN LATERAL pg_identify_object(used.class, used.oid, 0) o
    WHERE o.schema NOT IN (%(schema)s, 'pg_catalog', 'information_schema', 'pg_toast')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = used.class AND d.objid = used.oid AND d.deptype = 'e')
      AND NOT EXISTS (SELECT FROM pg_type t JOIN pg_depend d ON d.classid = used.class AND d.objid = t.typelem
                      AND d.deptype = 'e' WHERE used.class = 'pg_type'::regclass AND t.oid = used.oid)
    ORDER BY 1 LIMIT 1000
"""  # noqa: S608 - as above


def extensions_of(connection: psycopg.Connection[Any], schema: str) -> list[str]:
    """Return the extensions whose types, functions or operators a schema uses; every database has plpgsql."""
    return _names(connection, _EXTENSIONS, schema)


def missing_from(connection: psycopg.Connection[Any], schema: str) -> list[str]:
    """Return the objects of other schemas that a schema uses, in words: a dump of the one does not contain them."""
    return _names(connection, _ELSEWHERE, schema)


def _names(connection: psycopg.Connection[Any], query: LiteralString, schema: str) -> list[str]:
    with connection.cursor(row_factory=tuple_row) as cursor:
        return [row[0] for row in cursor.execute(query, {"schema": schema}).fetchall()]
