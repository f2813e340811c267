"""A file on its way into the object store."""

import hashlib
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

import obstore
from obstore.exceptions import BaseError

if TYPE_CHECKING:
    from obstore import WritableFile
    from obstore.store import ObjectStore

_UPLOADS_AT_ONCE = 2


class ObjectFile:
    """A file that counts and sums its bytes and uploads them in parts; the object appears whole after the block, or never.

    A file that is smaller than a part is sent at once. If the block ends with an exception, the upload is aborted, so that
    the store keeps none of its parts; if the store does not answer either, they stay for `Objects.discard_unfinished`.
    """

    def __init__(self, store: "ObjectStore", key: str, part_bytes: int) -> None:
        self._writer: WritableFile = obstore.open_writer(
            store, key, buffer_size=part_bytes, max_concurrency=_UPLOADS_AT_ONCE
        )
        self._sum = hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes written so far, in hexadecimal digits."""
        return self._sum.hexdigest()

    def write(self, data: bytes) -> int:
        """Write data; waits while the store is slower."""
        self._sum.update(data)
        self._writer.write(data)
        self.bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: parts have a fixed size. `zipfile` asks for it."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the object, or abort the upload."""
        if kind is None:
            self._writer.close()
            return
        with suppress(BaseError, OSError):  # the first error is the one to report
            self._writer.__exit__(kind, error, trace)
