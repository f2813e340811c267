"""The names that the schema of an organization's data may have."""

from domain.refusals import Refusal
from domain.remedies import correct_input

LONGEST_NAME_IN_BYTES = 63
"""The longest name: PostgreSQL truncates longer ones, so that two could become one."""

RESERVED_SCHEMAS = frozenset({"information_schema", "public", "offramp"})
"""The schemas of PostgreSQL, of all users, and of the service; names that begin with ``pg_`` are reserved too."""


class DataSchemaMalformed(Refusal):
    """A name that the schema of an organization's data cannot have."""

    code = "data_schema_malformed"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            f"{name!r} cannot be the schema of an organization's data: {reason}.",
            remedy=correct_input(
                f"Name a schema that holds this organization's data and nothing else, 1 to {LONGEST_NAME_IN_BYTES} "
                "bytes in UTF-8."
            ),
            data_schema=name,
        )


def data_schema_name(name: str) -> str:
    """Return a name that the schema of an organization's data may have: exact, with its capitals, spaces and quotes.

    The schema is erased in the end, so it must be the organization's alone. Raises DataSchemaMalformed.
    """
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in name):
        raise DataSchemaMalformed(name, "it contains control characters")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise DataSchemaMalformed(ascii(name), "it contains half a character") from None
    if not 1 <= length <= LONGEST_NAME_IN_BYTES:
        raise DataSchemaMalformed(name, f"it has {length} bytes")
    if name.startswith("pg_") or name in RESERVED_SCHEMAS:
        raise DataSchemaMalformed(name, "the name is reserved")
    return name
