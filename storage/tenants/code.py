"""The code of an organization's own in its schema: what calls functions that are not PostgreSQL's, and a digest of it all.

The planner calls functions of index expressions, predicates, statistics and partition keys for a plain SELECT, and a query
those of generated columns and rules; triggers and checks act where a copy is restored. Such code runs as the organization's
login alone (`storage.tenants.logins`), which is the boundary. That people look at it first is one more.

A function in C, or one of PostgreSQL's own in another shape, is not the organization's: only a superuser can make it.
"""

import hashlib
import re
from collections.abc import Container, Iterator
from dataclasses import astuple, dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import errors

from storage.tenants import code_refusals, refusals
from storage.tenants.logins import Tenant
from storage.tenants.named_code import named_elsewhere

LARGEST_CODE = 4_000_000
"""The largest number of characters of code that is fetched, and that a person could review."""

_PLAIN = re.compile("[a-z_][a-z0-9_]*")
_SPACE: LiteralString = "(SELECT oid FROM pg_namespace WHERE nspname = %(schema)s)"
# Only what depends on the table as a whole counts for a partition key, not its columns.
_STARTS: LiteralString = f"""
    SELECT 'index' AS kind, 'pg_class'::regclass::oid AS classid, c.oid AS objid, 'pg_class'::regclass::oid AS at_class,
           c.oid AS at_oid
    FROM pg_class c WHERE c.relkind IN ('i', 'I') AND c.relnamespace = {_SPACE}
    UNION ALL
    SELECT 'partition key', 'pg_class'::regclass, c.oid, 'pg_class'::regclass, c.oid
    FROM pg_class c WHERE c.relkind = 'p' AND c.relnamespace = {_SPACE}
    UNION ALL
    SELECT 'statistics', 'pg_statistic_ext'::regclass, s.oid, 'pg_statistic_ext'::regclass, s.oid
    FROM pg_statistic_ext s WHERE s.stxnamespace = {_SPACE}
    UNION ALL
    SELECT 'generated column', 'pg_attrdef'::regclass, d.oid, 'pg_class'::regclass, d.adrelid
    FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    JOIN pg_class c ON c.oid = d.adrelid WHERE a.attgenerated <> '' AND c.relnamespace = {_SPACE}
    UNION ALL
    SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'rule' END,
           'pg_rewrite'::regclass, r.oid, 'pg_class'::regclass, c.oid
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace = {_SPACE}
    UNION ALL
    SELECT 'trigger', 'pg_trigger'::regclass, t.oid, 'pg_class'::regclass, c.oid
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND c.relnamespace = {_SPACE}
    UNION ALL
    SELECT 'policy', 'pg_policy'::regclass, p.oid, 'pg_class'::regclass, c.oid
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = {_SPACE}
    UNION ALL
    SELECT 'check', 'pg_constraint'::regclass, k.oid,
           CASE WHEN k.conrelid = 0 THEN 'pg_type'::regclass ELSE 'pg_class'::regclass END,
           CASE WHEN k.conrelid = 0 THEN k.contypid ELSE k.conrelid END
    FROM pg_constraint k WHERE k.contype IN ('c', 'n') AND k.connamespace = {_SPACE}
    UNION ALL
    SELECT 'cast', 'pg_cast'::regclass, k.oid, 'pg_cast'::regclass, k.oid FROM pg_cast k
    WHERE EXISTS (SELECT FROM pg_type t WHERE t.oid IN (k.castsource, k.casttarget) AND t.typnamespace = {_SPACE})
"""  # noqa: S608 - constants of this module
# An expression depends on functions and operators, on types whose checks are called for a cast, and on operator classes.
_THROUGH: LiteralString = """
    ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_constraint'::regclass, 'pg_opclass'::regclass,
     'pg_opfamily'::regclass, 'pg_amop'::regclass, 'pg_amproc'::regclass, 'pg_cast'::regclass, 'pg_collation'::regclass)
"""
_REACHED: LiteralString = f"""
    start AS MATERIALIZED ({_STARTS}), reached AS (
        SELECT s.classid, s.objid, d.refclassid, d.refobjid
        FROM start s JOIN pg_depend d ON d.classid = s.classid AND d.objid = s.objid
        WHERE s.kind <> 'partition key' OR d.objsubid = 0
        UNION
        -- An operator class of ranges calls the functions of whatever range it is for.
        SELECT s.classid, s.objid, 'pg_type'::regclass::oid, a.atttypid
        FROM start s JOIN pg_attribute a ON a.attrelid = s.objid WHERE s.kind = 'index' AND a.atttypid >= 16384
        UNION
        SELECT r.classid, r.objid, next.refclassid, next.refobjid
        FROM reached r CROSS JOIN LATERAL (
            SELECT d.refclassid, d.refobjid FROM pg_depend d WHERE d.classid = r.refclassid AND d.objid = r.refobjid
            UNION ALL
            SELECT 'pg_constraint'::regclass::oid, k.oid FROM pg_constraint k
            WHERE r.refclassid = 'pg_type'::regclass AND k.contypid = r.refobjid
            UNION ALL
            SELECT 'pg_amproc'::regclass::oid, a.oid FROM pg_amproc a
            WHERE r.refclassid = 'pg_opfamily'::regclass AND a.amprocfamily = r.refobjid
            UNION ALL
            SELECT 'pg_amop'::regclass::oid, a.oid FROM pg_amop a
            WHERE r.refclassid = 'pg_opfamily'::regclass AND a.amopfamily = r.refobjid
        ) AS next
        WHERE r.refclassid IN {_THROUGH}
    ), called AS (
        SELECT s.*, p.oid AS function, p.proowner AS owner FROM start s JOIN reached r USING (classid, objid)
        JOIN pg_proc p ON r.refclassid = 'pg_proc'::regclass AND p.oid = r.refobjid
        JOIN pg_language l ON l.oid = p.prolang
        WHERE p.pronamespace <> 'pg_catalog'::regnamespace AND l.lanname NOT IN ('internal', 'c')
    )
"""  # noqa: S608 - as above
# To write out an expression PostgreSQL opens its table, and to open a partitioned table it calls what its key calls.
_CALLS: LiteralString = f"""
    WITH RECURSIVE {_REACHED}
    SELECT c.kind, at.identity AS place, left(
           CASE c.kind
               WHEN 'index' THEN pg_get_indexdef(c.objid)
               WHEN 'partition key' THEN pg_get_partkeydef(c.objid)
               WHEN 'statistics' THEN pg_get_statisticsobjdef(c.objid)
               WHEN 'trigger' THEN pg_get_triggerdef(c.objid)
               WHEN 'check' THEN pg_get_constraintdef(c.objid)
               WHEN 'cast' THEN (SELECT concat_ws(' ', k.castsource::regtype, k.casttarget::regtype, k.castcontext, k.castmethod)
                                 FROM pg_cast k WHERE k.oid = c.objid)
               WHEN 'generated column' THEN
                   (SELECT concat(d.adnum, pg_get_expr(d.adbin, d.adrelid)) FROM pg_attrdef d WHERE d.oid = c.objid)
               WHEN 'policy' THEN
                   (SELECT concat_ws(' ', p.polname, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
                    FROM pg_policy p WHERE p.oid = c.objid)
               ELSE pg_get_ruledef(c.objid)
           END, %(longest)s) AS definition, c.function::bigint, c.function::regprocedure::text
    FROM called c CROSS JOIN LATERAL pg_identify_object(c.at_class, c.at_oid, 0) AS at
    ORDER BY 1, 2, 3, 5
"""  # noqa: S608 - as above
# What leads to a function decides which one is called: an operator's name says nothing of what it does.
_LEADS: LiteralString = f"""
    WITH RECURSIVE {_REACHED}
    SELECT DISTINCT object.type || ' ' || object.identity AS name, left(CASE r.refclassid
        WHEN 'pg_operator'::regclass THEN (SELECT concat_ws(' ', 'calls', o.oprcode::regprocedure, o.oprrest::regproc,
            o.oprjoin::regproc, o.oprcom::regoperator, o.oprnegate::regoperator) FROM pg_operator o WHERE o.oid = r.refobjid)
        WHEN 'pg_constraint'::regclass THEN pg_get_constraintdef(r.refobjid)
        WHEN 'pg_cast'::regclass THEN (SELECT concat_ws(' ', 'calls', k.castfunc::regprocedure, k.castcontext, k.castmethod)
            FROM pg_cast k WHERE k.oid = r.refobjid)
        WHEN 'pg_amproc'::regclass THEN (SELECT concat_ws(' ', 'calls', a.amproc::regprocedure, a.amprocnum)
            FROM pg_amproc a WHERE a.oid = r.refobjid)
        WHEN 'pg_amop'::regclass THEN (SELECT concat_ws(' ', 'is', a.amopopr::regoperator, a.amopstrategy)
            FROM pg_amop a WHERE a.oid = r.refobjid)
        ELSE (SELECT concat_ws(' ', 'calls', g.rngsubdiff::regproc, g.rngcanonical::regproc)
            FROM pg_range g WHERE g.rngtypid = r.refobjid)
    END, %(longest)s) AS definition
    FROM reached r CROSS JOIN LATERAL pg_identify_object(r.refclassid, r.refobjid, 0) AS object
    WHERE r.refobjid >= 16384 AND (r.refclassid IN ('pg_operator'::regclass, 'pg_constraint'::regclass, 'pg_cast'::regclass,
        'pg_amproc'::regclass, 'pg_amop'::regclass)
        OR (r.refclassid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_range g WHERE g.rngtypid = r.refobjid)))
    ORDER BY 1, 2
"""  # noqa: S608 - as above
_FOREIGN: LiteralString = f"""
    WITH RECURSIVE {_REACHED}
    SELECT DISTINCT c.kind || ' of ' || at.identity || ' calls ' || p.proname FROM called c
    JOIN pg_roles r ON r.oid = c.owner JOIN pg_proc p ON p.oid = c.function
    CROSS JOIN LATERAL pg_identify_object(c.at_class, c.at_oid, 0) AS at
    WHERE NOT r.rolsuper ORDER BY 1 LIMIT 100
"""  # noqa: S608 - as above
# What a function does may be in another one that it calls: all of the schema's, and those elsewhere that are called.
_BODIES: LiteralString = f"""
    SELECT p.oid::regprocedure::text AS name,
           left(CASE p.prokind WHEN 'a' THEN (SELECT to_jsonb(a)::text FROM (SELECT
               g.aggkind, g.aggtransfn::text, g.aggfinalfn::text, g.aggcombinefn::text, g.aggserialfn::text,
               g.aggdeserialfn::text, g.aggmtransfn::text, g.aggminvtransfn::text, g.aggmfinalfn::text,
               g.aggsortop::regoperator::text, g.aggtranstype::regtype::text, g.agginitval, g.aggminitval
               FROM pg_aggregate g WHERE g.aggfnoid = p.oid) a) ELSE pg_get_functiondef(p.oid) END, %(longest)s) AS definition
    FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
    WHERE (p.pronamespace = {_SPACE} OR p.oid = ANY (%(called)s)) AND (p.prokind = 'a' OR l.lanname NOT IN ('internal', 'c'))
    ORDER BY p.oid::regprocedure::text COLLATE "C"
"""  # noqa: S608 - as above


@dataclass(frozen=True, slots=True)
class Call:
    """A place in an organization's schema that calls a function which is not PostgreSQL's own."""

    kind: str
    """``index``, ``partition key``, ``statistics``, ``generated column``, ``view``, ``rule``, ``trigger`` and so on."""
    where: str
    """The table, type or object, as SQL names it."""
    function: str
    definition: str

    @property
    def words(self) -> str:
        """The place and the function, for a person."""
        place = self.where if self.kind in ("index", "statistics") else f"of {self.where}"
        return f"{self.kind} {place} calls {self.function}"

    @property
    def whole(self) -> str:
        """The same with the definition, which has the arguments of the call."""
        return f"{self.words}: {self.definition}"


@dataclass(frozen=True, slots=True)
class TenantCode:
    """The code of an organization's own."""

    calls: tuple[Call, ...]
    bodies: tuple[tuple[str, str], ...]
    """Each function with its definition, and whatever leads to one: operators, casts, checks, operator classes."""
    digest: str
    """SHA-256 of it all, in hexadecimal; the same for organizations whose schemas differ in a plain name alone."""


def code_of(connection: psycopg.Connection[Any], schema: str) -> TenantCode:
    """Return the code of an organization's own in a schema.

    ``connection`` is one that may do no more than the organization: what a partition key calls is called for this.
    Raises TenantSchemaBusy, TenantSchemaTooLarge.
    """
    room = _Room(schema)
    given: dict[str, object] = {"schema": schema, "longest": LARGEST_CODE + 1}
    try:
        with connection.transaction():
            found = list(_few_at_a_time(connection, _CALLS, given, room))
            given["called"] = sorted({row[3] for row in found})
            bodies = list(_few_at_a_time(connection, _BODIES, given, room)) if found else []
            bodies += named_elsewhere(connection, schema, bodies)
            leads = list(_few_at_a_time(connection, _LEADS, given, room)) if found else []
    except errors.LockNotAvailable:
        raise refusals.TenantSchemaBusy(schema) from None
    calls = tuple(Call(kind, where, called, definition) for kind, where, definition, _, called in found)
    digest = hashlib.sha256()
    for part in (*(astuple(call) for call in calls), *bodies, *leads):
        anonymous = [_without_name(value, schema) if isinstance(value, str) else value for value in part]
        digest.update(repr(anonymous).encode() + b"\n")
    return TenantCode(
        calls=calls,
        bodies=tuple((str(name), str(definition)) for name, definition in (*bodies, *leads)),
        digest=digest.hexdigest(),
    )


class _Room:
    """The memory that the code of a schema may take."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._left = LARGEST_CODE

    def take(self, row: tuple[Any, ...]) -> None:
        # Text comes as bytes where code of the organization has changed the encoding of the session.
        self._left -= sum(len(value) for value in row if isinstance(value, str | bytes))
        if self._left < 0:
            raise refusals.TenantSchemaTooLarge(self._schema, "characters of code of its own", LARGEST_CODE)


def _few_at_a_time(
    connection: psycopg.Connection[Any], query: LiteralString, given: dict[str, object], room: _Room
) -> Iterator[tuple[Any, ...]]:
    with connection.cursor(name="code") as cursor:
        cursor.itersize = 2
        for row in cursor.execute(query, given):
            room.take(row)
            yield row


def _without_name(text: str, schema: str) -> str:
    """Return code with a mark, which no text of PostgreSQL has, in place of the name of its schema.

    Only where the name is a plain word: another one could be code itself, and be cut out of what nobody has reviewed.
    """
    if not _PLAIN.fullmatch(schema) or re.search(rf"(?<![\w$\"]){schema}(?![\w$.])", text):
        return text  # without a dot it may be anything, a variable too, and mean another thing under another name
    return re.sub(rf"(?<![\w$\"]){schema}\.", "\0.", text)


def calls_of_others(connection: psycopg.Connection[Any], schema: str) -> list[str]:
    """Return the places in a schema that call functions of anybody but a superuser; nothing of it is called for that."""
    return [call for (call,) in connection.execute(_FOREIGN, {"schema": schema}).fetchall()]


def refuse_unreviewed(connection: psycopg.Connection[Any], tenant: Tenant, reviewed: Container[str]) -> None:
    """Refuse a schema with code of the organization's own that is not among the reviewed digests.

    Raises TenantSchemaHasCode, TenantSchemaTooLarge, TenantSchemaBusy.
    """
    code = code_of(connection, tenant.schema)
    if code.calls and code.digest not in reviewed:
        things = [call.words for call in code.calls]
        raise code_refusals.TenantSchemaHasCode(tenant.organization, tenant.schema, things, code.digest)
