"""An export on a real S3 server: in several parts, and without a part left over."""

from collections.abc import Callable
from pathlib import Path

import pytest

from activities.export import ExportProgress, Limits, export_schema, verify_download
from storage.objects import Objects, ObjectStoreSettings
from tests.activities.export.conftest import PREFIX, SCHEMA
from tests.support.tenants import PreparedTenants


@pytest.fixture(autouse=True)
def random_rows(make: Callable[..., None]) -> None:
    make("CREATE TABLE a AS SELECT gen_random_uuid() AS x FROM generate_series(1, 400000)")


@pytest.fixture
def objects(object_store: ObjectStoreSettings) -> Objects:
    return Objects(object_store)


def test_files_larger_than_a_part_arrive_whole(tenants: PreparedTenants, objects: Objects, tmp_path: Path) -> None:
    limits = Limits(part_bytes=5 << 20)
    with tenants.reading(SCHEMA) as connection:
        manifest = export_schema(
            connection, SCHEMA, objects.store, PREFIX, progress=lambda _progress: None, limits=limits
        )
    assert manifest.rows == 400_000
    assert all(file.bytes > limits.part_bytes for file in manifest.files)
    for item in objects.list(PREFIX):
        (tmp_path / item.key.removeprefix(PREFIX)).write_bytes(objects.get(item.key))
    assert verify_download(tmp_path, manifest).complete
    assert objects.discard_unfinished(PREFIX) == 0


def test_parts_of_an_export_that_is_stopped_are_given_up(
    tenants: PreparedTenants, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    uploads = objects._s3.unfinished_uploads

    def stop(_progress: ExportProgress) -> None:
        if list(uploads(PREFIX)):
            raise Enough

    monkeypatch.setattr("activities.export.export._PROGRESS_EVERY_SECONDS", 0.005)
    with pytest.raises(Enough), tenants.reading(SCHEMA) as connection:
        export_schema(connection, SCHEMA, objects.store, PREFIX, progress=stop, limits=Limits(part_bytes=5 << 20))
    assert list(uploads(PREFIX)) == []
    assert list(objects.list(PREFIX)) == []
