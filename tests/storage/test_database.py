"""The settings of the database: its address, the ways of its password, and how long anything waits for it."""

import socket
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from starter.cli.remedies import operators_text
from storage.database import DatabasePasswordUnusable, DatabaseSettings, DatabaseUrlMalformed, create_database_engine
from storage.tenants.settings import TenantDatabaseSettings

URL = "postgresql://offramp@database.example:5432/offramp"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text("p@ss/w:rd\n")
    return file


def test_a_url_without_a_password_file_is_taken_as_it_is() -> None:
    assert DatabaseSettings(database_url=URL).database_url == URL


def test_the_password_of_the_file_is_put_into_the_url_without_its_line_end(
    password_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFRAMP_DATABASE_URL", URL)
    monkeypatch.setenv("OFFRAMP_DATABASE_PASSWORD_FILE", str(password_file))
    settings = DatabaseSettings()
    assert settings.database_url == "postgresql://offramp:p%40ss%2Fw%3Ard@database.example:5432/offramp"
    assert "ss%2Fw" not in repr(settings)


def test_the_password_of_the_tenants_database_is_read_in_the_same_way(
    password_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFRAMP_TENANT_DATABASE_URL", URL)
    monkeypatch.setenv("OFFRAMP_TENANT_DATABASE_PASSWORD_FILE", str(password_file))
    settings = TenantDatabaseSettings()
    assert settings.tenant_database_url == "postgresql://offramp:p%40ss%2Fw%3Ard@database.example:5432/offramp"
    assert "ss%2Fw" not in repr(settings)
    monkeypatch.setenv("OFFRAMP_TENANT_DATABASE_URL", settings.tenant_database_url)
    with pytest.raises(DatabasePasswordUnusable, match="the URL has a password too") as refused:
        TenantDatabaseSettings()
    assert "OFFRAMP_TENANT_DATABASE_URL" in operators_text(refused.value)


def test_an_empty_variable_is_no_password_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRAMP_DATABASE_URL", URL)
    monkeypatch.setenv("OFFRAMP_DATABASE_PASSWORD_FILE", "")
    assert DatabaseSettings().database_url == URL


def test_two_passwords_are_refused_and_not_repeated(password_file: Path) -> None:
    with pytest.raises(DatabasePasswordUnusable, match="only one can be right") as raised:
        DatabaseSettings(
            database_url="postgresql://offramp:s3cr3t@database.example/offramp", database_password_file=password_file
        )
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_file_is_refused(password_file: Path, content: str) -> None:
    password_file.write_text(content)
    with pytest.raises(DatabasePasswordUnusable, match="is empty"):
        DatabaseSettings(database_url=URL, database_password_file=password_file)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DatabasePasswordUnusable, match=r"cannot be read \(No such file or directory\)") as refused:
        DatabaseSettings(database_url=URL, database_password_file=tmp_path / "missing")
    assert str(tmp_path / "missing") in operators_text(refused.value)


def test_what_is_no_url_is_refused(password_file: Path) -> None:
    with pytest.raises(DatabaseUrlMalformed):
        DatabaseSettings(database_url="offramp", database_password_file=password_file)


def test_neither_a_lock_nor_a_connection_that_was_cut_off_keeps_a_thread_for_long(database_url: str) -> None:
    engine = create_database_engine(database_url)
    with engine.connect() as connection:
        waits = str(connection.scalar(text("SHOW lock_timeout")))
        number = connection.connection.driver_connection.pgconn.socket  # type: ignore[union-attr]
        with socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as wire:
            if sys.platform == "linux":  # libpq leaves it alone where the system has no such option
                assert 0 < wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) <= 30_000
            probed = wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    engine.dispose()
    # A local activity has five seconds (`workflows.common.steps.recorded`).
    assert int(waits.removesuffix("s")) < 5
    assert probed
