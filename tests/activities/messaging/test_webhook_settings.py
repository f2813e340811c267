"""The settings of webhooks."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from activities.messaging.webhook_settings import WebhookSettings
from tests.activities.messaging.endpoint import NEW, OLD


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook_url": "ftp://hooks.example/?token=t0ken"},
        {"webhook_url": "https:///hooks"},
        {"webhook_url": "http://hooks.example/?token=t0ken"},
        {"webhook_url": "http://127.0.0.1.evil.example/?token=t0ken"},
        {"webhook_secret_file": "/nowhere"},
        {"webhook_secret": "whsec_dG9vLXNob3J0"},
        {"webhook_secret": NEW.removeprefix("whsec_")},
        {"webhook_secret": ""},
        {"webhook_previous_secret": "whsec_not base64"},
    ],
)
def test_settings_that_cannot_work_are_refused_without_repeating_them(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as raised:
        WebhookSettings.model_validate(
            {"webhook_url": "https://hooks.example/?token=t0ken", "webhook_secret": NEW, **wrong}
        )
    for value in ("t0ken", *(v for v in wrong.values() if v.startswith("whsec_"))):
        assert value not in str(raised.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8025/", "http://localhost/hooks", "http://[::1]:80/"])
def test_a_receiver_on_this_machine_needs_no_https(url: str) -> None:
    assert WebhookSettings.model_validate({"webhook_url": url, "webhook_secret": NEW}).webhook_url == url


def test_secrets_can_be_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, secret in (("WEBHOOK_SECRET", NEW), ("WEBHOOK_PREVIOUS_SECRET", OLD)):
        (tmp_path / name).write_text(f"{secret}\n", encoding="utf-8")
        monkeypatch.setenv(f"OFFRAMP_{name}", "")
        monkeypatch.setenv(f"OFFRAMP_{name}_FILE", str(tmp_path / name))
    monkeypatch.setenv("OFFRAMP_WEBHOOK_URL", "https://hooks.example/")
    read = WebhookSettings()
    assert (read.webhook_secret, read.webhook_previous_secret) == (SecretStr(NEW), SecretStr(OLD))
    assert len(read.signers) == 2


def test_settings_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRAMP_WEBHOOK_URL", "https://hooks.example/?token=t0ken")
    monkeypatch.setenv("OFFRAMP_WEBHOOK_SECRET", NEW)
    monkeypatch.setenv("OFFRAMP_WEBHOOK_PREVIOUS_SECRET", OLD)
    read = WebhookSettings()
    assert len(read.signers) == 2
    for value in ("t0ken", NEW, OLD):
        assert value not in repr(read)
