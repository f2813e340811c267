"""Refusals of the object store, and the translation of its own errors into them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from obstore.exceptions import BaseError

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_OF_A_STORE = re.compile(r"^(Generic \w+ error|Object at location|The operation lacked|Error performing)")
_TOO_FULL = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "ServiceQuotaExceeded"})
_DISK_FULL = ("os error 28", "os error 122")  # no space left on device; the user's quota


class ObjectStoreNotConfigured(Refusal):
    """A request that needs an object store, to an installation without one."""

    code = "object_store_not_configured"

    def __init__(self) -> None:
        super().__init__(
            "There is no object store in the configuration.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE,
                variable="OFFRAMP_OBJECTS_URL",
                expected="s3://bucket/prefix (or file:///directory, az://container, gs://bucket)",
            ),
        )


class ObjectStoreUrlMalformed(Refusal):
    """A setting that does not name an object store. It is not repeated, because it may contain a password."""

    code = "object_store_url_malformed"

    def __init__(self, variable: str, expected: str) -> None:
        super().__init__(
            "The configuration does not name an object store.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE, variable=variable, expected=f"{expected}, without a user, a password or a query"
            ),
            variable=variable,
        )


class ObjectStoreKeysUnusable(Refusal):
    """Settings that do not determine which access key to use."""

    code = "object_store_keys_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The object store's access key cannot be used: {reason}.",
            remedy=Remedy.of(
                RemedyKind.CONFIGURE_OBJECT_KEYS,
                variable="OFFRAMP_OBJECTS_ACCESS_KEY_ID",
                secrets="OFFRAMP_OBJECTS_SECRET_ACCESS_KEY or in the readable file that "
                "OFFRAMP_OBJECTS_SECRET_ACCESS_KEY_FILE names",
            ),
        )


class ObjectStoreUnavailable(Refusal):
    """An object store that does not answer, or fails."""

    code = "object_store_unavailable"

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(
            f"The object store cannot be used now: {reason}.",
            remedy=Remedy.of(
                RemedyKind.CHECK_OBJECT_STORE, store=store, variables="OFFRAMP_OBJECTS_URL and OFFRAMP_OBJECTS_ENDPOINT"
            ),
            store=store,
        )


class ObjectStoreFull(Refusal):
    """An object store that has no room."""

    code = "object_store_full"

    def __init__(self, store: str) -> None:
        super().__init__(
            "The object store has no room left.",
            remedy=Remedy.of(RemedyKind.FREE_OBJECT_STORE, store=store),
            store=store,
        )


class ObjectStoreRefuses(Refusal):
    """A request that the object store denies."""

    code = "object_store_refuses"

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(
            f"The object store refuses: {reason}.",
            remedy=Remedy.of(RemedyKind.GRANT_OBJECT_STORE, store=store),
            store=store,
            reason=reason,
        )


class ObjectNotFound(Refusal):
    """A key under which there is no object."""

    code = "object_not_found"

    def __init__(self, store: str, key: str) -> None:
        super().__init__(
            "The object store does not have the object that was requested.",
            remedy=Remedy.of(RemedyKind.LOOK_FOR_OBJECT, store=store, key=key),
            store=store,
            key=key,
        )


class SignedLinkTooLong(Refusal):
    """A link that is to be valid for longer than signatures are, or not at all."""

    code = "signed_link_too_long"

    def __init__(self, asked: timedelta, longest: timedelta) -> None:
        super().__init__(
            f"A link cannot be valid for {asked}: from one second to {longest.days} days is possible.",
            remedy=correct_input("Ask for a shorter time; a fresh link can be requested whenever one has expired."),
            asked_seconds=int(asked.total_seconds()),
            longest_seconds=int(longest.total_seconds()),
        )


class SignedLinksUnsupported(Refusal):
    """A signed link to a folder, which has no server that could check a signature."""

    code = "signed_links_unsupported"

    def __init__(self, store: str) -> None:
        super().__init__(
            "The object store is a folder, and no server offers signed links to its files.",
            remedy=Remedy.of(RemedyKind.USE_FOLDER, store=store, variable="OFFRAMP_OBJECTS_URL"),
            store=store,
        )


@contextmanager
def refusing_when_store_unavailable(store: str, key: str = "") -> Iterator[None]:
    """Turn obstore's errors about a store that cannot be used into refusals without credentials.

    `Objects` does this for its own calls; code that works on ``Objects.store`` directly, such as a writer, wraps that in
    this (``Objects.refusing`` fills in the store). Errors that are not of the store pass through unchanged.

    Args:
        store: the name of the store for people, see `ObjectStoreSettings.location`.
        key: the object in question, for `ObjectNotFound`.

    Raises:
        ObjectStoreUnavailable: no connection, a time-out, or an error of the store's own (5xx, too many requests).
        ObjectStoreFull: it reports that it has no room. SeaweedFS only answers 500 then: ObjectStoreUnavailable.
        ObjectStoreRefuses: access denied, no such bucket, and everything else that it denies.
        ObjectNotFound: there is no such object.

    """
    try:
        yield
    except (BaseError, OSError) as error:
        said = str(error)
        if not isinstance(error, BaseError) and not _OF_A_STORE.match(said):
            raise
        status, code = _STATUS.search(said), _CODE.search(said)
        if any(sign in said for sign in _DISK_FULL):
            raise ObjectStoreFull(store) from None
        if status is None and isinstance(error, FileNotFoundError):
            raise ObjectNotFound(store, key) from None
        if status is None and "os error 13" in said:
            raise ObjectStoreRefuses(store, "permission denied") from None
        raise refusal_for(store, int(status[1]) if status else None, code[1] if code else "", key) from None


def refusal_for(store: str, status: int | None, code: str, key: str = "") -> Refusal:
    """Return the refusal for a store's answer: its HTTP status, None without an answer, and its own error code."""
    said = f"it answers {status}{f' {code}' if code else ''}"
    if status is None:
        return ObjectStoreUnavailable(store, "no connection could be made, or it broke")
    if status == 507 or code in _TOO_FULL:
        return ObjectStoreFull(store)
    if status >= 500 or status in (408, 429):
        return ObjectStoreUnavailable(store, said)
    if status == 404 and code != "NoSuchBucket":
        return ObjectNotFound(store, key)
    return ObjectStoreRefuses(store, said)
