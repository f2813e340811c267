"""Calls of S3 that obstore lacks, through botocore: links that name a file, unfinished uploads, buckets.

botocore is Amazon's own library. Only this module imports it, and `storage.objects.store` imports this module only when
needed: that costs a fifth of a second and 33 MiB. It also finds the platform's credentials for obstore, so that links
are signed with the identity that wrote the files.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from storage.objects.refusals import ObjectStoreRefuses, refusal_for
from storage.objects.settings import ObjectStoreSettings

if TYPE_CHECKING:
    from obstore.store import S3Credential

_CONNECT_SECONDS = 5
_READ_SECONDS = 30
_ASK_FOR_CREDENTIALS_EVERY = timedelta(minutes=5)


class S3:
    """One bucket as botocore sees it."""

    def __init__(self, settings: ObjectStoreSettings) -> None:
        self._settings = settings

    def credentials(self) -> "S3Credential":
        """Return the platform's own credentials, in the form that obstore expects."""
        with self._refusing():
            found = self._session.get_credentials()
            if found is None:
                raise ObjectStoreRefuses(self._settings.location, "no credentials were found on this platform")
            now = found.get_frozen_credentials()
        return {
            "access_key_id": now.access_key,
            "secret_access_key": now.secret_key,
            "token": now.token,
            # botocore renews them in time; asked this often, it returns valid ones.
            "expires_at": datetime.now(UTC) + _ASK_FOR_CREDENTIALS_EVERY,
        }

    def ensure_bucket(self) -> None:
        """Create the bucket unless it exists. For stores of our own; elsewhere an administrator does it."""
        with self._refusing():
            try:
                self._client.head_bucket(Bucket=self._settings.bucket)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                    raise
            else:
                return
            errors = self._client.exceptions
            with suppress(
                errors.BucketAlreadyExists, errors.BucketAlreadyOwnedByYou
            ):  # created by another process meanwhile
                self._client.create_bucket(Bucket=self._settings.bucket)

    def unfinished_uploads(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield key and upload id of each multipart upload below a prefix that is neither complete nor aborted."""
        with self._refusing():
            for page in self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._settings.bucket, Prefix=self._full(f"{prefix.strip('/')}/")
            ):
                for upload in page.get("Uploads", ()):
                    yield upload["Key"], upload["UploadId"]

    def abort_upload(self, full_key: str, upload_id: str) -> None:
        """Abort an unfinished upload and discard its parts; one that is gone already is no error."""
        with self._refusing(), suppress(self._client.exceptions.NoSuchUpload):
            self._client.abort_multipart_upload(Bucket=self._settings.bucket, Key=full_key, UploadId=upload_id)

    def signed_link(self, key: str, expires_in: timedelta, file_name: str | None) -> str:
        """Return a signed link to read one object, for the endpoint that browsers reach."""
        asked: dict[str, str] = {"Bucket": self._settings.bucket, "Key": self._full(key)}
        if file_name is not None:
            asked["ResponseContentDisposition"] = attachment(file_name)
        with self._refusing():
            link: str = self._public_client.generate_presigned_url(
                "get_object", Params=asked, ExpiresIn=int(expires_in.total_seconds())
            )
        return link

    @cached_property
    def _session(self) -> Session:
        session = Session()
        session.register_component("data_loader", _descriptions(session.get_config_variable("data_path")))
        return session

    @cached_property
    def _client(self) -> Any:
        return self._new_client(self._settings.endpoint)

    @cached_property
    def _public_client(self) -> Any:
        public = self._settings.public_endpoint
        return self._new_client(public) if public else self._client

    def _new_client(self, endpoint: str) -> Any:
        given = self._settings.access_key
        with self._refusing():
            return self._session.create_client(
                "s3",
                region_name=self._settings.region,
                endpoint_url=endpoint or None,
                aws_access_key_id=given[0] if given else None,
                aws_secret_access_key=given[1] if given else None,
                config=Config(
                    signature_version="s3v4",
                    s3={"addressing_style": "path" if endpoint else "auto"},
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_READ_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": 3},
                ),
            )

    def _full(self, key: str) -> str:
        return f"{self._settings.prefix}/{key}" if self._settings.prefix else key

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        location = self._settings.location
        try:
            yield
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise refusal_for(location, status, error.response["Error"].get("Code", "")) from None
        except (HTTPClientError, NotConnected):
            raise refusal_for(location, None, "") from None
        except BotoCoreError as error:  # no credentials, a profile that does not exist
            raise ObjectStoreRefuses(location, f"Amazon's tools say {type(error).__name__}") from None


@cache
def _descriptions(data_path: str | None) -> Loader:
    """Return botocore's descriptions of S3, from its files: read once in a process, for any number of stores."""
    return create_loader(data_path)


def attachment(file_name: str) -> str:
    """Return the Content-Disposition with which a browser saves a file under a name (RFC 6266)."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_" for letter in file_name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
