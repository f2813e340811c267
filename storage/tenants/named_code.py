"""Functions of other schemas that code of an organization names: a body that is a text depends on nothing in the catalog.

Only what is written as a name of a schema, a dot and a name before a parenthesis is found. A body that makes up its statements can call
whatever it likes, and whoever reviews it sees that it does.
"""

import re
from collections.abc import Iterable
from typing import Any, LiteralString

import psycopg

from domain.data_schema import LONGEST_NAME_IN_BYTES
from storage.tenants import refusals

# What others have defined is not fetched: its digest counts.
_NAMED: LiteralString = """
    SELECT quote_ident(n.nspname) || '.' || quote_ident(p.proname) AS name,
           'defined elsewhere: ' || encode(sha256(convert_to(string_agg(pg_get_functiondef(p.oid), ';' ORDER BY p.oid), 'UTF8')), 'hex')
    FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS named (schema, name)
    JOIN pg_namespace n ON n.nspname = named.schema JOIN pg_proc p ON p.pronamespace = n.oid AND p.proname = named.name
    JOIN pg_language l ON l.oid = p.prolang
    WHERE n.nspname NOT IN (%(schema)s, 'pg_catalog', 'information_schema') AND p.prokind IN ('f', 'p')
      AND l.lanname NOT IN ('internal', 'c')
    GROUP BY n.nspname, p.proname ORDER BY 1
"""
_WORD = r'(?:"(?:[^"]|""){1,200}"|[^\W\d][\w$]{0,200})'
_CALLED_BY_NAME = re.compile(rf'(?<![\w$".])({_WORD})\s*\.\s*({_WORD})\s*\(')
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)
MOST_NAMED = 1_000
"""The largest number of functions that the code of a schema may name by their schema."""


def named_elsewhere(
    connection: psycopg.Connection[Any], schema: str, bodies: Iterable[tuple[Any, ...]]
) -> list[tuple[Any, ...]]:
    """Return the functions of other schemas that bodies name, each with the digest of what it is now."""
    texts = [str(body) for _, body in bodies]
    texts += [_COMMENT.sub(" ", text) for text in texts]  # beside them: what looks like a comment may be within a text
    named = sorted({(_plain(at), _plain(name)) for text in texts for at, name in _CALLED_BY_NAME.findall(text)})
    if len(named) > MOST_NAMED:
        raise refusals.TenantSchemaTooLarge(schema, "functions that its code names", MOST_NAMED)
    given = {"schema": schema, "schemas": [at for at, _ in named], "names": [name for _, name in named]}
    return connection.execute(_NAMED, given).fetchall() if named else []


def _plain(word: str) -> str:
    name = word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()
    return name.encode()[:LONGEST_NAME_IN_BYTES].decode(errors="ignore")  # as PostgreSQL cuts it
