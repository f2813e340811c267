"""The objects of a store by key: writing, reading, listing, deleting and linking them."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import IO, TYPE_CHECKING

import obstore
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from storage.objects.refusals import (
    ObjectStoreNotConfigured,
    ObjectStoreRefuses,
    SignedLinksUnsupported,
    SignedLinkTooLong,
    refusing_when_store_unavailable,
)
from storage.objects.settings import ObjectStoreSettings

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Credential

    from storage.objects.s3 import S3

LONGEST_LINK = timedelta(days=7)
"""The longest life of a signature on S3 and compatible stores; less where the platform's credentials expire earlier."""

_BATCH = 500
_READ_BYTES = 8 * 1024 * 1024
# A part of an upload or download is some MiB; a store that cannot move it in this time is as good as down.
_CLIENT: "ClientConfig" = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(minutes=2)}
# obstore repeats requests that met a lost connection or a 5xx: some seconds, for a short outage of the store. Longer
# ones are left to the activity's own retries, which the Web UI shows.
_RETRIES: "RetryConfig" = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
_STAGED = re.compile(r"#\d+$")  # the name that obstore's folder store gives a file while writing it


@dataclass(frozen=True)
class StoredObject:
    """An object as it is listed; ``modified`` is UTC."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Deleted:
    """The outcome of a deletion: the number of objects, and the bytes they held."""

    objects: int = 0
    bytes: int = 0


class Objects:
    """The objects of one store. Creating an instance sends no request; threads may share it.

    Every method raises ObjectStoreUnavailable, ObjectStoreFull or ObjectStoreRefuses where the store is unavailable,
    full or denies it. Keys are paths of segments with ``/`` between them; a prefix means whole segments.

    Raises ObjectStoreNotConfigured.
    """

    def __init__(self, settings: ObjectStoreSettings) -> None:
        if not settings.url:
            raise ObjectStoreNotConfigured
        self._settings = settings
        self.location = settings.location
        self.compacted_within = settings.compacted_within
        """The time after which nothing is left of a removed object on the store's disks; None where it promises none."""

    @cached_property
    def store(self) -> "ObjectStore":
        """The store itself, for writers (``obstore.open_writer``); wrap its use in `refusing`."""
        settings = self._settings
        prefix = settings.prefix or None
        match settings.scheme:
            case "s3":
                self._credentials()  # refuses where there are none; obstore would only say that a request failed
                return S3Store(
                    settings.bucket,
                    prefix=prefix,
                    region=settings.region,
                    endpoint=settings.endpoint or None,
                    credential_provider=self._credentials,
                    client_options={**_CLIENT, "allow_http": settings.endpoint.startswith("http:")},
                    retry_config=_RETRIES,
                )
            case "az":
                return AzureStore(settings.bucket, prefix=prefix, client_options=_CLIENT, retry_config=_RETRIES)
            case "gs":
                return GCSStore(settings.bucket, prefix=prefix, client_options=_CLIENT, retry_config=_RETRIES)
            case _:
                with self.refusing():
                    return LocalStore(settings.directory, mkdir=True, automatic_cleanup=True)

    def refusing(self, key: str = "") -> AbstractContextManager[None]:
        """Turn errors of this store into refusals, see `refusing_when_store_unavailable`."""
        return refusing_when_store_unavailable(self.location, key)

    def ensure_bucket(self) -> None:
        """Create the bucket or the folder unless it exists: for a store of our own, such as the local stack's."""
        if self._settings.scheme == "s3":
            self._s3.ensure_bucket()
        else:
            _ = self.store

    def put(self, key: str, content: bytes | IO[bytes], *, content_type: str | None = None) -> None:
        """Write an object whole or not at all, in place of one that was there; large ones in parts."""
        with self.refusing(key):
            # A folder has no place for the type.
            typed = content_type is not None and self._settings.scheme != "file"
            obstore.put(self.store, key, content, attributes={"Content-Type": content_type or ""} if typed else None)

    def get(self, key: str) -> bytes:
        """Read a small object; raises ObjectNotFound."""
        with self.refusing(key):
            return obstore.get(self.store, key).bytes().to_bytes()

    def stream(self, key: str) -> Iterator[bytes]:
        """Read an object in pieces of some MiB, each a request of its own; raises ObjectNotFound."""
        with self.refusing(key):
            reader = obstore.open_reader(self.store, key, buffer_size=_READ_BYTES)
        while True:
            with self.refusing(key):
                piece = reader.read(_READ_BYTES).to_bytes()
            if not piece:
                return
            yield piece

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects below a prefix; unfinished uploads are not among them."""
        with self.refusing():
            for batch in obstore.list(self.store, prefix, chunk_size=_BATCH):
                for found in batch:
                    yield StoredObject(found["path"], found["size"], found["last_modified"])

    def folders(self, prefix: str) -> Sequence[str]:
        """Return the names of the next segments below a prefix that have, or had, objects below them.

        Some stores keep a folder when it is empty: `holds_any` says whether it is.
        """
        with self.refusing():
            found = obstore.list_with_delimiter(self.store, prefix)["common_prefixes"]
        return sorted(path.rstrip("/").rpartition("/")[2] for path in found)

    def holds_any(self, prefix: str) -> bool:
        """Return true if there is an object below a prefix."""
        return next(self.list(prefix), None) is not None

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects by key; those that are gone already are no error."""
        with self.refusing():
            try:
                obstore.delete(self.store, keys)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error) or self._settings.scheme != "file":
                    raise
                for key in keys:  # a folder stops at the first that is not there
                    with suppress(FileNotFoundError):
                        obstore.delete(self.store, key)

    def delete_all(self, prefix: str, *, on_batch: Callable[[Deleted], None] = lambda _: None) -> Deleted:
        """Delete every object below a prefix, in batches of 500, until a fresh listing shows none.

        Run again, also after an interruption, it deletes what is left. In a bucket with versions the store keeps the
        earlier ones until its own rules remove them.

        Args:
            prefix: at least one segment, so that an empty text cannot delete a whole store.
            on_batch: called after each batch with what was deleted so far.

        Returns:
            The objects and bytes that this call deleted.

        Raises:
            ObjectStoreRefuses: what was deleted is still listed, as where a retention rule forbids deletion.
            ValueError: the prefix is empty.

        """
        _require(prefix)
        done = Deleted()
        before: set[str] = set()
        with self.refusing():
            while batch := next(iter(obstore.list(self.store, prefix, chunk_size=_BATCH)), None):
                keys = {found["path"] for found in batch}
                if keys == before:
                    raise ObjectStoreRefuses(self.location, "deleted objects are still there")
                try:
                    obstore.delete(self.store, sorted(keys))
                except FileNotFoundError as error:
                    if "NoSuchBucket" in str(error):
                        raise
                    continue  # in a folder: another process was deleting the same
                before = keys
                done = Deleted(done.objects + len(batch), done.bytes + sum(found["size"] for found in batch))
                on_batch(done)
        return done

    def discard_unfinished(self, prefix: str) -> int:
        """Discard the uploads below a prefix that were begun and not finished, as a killed process leaves them.

        Nothing may be writing there. They are in no listing and yet take room, on S3 for ever and billed. Azure removes
        them by itself after a week; in Google Cloud a lifecycle rule has to (``AbortIncompleteMultipartUpload``).

        Returns:
            The number of uploads; Azure and Google Cloud are not asked.

        Raises:
            ValueError: the prefix is empty.

        """
        _require(prefix)
        count = 0
        if self._settings.scheme == "s3":
            # The listing is read to its end first: its pages are delimited by uploads that would be gone.
            for full_key, upload_id in [*self._s3.unfinished_uploads(prefix)]:
                self._s3.abort_upload(full_key, upload_id)
                count += 1
        elif self._settings.scheme == "file":
            for file in (self._settings.directory / prefix).rglob("*"):
                if _STAGED.search(file.name) and file.is_file():
                    file.unlink(missing_ok=True)
                    count += 1
        return count

    def unfinished(self, prefix: str) -> Sequence[str]:
        """Return the keys of the uploads below a prefix that were begun and not finished; Azure and Google are not asked."""
        if self._settings.scheme == "s3":
            before = f"{self._settings.prefix}/" if self._settings.prefix else ""
            return [key.removeprefix(before) for key, _ in self._s3.unfinished_uploads(prefix)]
        if self._settings.scheme == "file":
            below = (self._settings.directory / prefix).rglob("*")
            return [
                file.relative_to(self._settings.directory).as_posix() for file in below if _STAGED.search(file.name)
            ]
        return []

    def signed_link(self, key: str, *, expires_in: timedelta, file_name: str | None = None) -> str:
        """Return a link that reads one object until it expires. It does not check that the object exists.

        Args:
            key: the object.
            expires_in: from now on; at most `LONGEST_LINK`.
            file_name: the name under which a browser saves it; Azure and Google Cloud use the end of the key.

        Raises:
            SignedLinkTooLong, SignedLinksUnsupported.

        """
        if not timedelta(seconds=1) <= expires_in <= LONGEST_LINK:
            raise SignedLinkTooLong(expires_in, LONGEST_LINK)
        if self._settings.scheme == "s3":
            return self._s3.signed_link(key, expires_in, file_name)
        store = self.store
        if not isinstance(store, AzureStore | GCSStore):
            raise SignedLinksUnsupported(self.location)
        with self.refusing(key):
            return obstore.sign(store, "GET", key, expires_in)

    @cached_property
    def _s3(self) -> "S3":
        from storage.objects.s3 import S3  # noqa: PLC0415 - 33 MiB, which only those who need it should pay

        return S3(self._settings)

    def _credentials(self) -> "S3Credential":
        # Not as plain settings, with which obstore would mix a session token of the environment.
        given = self._settings.access_key
        if given is None:
            return self._s3.credentials()
        return {"access_key_id": given[0], "secret_access_key": given[1], "expires_at": None}


def _require(prefix: str) -> None:
    if not prefix.strip("/"):
        raise ValueError("name at least one segment of a prefix")
