"""The manifest of an export: its files, their checksums, and the values that a spreadsheet shows differently.

It is the file ``manifest.json`` beside the others, written last. It quotes names of tables and columns, never values.
"""

import hashlib
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.refusals import Refusal
from domain.remedies import correct_input

FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"

WarningCode = Literal[
    "digits_beyond_15",
    "no_finite_number",
    "number_out_of_range",
    "date_out_of_range",
    "below_milliseconds",
    "time_zone",
    "formula_like_text",
    "long_text",
    "control_characters",
    "unknown_type",
    "too_large",
]
WrittenAs = Literal["number", "boolean", "date", "time", "timestamp", "timestamp in UTC", "text"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ManifestColumn(_Part):
    """A column: its name, its PostgreSQL type, and the way in which workbooks hold it where they can."""

    name: str
    type: str
    written_as: WrittenAs


class ManifestFile(_Part):
    """A file beside the manifest."""

    key: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$")
    """Its name, relative to the manifest."""
    kind: Literal["csv", "xlsx"]
    rows: int = Field(ge=0)
    """Rows of the table in this file, without lines of column names."""
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    sheets: tuple[str, ...] = ()
    """The sheets of a workbook, in order."""


class ManifestWarning(_Part):
    """A difference between a workbook and PostgreSQL; the CSV file has every value as it is, but for those ``too_large``."""

    code: WarningCode
    column: str
    count: int = Field(ge=1)
    """The number of values concerned."""
    row: int = Field(ge=1)
    """The first row of the table with such a value, counted from 1 in the order of the files."""
    sentence: str


class ManifestTable(_Part):
    """A table and the files that hold it."""

    name: str
    rows: int = Field(ge=0)
    columns: tuple[ManifestColumn, ...]
    files: tuple[ManifestFile, ...]
    warnings: tuple[ManifestWarning, ...] = ()


class NotExported(_Part):
    """An object that looks like a table and is in no file, with the reason."""

    name: str
    kind: str
    reason: str


class Manifest(_Part):
    """A complete export: a file that is not in its manifest does not belong to it."""

    format_version: Literal[1] = 1
    title: str
    started: datetime
    finished: datetime
    tables: tuple[ManifestTable, ...]
    not_exported: tuple[NotExported, ...] = ()
    rows: int = Field(ge=0)
    """The rows of all tables."""
    bytes: int = Field(ge=0)
    """The size of all files but the manifest."""

    @property
    def files(self) -> tuple[ManifestFile, ...]:
        """All files that it lists."""
        return tuple(file for table in self.tables for file in table.files)

    @property
    def warnings(self) -> tuple[ManifestWarning, ...]:
        """The warnings about all tables."""
        return tuple(warning for table in self.tables for warning in table.warnings)

    @property
    def text(self) -> str:
        """The content of ``manifest.json``, to be written in UTF-8."""
        return self.model_dump_json(indent=2) + "\n"

    @property
    def sha256(self) -> str:
        """The SHA-256 checksum of ``manifest.json``, in hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class ManifestUnreadable(Refusal):
    """A file that has the name of a manifest but is damaged, or not one."""

    code = "export_manifest_unreadable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{MANIFEST_NAME} cannot be read as the manifest of an export: {reason}.",
            remedy=correct_input("Download it again; the files themselves can stay."),
            reason=reason,
        )


class ManifestNewer(Refusal):
    """A manifest of a later version of the service."""

    code = "export_manifest_newer"

    def __init__(self, version: int) -> None:
        super().__init__(
            f"{MANIFEST_NAME} has format version {version}; this version of Offramp reads versions up to {FORMAT_VERSION}.",
            remedy=correct_input("Check it with the version of Offramp that wrote it, or a later one."),
            format_version=version,
        )


class _Version(BaseModel):
    format_version: int = Field(ge=1)


def read_manifest(content: bytes) -> Manifest:
    """Read ``manifest.json``. Raises ManifestUnreadable, ManifestNewer."""
    try:
        version = TypeAdapter(_Version).validate_json(content).format_version
        if version > FORMAT_VERSION:
            raise ManifestNewer(version)
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ManifestUnreadable(f"{place}: {first['msg']}" if place else first["msg"]) from None
