"""Which names the schema of an organization's data may have."""

from domain.refusals import Refusal
from domain.remedies import correct_input

LONGEST_NAME_IN_BYTES = 63
"""PostgreSQL cuts longer names off, and two could become one."""

RESERVED_SCHEMAS = frozenset({"information_schema", "public", "offramp"})
"""PostgreSQL's own, the one that everybody may use, and the service's own; so are all that begin with ``pg_``."""


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

    What it names is erased in the end; so nobody else's may be named. Raises DataSchemaMalformed.
    """
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in name):
        raise DataSchemaMalformed(name, "it holds control characters")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise DataSchemaMalformed(ascii(name), "it holds half a character") from None
    if not 1 <= length <= LONGEST_NAME_IN_BYTES:
        raise DataSchemaMalformed(name, f"it has {length} bytes")
    if name.startswith("pg_") or name in RESERVED_SCHEMAS:
        raise DataSchemaMalformed(name, "it holds what belongs to others")
    return name
