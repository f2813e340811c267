"""What an organization's schema holds, what needs what, and what may go next: queries on PostgreSQL's dependencies.

A *member* is what the schema holds, an object of any kind. With it go its *parts*: indexes, constraints, defaults, triggers,
the sequence of a serial column, what an extension brought along. PostgreSQL drops those with it unasked, and a partition
with its parent too; here a partition is a member, because its rows are counted.
"""

from typing import LiteralString

_MEMBERS: LiteralString = """
    WITH RECURSIVE partition_of AS (
        SELECT c.oid FROM pg_class c WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f')
    ), held AS (
        SELECT d.classid, d.objid FROM pg_depend d
        WHERE d.refclassid = 'pg_namespace'::regclass AND d.deptype = 'n' AND d.objsubid = 0
          AND d.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
        UNION ALL
        -- Casts are in no schema, and there for their types alone.
        SELECT 'pg_cast'::regclass, c.oid FROM pg_cast c
        WHERE EXISTS (SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
                      WHERE n.nspname = %(schema)s AND t.oid IN (c.castsource, c.casttarget))
    ), whole AS (
        SELECT classid, objid, classid AS of_class, objid AS of_object FROM held
        UNION
        SELECT d.classid, d.objid, w.of_class, w.of_object
        FROM whole w JOIN pg_depend d ON d.refclassid = w.classid AND d.refobjid = w.objid
        WHERE d.deptype IN ('a', 'i', 'e', 'P', 'S')
          AND NOT (d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                   AND d.objid IN (SELECT oid FROM partition_of))
    ), members AS (
        SELECT h.classid, h.objid FROM held h
        WHERE NOT EXISTS (SELECT FROM whole w WHERE (w.classid, w.objid) = (h.classid, h.objid)
                                                AND (w.of_class, w.of_object) <> (h.classid, h.objid))
    ), parts AS MATERIALIZED (
        SELECT w.* FROM whole w JOIN members m ON (m.classid, m.objid) = (w.of_class, w.of_object)
    ), needs AS MATERIALIZED (
        SELECT d.classid, d.objid, d.objsubid, needed.of_class AS needed_class, needed.of_object AS needed_object
        FROM parts needed JOIN pg_depend d ON d.refclassid = needed.classid AND d.refobjid = needed.objid
        WHERE (d.deptype = 'n' OR (d.deptype = 'a' AND d.classid = 'pg_class'::regclass
                                   AND d.objid IN (SELECT oid FROM partition_of)))
          AND NOT EXISTS (SELECT FROM parts own WHERE (own.classid, own.objid) = (d.classid, d.objid)
                            AND (own.of_class, own.of_object) = (needed.of_class, needed.of_object))
    )
"""

OUTSIDE: LiteralString = f"""{_MEMBERS}
    SELECT DISTINCT pg_describe_object(n.classid, n.objid, n.objsubid) COLLATE "C" AS needs FROM needs n
    WHERE NOT EXISTS (SELECT FROM parts p WHERE (p.classid, p.objid) = (n.classid, n.objid))
    ORDER BY 1
"""  # noqa: S608 - constants of this module
"""What is not of the schema and needs something in it."""

FOREIGN_KEY: LiteralString = """
    SELECT c.conname AS name, t.relname AS table_name
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = %(schema)s AND c.contype = 'f' AND c.conparentid = 0
    ORDER BY t.relname COLLATE "C", c.conname COLLATE "C" LIMIT 1
"""
"""Tables need one another by them in circles."""

NEXT: LiteralString = f"""{_MEMBERS}
    SELECT c.oid::bigint AS oid, COALESCE(c.relname, object.identity) AS name, object.identity, needed AS in_a_circle,
           CASE WHEN c.relispartition AND c.relkind IN ('r', 'p') THEN 'partition'
                WHEN object.type = 'statistics object' THEN 'statistics' ELSE object.type END AS kind,
           CASE WHEN object.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE'
                WHEN object.type = 'statistics object' THEN 'STATISTICS' ELSE upper(object.type) END AS command,
           c.relkind = 'p' AS partitioned, c.relforcerowsecurity AS hides_rows_from_its_owner
    FROM members m
    CROSS JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) AS object
    CROSS JOIN LATERAL (SELECT EXISTS (
        SELECT FROM needs n WHERE (n.needed_class, n.needed_object) = (m.classid, m.objid)) AS needed) AS others
    LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
    -- Of a circle a table is broken out first: what it takes with it holds no rows, unless tables inherit from it.
    ORDER BY needed, needed AND NOT COALESCE(c.relkind IN ('r', 'p') AND NOT EXISTS (
                 SELECT FROM pg_inherits i WHERE i.inhparent = c.oid), false),
             array_position(ARRAY['view', 'materialized view', 'table', 'sequence'], object.type) NULLS LAST,
             object.type, object.identity COLLATE "C"
    LIMIT 1
"""  # noqa: S608 - as above
"""What nothing else needs; where all that is left is needed, something of a circle."""
