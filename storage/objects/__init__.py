"""The object store, which keeps exports and migrations until they are erased.

S3 and compatible stores (SeaweedFS in the local stack), Azure, Google Cloud, or a folder, through obstore.
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
