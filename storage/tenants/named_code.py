"""Functions of other schemas that code of an organization names: a body that is a text depends on nothing in the catalog.

Only what is written as a name of a schema, a dot and a name before a parenthesis is found; and, for a body that sets a search path, each
name before a parenthesis in every schema that the body names anywhere. A body that makes up its statements can call whatever it likes,
and whoever reviews it sees that it does.
"""

import re
from collections.abc import Iterable
from typing import Any, LiteralString

import psycopg

from storage.tenants import refusals
from storage.tenants.called_names import CalledNames, marks_in

# What others have defined is not fetched: its digest counts.
_NAMED: LiteralString = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(p.proname) AS name,
           'defined elsewhere: ' || encode(sha256(convert_to(string_agg(pg_get_functiondef(p.oid), ';' ORDER BY p.oid), 'UTF8')), 'hex')
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE n.nspname NOT IN (%(schema)s, 'pg_catalog', 'information_schema') AND p.prokind IN ('f', 'p')
      AND l.lanname NOT IN ('internal', 'c')
      AND ((n.nspname::text, p.proname::text) IN (SELECT * FROM unnest(%(schemas)s::text[], %(names)s::text[]))
           OR (n.nspname::text IN (SELECT unnest(%(path)s::text[])) AND p.proname::text IN (SELECT unnest(%(alone)s::text[]))))
    GROUP BY n.nspname, p.proname ORDER BY 1 LIMIT %(most)s
"""
_SETS_A_PATH = re.compile("search_path", re.IGNORECASE)
MOST_NAMED = 1_000
"""The largest number of functions that the code of a schema may name by their schema."""
MOST_MARKS = 150_000
"""The largest number of points, parentheses, quotation marks and comments in the code of a schema."""
MOST_WORDS = 20_000
"""The largest number of different words in those of its bodies that set a search path."""


def named_elsewhere(
    connection: psycopg.Connection[Any], schema: str, bodies: Iterable[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Return the functions of other schemas that bodies name, each with the digest of what it is now. Raises TenantSchemaTooLarge."""
    texts = [str(body) for _, body in bodies]
    if sum(map(marks_in, texts)) > MOST_MARKS:
        raise refusals.TenantSchemaTooLarge(schema, "marks of punctuation in its code", MOST_MARKS)
    named: set[tuple[str, str]] = set()
    path: set[str] = set()
    alone: set[str] = set()
    for text in texts:
        found = CalledNames(text)
        named |= found.with_schema
        if _SETS_A_PATH.search(text):
            path |= found.words()
            alone |= found.alone
        if len(path) > MOST_WORDS:
            raise refusals.TenantSchemaTooLarge(schema, "words in code that sets a search path", MOST_WORDS)
        if len(named) > MOST_NAMED:
            raise _too_many(schema)
    if not named and not path:
        return []
    given = {
        "schema": schema,
        "schemas": [at for at, _ in named],
        "names": [name for _, name in named],
        "path": list(path),
        "alone": list(alone),
        "most": MOST_NAMED + 1,
    }
    rows = connection.execute(_NAMED, given).fetchall()
    if len(rows) > MOST_NAMED:
        raise _too_many(schema)
    return rows


def _too_many(schema: str) -> refusals.TenantSchemaTooLarge:
    return refusals.TenantSchemaTooLarge(schema, "functions that its code names", MOST_NAMED)
