"""Queries on PostgreSQL's dependencies: the objects of a schema, and those that may be dropped next.

A *member* is an object of any kind in the schema. With it go its *parts*: indexes, constraints, defaults, triggers, the
sequence of a serial column, the objects of an extension. PostgreSQL drops those with it unasked, and a partition with its
parent too; here a partition is a member, because its rows are counted.

Schemas of some thousand tables are common, and each of their objects is a step: no query builds the whole graph.
"""

from typing import LiteralString

# True of a dependency d if it is that of a partition on its parent.
_OF_PARTITION: LiteralString = """
    (d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND EXISTS (
        SELECT FROM pg_class c WHERE c.oid = d.objid AND c.relispartition AND c.relkind IN ('r', 'p', 'f')))
"""
_IS_PART: LiteralString = f"(d.deptype IN ('a', 'i', 'e', 'P', 'S') AND NOT {_OF_PARTITION})"
_NEEDS: LiteralString = f"(d.deptype = 'n' OR (d.deptype = 'a' AND {_OF_PARTITION}))"

# Anybody may name a schema that he may not use, and so depend on it: what is in it says so itself.
_IN_IT: LiteralString = """
    CASE h.classid
        WHEN 'pg_class'::regclass THEN EXISTS (SELECT FROM pg_class o WHERE o.oid = h.objid AND o.relnamespace = h.refobjid)
        WHEN 'pg_type'::regclass THEN EXISTS (SELECT FROM pg_type o WHERE o.oid = h.objid AND o.typnamespace = h.refobjid)
        WHEN 'pg_proc'::regclass THEN EXISTS (SELECT FROM pg_proc o WHERE o.oid = h.objid AND o.pronamespace = h.refobjid)
        WHEN 'pg_constraint'::regclass THEN
            EXISTS (SELECT FROM pg_constraint o WHERE o.oid = h.objid AND o.connamespace = h.refobjid)
        WHEN 'pg_operator'::regclass THEN
            EXISTS (SELECT FROM pg_operator o WHERE o.oid = h.objid AND o.oprnamespace = h.refobjid)
        WHEN 'pg_opclass'::regclass THEN
            EXISTS (SELECT FROM pg_opclass o WHERE o.oid = h.objid AND o.opcnamespace = h.refobjid)
        WHEN 'pg_opfamily'::regclass THEN
            EXISTS (SELECT FROM pg_opfamily o WHERE o.oid = h.objid AND o.opfnamespace = h.refobjid)
        WHEN 'pg_collation'::regclass THEN
            EXISTS (SELECT FROM pg_collation o WHERE o.oid = h.objid AND o.collnamespace = h.refobjid)
        WHEN 'pg_conversion'::regclass THEN
            EXISTS (SELECT FROM pg_conversion o WHERE o.oid = h.objid AND o.connamespace = h.refobjid)
        WHEN 'pg_statistic_ext'::regclass THEN
            EXISTS (SELECT FROM pg_statistic_ext o WHERE o.oid = h.objid AND o.stxnamespace = h.refobjid)
        WHEN 'pg_ts_config'::regclass THEN
            EXISTS (SELECT FROM pg_ts_config o WHERE o.oid = h.objid AND o.cfgnamespace = h.refobjid)
        WHEN 'pg_ts_dict'::regclass THEN
            EXISTS (SELECT FROM pg_ts_dict o WHERE o.oid = h.objid AND o.dictnamespace = h.refobjid)
        WHEN 'pg_ts_parser'::regclass THEN
            EXISTS (SELECT FROM pg_ts_parser o WHERE o.oid = h.objid AND o.prsnamespace = h.refobjid)
        WHEN 'pg_ts_template'::regclass THEN
            EXISTS (SELECT FROM pg_ts_template o WHERE o.oid = h.objid AND o.tmplnamespace = h.refobjid)
        WHEN 'pg_extension'::regclass THEN
            EXISTS (SELECT FROM pg_extension o WHERE o.oid = h.objid AND o.extnamespace = h.refobjid)
        ELSE false
    END
"""
MEMBERS: LiteralString = f"""
    SELECT h.classid, h.objid FROM pg_depend h
    WHERE h.refclassid = 'pg_namespace'::regclass AND h.deptype = 'n' AND h.objsubid = 0
      AND h.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
      AND {_IN_IT}
      AND NOT EXISTS (
        SELECT FROM pg_depend d LEFT JOIN pg_class whole ON d.refclassid = 'pg_class'::regclass AND whole.oid = d.refobjid
        WHERE (d.classid, d.objid) = (h.classid, h.objid) AND {_IS_PART}
          AND (d.deptype <> 'a' OR whole.relnamespace = h.refobjid)
          -- The columns of a partition key are parts of their table, which so is one of itself.
          AND (d.refclassid, d.refobjid) <> (d.classid, d.objid))
    UNION ALL
    -- Casts are in no schema, and there for their types alone.
    SELECT 'pg_cast'::regclass, k.oid FROM pg_cast k
    WHERE EXISTS (SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
                  WHERE n.nspname = %(schema)s AND t.oid IN (k.castsource, k.casttarget))
      AND NOT EXISTS (SELECT FROM pg_depend d
                      WHERE (d.classid, d.objid) = ('pg_cast'::regclass, k.oid) AND d.deptype IN ('e', 'i'))
"""  # noqa: S608 - constants of this module

_NEXT: LiteralString = f"""
    SELECT chosen.oid, COALESCE(chosen.relname, object.identity) AS name, object.identity,
           CASE WHEN chosen.relispartition AND chosen.relkind IN ('r', 'p') THEN 'partition'
                WHEN object.type = 'statistics object' THEN 'statistics' ELSE object.type END AS kind,
           CASE WHEN object.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE'
                WHEN object.type = 'statistics object' THEN 'STATISTICS' ELSE upper(object.type) END AS command,
           chosen.relkind = 'p' AS partitioned, chosen.relforcerowsecurity AS binds_its_owner
    FROM (
        SELECT m.classid, m.objid, m.objid::bigint AS oid,
               r.relname, r.relkind, r.relispartition, r.relforcerowsecurity
        FROM ({MEMBERS}) m LEFT JOIN pg_class r ON m.classid = 'pg_class'::regclass AND r.oid = m.objid
        ORDER BY {{order}} OFFSET 0
    ) chosen
    CROSS JOIN LATERAL pg_identify_object(chosen.classid, chosen.objid, 0) AS object
    WHERE {{condition}}
    LIMIT 1
"""  # noqa: S608 - as above

_FIRST_VIEWS: LiteralString = """array_position('{v,m,r,p,f,S}', r.relkind) NULLS LAST, r.relname COLLATE "C", m.classid::regclass::text, m.objid"""

FREE: LiteralString = _NEXT.format(
    order=_FIRST_VIEWS,
    condition=f"""
    NOT EXISTS (
        WITH RECURSIVE part AS (
            SELECT chosen.classid, chosen.objid
            UNION
            SELECT d.classid, d.objid
            FROM part JOIN pg_depend d ON d.refclassid = part.classid AND d.refobjid = part.objid
            WHERE {_IS_PART}
        )
        SELECT FROM part JOIN pg_depend d ON d.refclassid = part.classid AND d.refobjid = part.objid
        WHERE {_NEEDS} AND NOT EXISTS (SELECT FROM part own WHERE (own.classid, own.objid) = (d.classid, d.objid))
    )""",  # noqa: S608 - as above
)
"""The first member that nothing else needs."""

CIRCLE: LiteralString = _NEXT.format(
    order=f"""r.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = r.oid)
              DESC NULLS LAST, {_FIRST_VIEWS}""",
    condition="true",
)
"""A member, where all are needed. A table first: what goes with it has no rows, unless tables inherit from it."""

FOREIGN_KEY: LiteralString = """
    SELECT c.conname AS name, t.relname AS table_name
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE c.connamespace = (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)
      AND c.contype = 'f' AND c.conparentid = 0
    ORDER BY t.relname COLLATE "C", c.conname COLLATE "C" LIMIT 1
"""
"""A foreign key of the schema; through them, tables need one another in circles."""

# The schema of everything that can need something in the schema.
_PLACES: LiteralString = """
    SELECT 'pg_class'::regclass AS classid, oid, relnamespace AS place FROM pg_class
    UNION ALL SELECT 'pg_type'::regclass, oid, typnamespace FROM pg_type
    UNION ALL SELECT 'pg_proc'::regclass, oid, pronamespace FROM pg_proc
    UNION ALL SELECT 'pg_constraint'::regclass, oid, connamespace FROM pg_constraint
    UNION ALL SELECT 'pg_attrdef'::regclass, a.oid, c.relnamespace FROM pg_attrdef a JOIN pg_class c ON c.oid = a.adrelid
    UNION ALL SELECT 'pg_rewrite'::regclass, r.oid, c.relnamespace FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
    UNION ALL SELECT 'pg_trigger'::regclass, t.oid, c.relnamespace FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    UNION ALL SELECT 'pg_policy'::regclass, p.oid, c.relnamespace FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    UNION ALL SELECT 'pg_operator'::regclass, oid, oprnamespace FROM pg_operator
    UNION ALL SELECT 'pg_opclass'::regclass, oid, opcnamespace FROM pg_opclass
    UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfnamespace FROM pg_opfamily
    UNION ALL SELECT 'pg_amop'::regclass, a.oid, f.opfnamespace FROM pg_amop a JOIN pg_opfamily f ON f.oid = a.amopfamily
    UNION ALL SELECT 'pg_amproc'::regclass, a.oid, f.opfnamespace FROM pg_amproc a JOIN pg_opfamily f ON f.oid = a.amprocfamily
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxnamespace FROM pg_statistic_ext
    UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgnamespace FROM pg_ts_config
    UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictnamespace FROM pg_ts_dict
    UNION ALL SELECT 'pg_ts_template'::regclass, oid, tmplnamespace FROM pg_ts_template
    UNION ALL SELECT 'pg_ts_parser'::regclass, oid, prsnamespace FROM pg_ts_parser
    UNION ALL SELECT 'pg_collation'::regclass, oid, collnamespace FROM pg_collation
    UNION ALL SELECT 'pg_conversion'::regclass, oid, connamespace FROM pg_conversion
    UNION ALL SELECT 'pg_extension'::regclass, oid, extnamespace FROM pg_extension
"""

OUTSIDE: LiteralString = f"""
    WITH space AS (SELECT oid FROM pg_namespace WHERE nspname = %(schema)s),
    needed AS MATERIALIZED (
        SELECT h.classid, h.objid FROM pg_depend h
        WHERE h.refclassid = 'pg_namespace'::regclass AND h.refobjid = (SELECT oid FROM space) AND h.deptype = 'n'
          AND {_IN_IT}
        UNION
        SELECT 'pg_type'::regclass, t.oid FROM pg_type t WHERE t.typnamespace = (SELECT oid FROM space)
    ), needs AS MATERIALIZED (
        SELECT DISTINCT d.classid, d.objid, d.objsubid
        FROM needed JOIN pg_depend d ON d.refclassid = needed.classid AND d.refobjid = needed.objid
        WHERE {_NEEDS} AND d.classid NOT IN ('pg_cast'::regclass, 'pg_publication_rel'::regclass)
    )
    SELECT pg_describe_object(n.classid, n.objid, n.objsubid) COLLATE "C" AS needs FROM needs n
    WHERE NOT EXISTS (
        SELECT FROM ({_PLACES}) AS places
        WHERE places.classid = n.classid AND places.oid = n.objid AND places.place = (SELECT oid FROM space))
    ORDER BY 1 LIMIT 20
"""  # noqa: S608 - as above
"""The objects outside the schema that need something in it, the first of them: others decide how many there are."""
