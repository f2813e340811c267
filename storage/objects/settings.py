"""The settings of the object store."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, unquote, urlsplit

from annotated_types import Gt, Le
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.objects.refusals import ObjectStoreKeysUnusable, ObjectStoreUrlMalformed
from storage.secret_files import read_secret

_EXPECTED = "s3://bucket/prefix, file:///directory, az://container/prefix or gs://bucket/prefix"
_EXPECTED_ENDPOINT = "http://host:port or https://host:port"


class ObjectStoreSettings(BaseSettings):
    """The location of exports and migrations, and the keys to it.

    ``OFFRAMP_OBJECTS_URL``: ``s3://bucket/prefix``, ``az://container/prefix``, ``gs://bucket/prefix`` or
    ``file:///directory``; empty where there is none. For S3 and compatible stores:

    - ``OFFRAMP_OBJECTS_ENDPOINT``: ``http://host:port`` of the store; empty for Amazon's own.
    - ``OFFRAMP_OBJECTS_REGION``.
    - ``OFFRAMP_OBJECTS_ACCESS_KEY_ID`` and ``OFFRAMP_OBJECTS_SECRET_ACCESS_KEY``, or the secret in a file of its own,
      ``OFFRAMP_OBJECTS_SECRET_ACCESS_KEY_FILE``, as container platforms mount it. Without them the platform's own
      credentials are used (a role, a web identity, a profile: the order of Amazon's tools). Azure and Google Cloud
      always use theirs.
    - ``OFFRAMP_OBJECTS_COMPACTED_WITHIN``: the time after which the store has compacted its files, so that nothing is left of a
      removed object on its disks (``PT10M``); empty where it promises none.
    - ``OFFRAMP_OBJECTS_PUBLIC_ENDPOINT``: where customers' browsers reach the store, for the links they are given; the
      endpoint, when empty.

    Raises ObjectStoreUrlMalformed, ObjectStoreKeysUnusable.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_OBJECTS_", hide_input_in_errors=True)

    url: str = Field(default="", repr=False)
    endpoint: str = Field(default="", repr=False)
    public_endpoint: str = Field(default="", repr=False)
    region: str = "us-east-1"
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    secret_access_key_file: Path | None = None
    compacted_within: Annotated[timedelta, Gt(timedelta(0)), Le(timedelta(days=30))] | None = None

    @field_validator("access_key_id", "secret_access_key", "secret_access_key_file", "compacted_within", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @field_validator("region", mode="before")
    @classmethod
    def _usual_when_empty(cls, value: object) -> object:
        return value or "us-east-1"

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.url:
            parts = _split(self.url, "OFFRAMP_OBJECTS_URL", _EXPECTED)
            in_a_folder = parts.scheme == "file" and not parts.netloc and len(parts.path) > 1
            if not in_a_folder and not (parts.scheme in ("s3", "az", "gs") and parts.netloc):
                raise ObjectStoreUrlMalformed("OFFRAMP_OBJECTS_URL", _EXPECTED)
        for variable, value in (("ENDPOINT", self.endpoint), ("PUBLIC_ENDPOINT", self.public_endpoint)):
            if value:
                parts = _split(value, f"OFFRAMP_OBJECTS_{variable}", _EXPECTED_ENDPOINT)
                if parts.scheme not in ("http", "https") or not parts.hostname:
                    raise ObjectStoreUrlMalformed(f"OFFRAMP_OBJECTS_{variable}", _EXPECTED_ENDPOINT)
        return self

    @model_validator(mode="after")
    def _with_keys(self) -> Self:
        if self.secret_access_key_file is not None:
            if self.secret_access_key is not None:
                raise ObjectStoreKeysUnusable("the secret is given twice, and only one can be right")
            self.secret_access_key = SecretStr(_read(self.secret_access_key_file))
            self.secret_access_key_file = None  # pydantic validates settings more than once; then it was given once
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ObjectStoreKeysUnusable("only one of the key's id and its secret is given")
        return self

    @property
    def access_key(self) -> tuple[str, str] | None:
        """The id and secret of the access key; None where the platform provides credentials of its own."""
        if self.access_key_id is None or self.secret_access_key is None:
            return None
        return self.access_key_id.get_secret_value(), self.secret_access_key.get_secret_value()

    @property
    def scheme(self) -> str:
        """``s3``, ``az``, ``gs`` or ``file``; empty where there is no store."""
        return urlsplit(self.url).scheme

    @property
    def bucket(self) -> str:
        """The name of the bucket (or container); empty for a folder."""
        return urlsplit(self.url).netloc

    @property
    def prefix(self) -> str:
        """The prefix of every key in the bucket, without a slash at either end."""
        return "" if self.scheme == "file" else unquote(urlsplit(self.url).path).strip("/")

    @property
    def directory(self) -> Path:
        """The folder, where the store is one."""
        return Path(unquote(urlsplit(self.url).path))

    @property
    def location(self) -> str:
        """The name of the store for people, without secrets."""
        return f"{self.url} at {self.endpoint}" if self.endpoint and self.scheme == "s3" else self.url


def _split(url: str, variable: str, expected: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.username is None and parts.password is None and not parts.query and not parts.fragment
        if usable and (parts.scheme not in ("http", "https") or parts.port != 0):
            return parts
    except ValueError:
        pass
    raise ObjectStoreUrlMalformed(variable, expected)


def _read(file: Path) -> str:
    try:
        secret = read_secret(file).strip()
    except ValueError as error:
        raise ObjectStoreKeysUnusable(f"the file with its secret cannot be read ({error})") from None
    if not secret:
        raise ObjectStoreKeysUnusable("the file with its secret is empty")
    return secret
