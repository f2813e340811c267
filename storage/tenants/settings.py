"""The settings of the organizations' data: the database, and the secret of the organizations' logins."""

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.database import url_with_password
from storage.secret_files import read_secret
from storage.tenants.refusals import TenantLoginSecretUnusable

SHORTEST_SECRET = 32
"""The shortest secret of the logins, in characters."""


class TenantDatabaseSettings(BaseSettings):
    """The address of the organizations' data, and what their logins are derived from.

    ``OFFRAMP_TENANT_DATABASE_URL``: ``postgresql://user:password@host:port/database``, PostgreSQL 15 or newer; without
    it no organization has data here. Its user only looks into the catalog, and has no rights on anybody's data.
    ``OFFRAMP_TENANT_DATABASE_PASSWORD_FILE``: a file with the password alone; the URL then has none.
    ``OFFRAMP_TENANT_LOGIN_SECRET`` or ``OFFRAMP_TENANT_LOGIN_SECRET_FILE``: the secret from which the password of each
    organization's login is derived. ``OFFRAMP_TENANT_ADMINISTRATOR_URL``: a user that may create roles, for the commands
    that prepare schemas or make samples; workers do not need it. ``OFFRAMP_TENANT_ADMINISTRATOR_PASSWORD_FILE``: its
    password, as for the database.

    Raises DatabaseUrlMalformed, DatabasePasswordUnusable, TenantLoginSecretUnusable.
    """

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", hide_input_in_errors=True)

    tenant_database_url: str | None = Field(default=None, repr=False)
    tenant_database_password_file: Path | None = None
    tenant_login_secret: str | None = Field(default=None, repr=False)
    tenant_login_secret_file: Path | None = None
    tenant_administrator_url: str | None = Field(default=None, repr=False)
    tenant_administrator_password_file: Path | None = None

    @field_validator("*", mode="before")
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return value or None

    @model_validator(mode="after")
    def _with_password(self) -> Self:
        if self.tenant_database_url is not None and self.tenant_database_password_file is not None:
            self.tenant_database_url = url_with_password(
                self.tenant_database_url,
                self.tenant_database_password_file,
                "OFFRAMP_TENANT_DATABASE_PASSWORD_FILE",
            )
        if self.tenant_administrator_url is not None and self.tenant_administrator_password_file is not None:
            self.tenant_administrator_url = url_with_password(
                self.tenant_administrator_url,
                self.tenant_administrator_password_file,
                "OFFRAMP_TENANT_ADMINISTRATOR_PASSWORD_FILE",
            )
        return self

    @model_validator(mode="after")
    def _with_login_secret(self) -> Self:
        if self.tenant_login_secret_file is not None:
            if self.tenant_login_secret is not None:
                raise TenantLoginSecretUnusable("it is given twice, and only one can be right")
            try:
                self.tenant_login_secret = read_secret(self.tenant_login_secret_file)
            except ValueError as error:
                raise TenantLoginSecretUnusable(f"its file cannot be read: {error}") from None
        if self.tenant_login_secret is not None and len(self.tenant_login_secret) < SHORTEST_SECRET:
            raise TenantLoginSecretUnusable(f"it is shorter than {SHORTEST_SECRET} characters")
        return self
