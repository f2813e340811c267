"""The names that a text of code calls, found as PostgreSQL reads them, in time that grows with the text and no faster."""

from typing import Any

import psycopg
import pytest

from storage.tenants import named_code
from storage.tenants.called_names import CalledNames, marks_in
from storage.tenants.code import LARGEST_CODE, code_of
from storage.tenants.named_code import MOST_MARKS
from storage.tenants.refusals import TenantSchemaTooLarge

OTHER = ("other", "g")


@pytest.mark.parametrize(
    "code",
    [
        "PERFORM other.g()",
        'PERFORM "other" . "g" (1)',
        "PERFORM OTHER./* of others */G -- called\n ()",
        "PERFORM other./* one /* in the other */ of them -- */g()",
        "PERFORM other -- a point . follows\n. g()",
        "x := '/*'; PERFORM other./* ' */g()",
        "x := $$'$$; PERFORM other./**/g()",
        "EXECUTE $tag$other.g()$tag$",
        "EXECUTE 'SELECT other.g()'",
        "PERFORM tenants.other.g()",
        r'PERFORM U&"\006fther"."g"()',
        r'PERFORM u&"o\+000074her" . U&"\0067"()',
        """PERFORM U&"!006fther" UESCAPE '!' . g()""",
        'x := \'"\'; PERFORM other."g"()',
    ],
)
def test_what_is_called_with_its_schema_is_found_however_it_is_written(code: str) -> None:
    assert OTHER in CalledNames(code).with_schema


@pytest.mark.parametrize(
    "code",
    [
        "RETURN other.g",
        "PERFORM another.g()",
        "PERFORM other.ag()",
        "other, g()",
        'PERFORM "other.g"()',
        "other./* g()",
    ],
)
def test_what_is_not_called_is_not_found(code: str) -> None:
    assert OTHER not in CalledNames(code).with_schema


def test_a_name_is_cut_as_postgresql_cuts_it_and_an_escaped_quotation_mark_is_one() -> None:
    longest = "n" * 63
    assert ('a"b', longest) in CalledNames(f'"a""b".{longest}more()').with_schema


@pytest.mark.timeout(120)
@pytest.mark.parametrize("piece", ["/* ", "a/*", "a.", "a --", ". --", '"', "'", '""a."', "$a$", "(", 'U&"', "a./**/"])
def test_the_largest_code_is_read_in_time_that_grows_with_it_alone(piece: str) -> None:
    """A worker that searches it with a backtracking expression serves nobody else meanwhile, and code is read before any review."""
    largest = min(MOST_MARKS // max(marks_in(piece), 1), LARGEST_CODE // len(piece))
    found = CalledNames("search_path " + piece * largest + " " * (LARGEST_CODE - largest * len(piece)))
    assert max(len(name.encode()) for name in found.words()) <= 63


def calling(owner: psycopg.Connection[Any], body: str, settings: str = "") -> None:
    """A schema whose index calls a function with this body, beside another schema that has functions."""
    for statement in (
        "CREATE SCHEMA other",
        "CREATE SCHEMA crm",
        "SET check_function_bodies = off",
        *(f"CREATE FUNCTION other.{name}(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'" for name in ("g", "h")),
        "CREATE FUNCTION crm.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END'",
        "CREATE TABLE crm.t (n int)",
        "CREATE INDEX ON crm.t (crm.f(n))",
        f"CREATE OR REPLACE FUNCTION crm.f(int) RETURNS int LANGUAGE plpgsql IMMUTABLE {settings} AS $body${body}$body$",
    ):
        owner.execute(statement.encode())


@pytest.mark.parametrize(
    ("body", "settings"),
    [
        (r'BEGIN RETURN U&"\006fther".g($1); END', ""),
        ("BEGIN RETURN g($1); END", "SET search_path = other, pg_catalog"),
        ("BEGIN SET LOCAL search_path = other; RETURN g($1); END", ""),
    ],
)
def test_a_name_in_escapes_and_one_on_a_search_path_of_its_own_are_in_the_digest(
    owner: psycopg.Connection[Any], body: str, settings: str
) -> None:
    calling(owner, body, settings)
    before = code_of(owner, "crm")
    assert [name for name, _ in before.bodies] == ["crm.f(integer)", "other.g"]
    owner.execute("CREATE OR REPLACE FUNCTION other.h(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'")
    assert code_of(owner, "crm").digest == before.digest
    owner.execute("CREATE OR REPLACE FUNCTION other.g(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'")
    assert code_of(owner, "crm").digest != before.digest


@pytest.mark.timeout(120)
def test_code_of_begun_comments_alone_is_refused_before_it_is_searched(owner: psycopg.Connection[Any]) -> None:
    calling(owner, "BEGIN RETURN '" + "/* " * (LARGEST_CODE // 3 - 1000) + "'; END")
    with pytest.raises(TenantSchemaTooLarge, match="more than 150,000 marks of punctuation"):
        code_of(owner, "crm")


def test_code_that_sets_a_search_path_has_a_limited_number_of_words(
    owner: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calling(owner, "BEGIN RETURN g($1); END", "SET search_path = other")
    monkeypatch.setattr(named_code, "MOST_WORDS", 3)
    with pytest.raises(TenantSchemaTooLarge, match="more than 3 words"):
        code_of(owner, "crm")
