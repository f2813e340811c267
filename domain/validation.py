"""Pydantic's errors about what a stranger sent: listed where there are few, counted where there are many."""

from typing import Any

from pydantic import ValidationError

MOST_LISTED = 1_000
"""The largest number of errors of one value that are listed: each takes far more room than what it is about."""


def listed_errors(invalid: ValidationError) -> list[Any]:
    """Return the errors, without what was sent; one that says how many there are, if there are more than are listed."""
    count = invalid.error_count()
    if count > MOST_LISTED:
        return [{"type": "too_many_errors", "loc": (), "msg": f"This has {count:,} problems, too many to be listed"}]
    return list(invalid.errors(include_url=False, include_input=False))
