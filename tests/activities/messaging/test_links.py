"""Links in mails: each proves that its bearer received it, for one purpose and for a limited time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from activities.messaging.links import (
    LINKS_PATH,
    LinkExpired,
    LinkPurpose,
    LinkReplaced,
    Links,
    LinkSettings,
    LinkTampered,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


def links(secret: str = SECRET, previous: str | None = None) -> Links:
    return Links(
        LinkSettings(
            public_url="https://offramp.example/app/",
            link_secret=SecretStr(secret),
            link_previous_secret=SecretStr(previous) if previous else None,
        )
    )


def token_of(link: str) -> str:
    return link.rpartition("/")[2]


def made(by: Links, *, expires: datetime = NOW + timedelta(days=7)) -> str:
    return by.link(LinkPurpose.MARKETING_CONSENT, "SUB-1001/1", expires)


def test_a_link_leads_to_the_pages_and_holds_purpose_subject_and_expiry() -> None:
    link = made(links())
    assert link.startswith(f"https://offramp.example/app{LINKS_PATH}")
    target = links().read(token_of(link), now=NOW)
    assert (target.purpose, target.subject) == (LinkPurpose.MARKETING_CONSENT, "SUB-1001/1")
    assert target.expires == NOW + timedelta(days=7)


def test_the_same_three_give_the_same_link_so_that_a_repeated_mail_is_the_same_mail() -> None:
    assert made(links()) == made(links())


def test_a_link_holds_until_the_instant_of_its_expiry() -> None:
    expires = NOW + timedelta(days=1)
    token = token_of(made(links(), expires=expires))
    assert links().read(token, now=expires - timedelta(seconds=1)).subject == "SUB-1001/1"
    with pytest.raises(LinkExpired) as refused:
        links().read(token, now=expires)
    assert "23 November 2026, 12:00 UTC" in str(refused.value)


@pytest.mark.parametrize("spoil", [
    lambda token: token[:-1],
    lambda token: f"{token}x",
    lambda token: token.replace(token[3], "A" if token[3] != "A" else "B", 1),
    lambda token: token.partition(".")[0],
    lambda _: "",
    lambda _: "no token at all",
])  # fmt: skip
def test_a_token_that_is_not_as_we_made_it_is_refused(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(LinkTampered):
        links().read(spoil(token_of(made(links()))), now=NOW)


def test_a_token_of_another_secret_is_refused_and_one_of_the_previous_secret_is_not() -> None:
    token = token_of(made(links(OTHER)))
    with pytest.raises(LinkTampered):
        links().read(token, now=NOW)
    assert links(SECRET, previous=OTHER).read(token, now=NOW).subject == "SUB-1001/1"
    assert made(links(SECRET, previous=OTHER)) == made(links(SECRET)), "the newest signs"


def test_the_secret_can_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    settings = LinkSettings(public_url="https://offramp.example", link_secret_file=file)
    assert settings.links is not None
    assert links().read(token_of(made(settings.links)), now=NOW).subject == "SUB-1001/1"


def test_without_pages_there_are_no_links() -> None:
    assert LinkSettings(public_url="").links is None


@pytest.mark.parametrize(("given", "reason"), [
    ({"public_url": "https://offramp.example"}, "OFFRAMP_LINK_SECRET"),
    ({"public_url": "https://offramp.example", "link_secret": "short"}, "at least 32 characters"),
    ({"public_url": "offramp.example", "link_secret": SECRET}, "write https://host"),
    ({"link_secret": SECRET, "link_secret_file": "/nowhere"}, "not both"),
    ({"link_secret_file": "/nowhere"}, "cannot be read"),
])  # fmt: skip
def test_settings_that_make_no_safe_links_are_refused_without_repeating_the_secret(
    given: dict[str, str], reason: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        LinkSettings.model_validate(given)
    assert reason in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "short" not in str(refused.value)


def test_a_link_is_for_the_address_to_which_it_was_mailed_whatever_its_case() -> None:
    link = links().link(LinkPurpose.EXPORT, "SUB-1001/1", NOW + timedelta(days=7), "Ann@Example.com ")
    target = links().read(token_of(link), now=NOW)

    assert "ann" not in str(target).lower()
    links().refuse_other_recipient(target, "ann@example.com")
    links("x" * 32, previous=SECRET).refuse_other_recipient(target, "ann@example.com")
    with pytest.raises(LinkReplaced):
        links().refuse_other_recipient(target, "bob@example.com")
    with pytest.raises(LinkReplaced):
        links(OTHER).refuse_other_recipient(target, "ann@example.com")


def test_a_link_of_before_names_no_address_and_holds_until_its_end() -> None:
    links().refuse_other_recipient(links().read(token_of(made(links())), now=NOW), "anybody@example.com")
