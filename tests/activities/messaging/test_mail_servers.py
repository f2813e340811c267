"""Mail servers that are down, hang up, or must be trusted."""

import shutil
import socket
import ssl
import subprocess

import pytest
from sqlalchemy import Engine

from domain.vocabulary import Channel, Event, Stage
from tests.activities.messaging.mail_delivery import (
    as_temporal_stores,
    deliver,
    refused_delivery,
    sending_by,
    tell_two,
)
from tests.activities.messaging.outbox import messages, told
from tests.activities.messaging.postbox import Postbox
from tests.activities.messaging.samples import facts


def test_a_server_that_is_down_is_named_and_tried_again(engine: Engine, postbox: Postbox) -> None:
    with postbox.listening() as server:
        mail = sending_by(engine, f"smtp://{server}")
    tell_two(engine)
    assert str(refused_delivery(mail)) == (
        f"mail_server_unavailable: The mail server {server} cannot be used now: it refused the connection."
    )
    assert all(row.delivered_at is None and row.failed_at is None for row in messages(engine, Channel.MAIL))


def test_a_server_that_hangs_up_at_once_is_tried_again(engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mail = sending_by(engine, f"smtp://127.0.0.1:{listener.getsockname()[1]}")
        tell_two(engine)
        listener.close()
    refused_delivery(mail)


def test_a_server_without_starttls_gets_nothing_where_it_is_required(
    engine: Engine, server: str, postbox: Postbox
) -> None:
    tell_two(engine)
    error = refused_delivery(sending_by(engine, f"smtp://kim:s3cr3t@{server}"))
    assert "does not offer STARTTLS, which our settings require" in str(error)
    assert "s3cr3t" not in as_temporal_stores(error)
    assert postbox.taken == []


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context with a certificate that nobody trusts."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl program to make a certificate")
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    new = [openssl, "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run([*new, "-keyout", key, "-out", certificate, *subject], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_starttls_is_used_where_it_is_offered_whoever_signed_the_certificate(
    engine: Engine, postbox: Postbox, self_signed: ssl.SSLContext
) -> None:
    tell_two(engine)
    with postbox.listening(tls=self_signed) as server:
        deliver(sending_by(engine, f"smtp://{server}"))
    assert len(postbox.taken) == 2
    assert postbox.encrypted


def test_what_a_server_offers_is_what_it_offers_once_it_is_encrypted(
    engine: Engine, postbox: Postbox, self_signed: ssl.SSLContext
) -> None:
    told(engine, Event.RECEIVED, facts(Stage.INTAKE), to="jörg@contoso.example")
    with postbox.listening(tls=self_signed) as server:
        deliver(sending_by(engine, f"smtp://{server}"))
    assert postbox.recipients == ["jörg@contoso.example"]
    assert postbox.encrypted


def test_where_starttls_is_required_the_certificate_must_be_valid(
    engine: Engine, postbox: Postbox, self_signed: ssl.SSLContext
) -> None:
    tell_two(engine)
    with postbox.listening(tls=self_signed) as server:
        error = refused_delivery(sending_by(engine, f"smtp://{server}?starttls=required"))
    assert "its certificate is not valid" in str(error)
    assert postbox.taken == []
