"""The settings of webhooks."""

import pytest
from pydantic import ValidationError

from activities.messaging.webhooks import WebhookSettings
from tests.activities.messaging.endpoint import NEW, OLD


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook_url": "ftp://hooks.example/?token=t0ken"},
        {"webhook_url": "https:///hooks"},
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


def test_settings_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFRAMP_WEBHOOK_URL", "https://hooks.example/?token=t0ken")
    monkeypatch.setenv("OFFRAMP_WEBHOOK_SECRET", NEW)
    monkeypatch.setenv("OFFRAMP_WEBHOOK_PREVIOUS_SECRET", OLD)
    read = WebhookSettings()
    assert len(read.signers) == 2
    for value in ("t0ken", NEW, OLD):
        assert value not in repr(read)
