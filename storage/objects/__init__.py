"""The object store: where exports and migrations are kept until their time is over.

S3 and what speaks its language (SeaweedFS in the local stack), Azure, Google Cloud, or a folder, through obstore.
"""

from storage.objects.refusals import (
    ObjectNotFound,
    ObjectStoreFull,
    ObjectStoreKeysUnusable,
    ObjectStoreNotConfigured,
    ObjectStoreRefuses,
    ObjectStoreUnavailable,
    ObjectStoreUrlMalformed,
    SignedLinksUnsupported,
    SignedLinkTooLong,
    refusing_when_store_unavailable,
)
from storage.objects.settings import ObjectStoreSettings
from storage.objects.store import Deleted, Objects, StoredObject

__all__ = [
    "Deleted",
    "ObjectNotFound",
    "ObjectStoreFull",
    "ObjectStoreKeysUnusable",
    "ObjectStoreNotConfigured",
    "ObjectStoreRefuses",
    "ObjectStoreSettings",
    "ObjectStoreUnavailable",
    "ObjectStoreUrlMalformed",
    "Objects",
    "SignedLinkTooLong",
    "SignedLinksUnsupported",
    "StoredObject",
    "refusing_when_store_unavailable",
]
