"""A mailer and the server that takes its mail."""

import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.messaging.mail import Mail, MailSettings
from domain.vocabulary import Event, Stage
from records.one_time_codes import FreshCode
from tests.activities.messaging.outbox import told
from tests.activities.messaging.postbox import Postbox
from tests.activities.messaging.samples import ADDRESS, CANCELLATION, facts

SENDER = "Example Billing <billing@provider.example>"
CODE = FreshCode(
    code="042137",
    number=1,
    salt="5a17",
    recipient=ADDRESS,
    organization_name="contoso & sons",
    time_zone="Europe/Berlin",
    expires_at=datetime(2026, 9, 21, 22, 45, tzinfo=UTC),
)


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
def server(postbox: Postbox) -> Iterator[str]:
    with postbox.listening() as address:
        yield address


@pytest.fixture
def mail(engine: Engine, server: str) -> Mail:
    return sending_by(engine, f"smtp://{server}")


def sending_by(engine: Engine, url: str) -> Mail:
    return Mail(engine, MailSettings(smtp_url=url, mail_from=SENDER, mail_reply_to="help@provider.example"))


def deliver(mail: Mail, *, attempt: int = 1) -> int:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, attempt=attempt)
    return environment.run(mail.deliver_mail, CANCELLATION)


def refused_delivery(mail: Mail, *, attempt: int = 1) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised:
        deliver(mail, attempt=attempt)
    assert raised.value.type == "mail_server_unavailable"
    assert not raised.value.non_retryable
    assert ADDRESS not in as_temporal_stores(raised.value)
    assert ADDRESS not in "".join(traceback.format_exception(raised.value))
    return raised.value


def as_temporal_stores(error: BaseException) -> str:
    """The failure with its causes, as it goes into the history of a workflow."""
    failure = Failure()
    converter = DataConverter.default
    converter.failure_converter.to_failure(error, converter.payload_converter, failure)
    return str(failure)


def tell_two(engine: Engine) -> None:
    told(engine, Event.RECEIVED, facts(Stage.INTAKE))
    told(engine, Event.SCHEDULED, facts(Stage.SCHEDULED))
