"""The object store of a test, on a real SeaweedFS."""

import pytest

from storage.objects import Objects, ObjectStoreSettings


@pytest.fixture
def s3(object_store: ObjectStoreSettings) -> Objects:
    return Objects(object_store)
