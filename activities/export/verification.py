"""The check of downloaded files against the manifest that came with them."""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domain.export.manifest import MANIFEST_NAME, Manifest, ManifestFile, ManifestUnreadable, read_manifest
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind

TroubleCode = Literal["missing", "unreadable", "wrong_size", "wrong_sum", "not_gzip", "wrong_rows", "not_listed"]

_BLOCK_BYTES = 1 << 20


class ManifestMissing(Refusal):
    """The refusal of a directory without a manifest."""

    code = "export_manifest_missing"

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"There is no {MANIFEST_NAME} in this directory.",
            remedy=Remedy.of(RemedyKind.CHOOSE_EXPORT_DIRECTORY, directory=directory),
            directory=directory,
        )


class Trouble(BaseModel):
    """A defect of one file."""

    model_config = ConfigDict(frozen=True)

    file: str
    code: TroubleCode
    sentence: str


class Verification(BaseModel):
    """The outcome of checking a download; without defects it is complete and unchanged."""

    model_config = ConfigDict(frozen=True)

    complete: bool
    files: int
    tables: int
    rows: int
    bytes: int
    troubles: tuple[Trouble, ...]


def load_manifest(directory: Path) -> Manifest:
    """Read the manifest of a download. Raises ManifestMissing, ManifestUnreadable, ManifestNewer."""
    try:
        return read_manifest((directory / MANIFEST_NAME).read_bytes())
    except FileNotFoundError:
        raise ManifestMissing(directory) from None
    except OSError as error:
        raise ManifestUnreadable((error.strerror or str(error)).lower()) from None


def verify_download(
    directory: Path, manifest: Manifest, *, on_bytes: Callable[[str, int], None] = lambda _file, _bytes: None
) -> Verification:
    """Check that every file is as in the manifest, and that there is no other; read in blocks, however large they are.

    ``on_bytes`` is called with each file and the number of bytes just read.
    """
    troubles = [trouble for file in manifest.files if (trouble := _check(directory, file, on_bytes)) is not None]
    listed = {MANIFEST_NAME, *(file.key for file in manifest.files)}
    troubles += [
        Trouble(
            file=name, code="not_listed", sentence=f"{name} is not in the manifest: it does not belong to the export."
        )
        for path in sorted(directory.rglob("*"))
        if (name := path.relative_to(directory).as_posix()) not in listed and not path.is_dir()
    ]
    return Verification(
        complete=not troubles,
        files=len(manifest.files),
        tables=len(manifest.tables),
        rows=manifest.rows,
        bytes=manifest.bytes,
        troubles=tuple(troubles),
    )


def _check(directory: Path, file: ManifestFile, on_bytes: Callable[[str, int], None]) -> Trouble | None:
    def trouble(code: TroubleCode, sentence: str) -> Trouble:
        return Trouble(file=file.key, code=code, sentence=sentence)

    try:
        found = _read(directory / file.key, on_bytes, lines=file.kind == "csv")
    except FileNotFoundError:
        return trouble("missing", f"{file.key} is missing.")
    except OSError as error:
        return trouble("unreadable", f"{file.key} cannot be read: {error.strerror or error}.")
    if found.bytes != file.bytes:
        return trouble("wrong_size", f"{file.key} has {found.bytes:,} bytes; the manifest says {file.bytes:,}.")
    if found.sha256 != file.sha256:
        return trouble("wrong_sum", f"{file.key} was changed or damaged: its SHA-256 is not that of the manifest.")
    if file.kind == "csv":
        if found.lines is None:
            return trouble("not_gzip", f"{file.key} cannot be decompressed.")
        if found.lines - 1 != file.rows:
            return trouble("wrong_rows", f"{file.key} has {found.lines - 1:,} rows; the manifest says {file.rows:,}.")
    return None


class _Found(BaseModel):
    bytes: int
    sha256: str
    lines: int | None
    """The lines of CSV, the line of column names included; None where it is no such file."""


def _read(path: Path, on_bytes: Callable[[str, int], None], *, lines: bool) -> _Found:
    size, total, counter = 0, hashlib.sha256(), _CsvLines() if lines else None
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            size += len(block)
            total.update(block)
            if counter is not None:
                counter.add(block)
            on_bytes(path.name, len(block))
    return _Found(bytes=size, sha256=total.hexdigest(), lines=counter.end() if counter else None)


class _CsvLines:
    """A counter of the lines of compressed CSV; line ends within quotation marks belong to a value."""

    def __init__(self) -> None:
        self._gzip = zlib.decompressobj(wbits=31)
        self._lines = 0
        self._quoted = False
        self._broken = False

    def add(self, compressed: bytes) -> None:
        if self._broken:
            return
        try:
            while compressed:
                if self._gzip.eof:  # something follows the compressed file, and would never be consumed
                    self._broken = True
                    return
                self._count(self._gzip.decompress(compressed, _BLOCK_BYTES))
                compressed = self._gzip.unconsumed_tail
        except zlib.error:
            self._broken = True

    def end(self) -> int | None:
        """Return the number of lines; None if it is not one whole compressed file."""
        if self._broken:
            return None
        self._count(self._gzip.flush())
        return self._lines if self._gzip.eof and not self._gzip.unused_data else None

    def _count(self, text: bytes) -> None:
        parts = text.split(b'"')
        self._lines += sum(part.count(b"\n") for part in parts[self._quoted :: 2])
        self._quoted ^= len(parts) % 2 == 0
