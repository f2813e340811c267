"""Codes and tokens as they are sent: neither can be read from what a history keeps, and both can be compared."""

import contract
from contract.sealing import is_sealed_link, sealed_code, sealed_link
from domain.marketing import ConsentDecision


def test_a_code_is_sealed_for_one_subject_alone() -> None:
    assert sealed_code("SUB-1001", "123456") == sealed_code("SUB-1001", " 123456 ")
    assert len({sealed_code(subject, code) for subject in ("SUB-1", "SUB-2") for code in ("123456", "123457")}) == 4
    assert "123456" not in sealed_code("SUB-1001", "123456")


def test_the_form_that_other_systems_write_stays_the_same() -> None:
    assert sealed_code("SUB-1001", "123456") == (
        "scrypt:524407e84df24e6bf9aea72740d1f24d4498fdccd60d154cfa52362ad89ed5bc"  # as openssl kdf SCRYPT makes it
    )
    assert sealed_link("token") == "sha256:3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0"


def test_what_is_sealed_is_not_sealed_again() -> None:
    assert sealed_code("SUB-1001", sealed_code("SUB-1001", "123456")) == sealed_code("SUB-1001", "123456")
    assert sealed_link(sealed_link("token")) == sealed_link("token")
    assert is_sealed_link(sealed_link("token"))
    assert not is_sealed_link("token")


def test_messages_are_sent_sealed() -> None:
    code = contract.VerifyCode(actor="agent-7", code="123456").sealed("SUB-1001")
    consent = contract.GiveConsent(actor="page", decision=ConsentDecision.AGREED, link="token").sealed()
    without = contract.GiveConsent(actor="page", decision=ConsentDecision.AGREED).sealed()

    assert code.code == sealed_code("SUB-1001", "123456")
    assert consent.link == sealed_link("token")
    assert without.link is None
