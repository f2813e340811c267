"""The same information, as people write it: addresses, URLs and unique names (rules, section 8)."""

from itertools import product

import pytest

from domain.cancellation.identity import (
    Identity,
    IdentityMismatch,
    check_identity,
    check_identity_then_or_now,
    matches_in_words,
    mismatches,
    same_address,
    same_name,
    same_url,
)
from domain.vocabulary import Question

RECORD = Identity(
    billing_administrator="ann@example.com",
    organization_url="https://contoso.example.com/sales",
    organization_name="contoso",
)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("contoso.example.com", "https://contoso.example.com/", True),
        ("HTTPS://Contoso.Example.COM", "https://contoso.example.com", True),
        ("https://contoso.example.com.", "https://contoso.example.com", True),
        (" contoso.example.com ", "contoso.example.com", True),
        ("http://contoso.example.com", "https://contoso.example.com", True),
        ("https://contoso.example.com/sales", "https://contoso.example.com", False),
        ("https://contoso.example.com/Sales", "https://contoso.example.com/sales", False),
        ("https://contoso.example.com:8443", "https://contoso.example.com", False),
        ("https://evil.example/contoso.example.com", "https://contoso.example.com", False),
        ("https://[broken", "https://[broken", True),
        ("https://[broken", "https://contoso.example.com", False),
        ("", "https://contoso.example.com", False),
    ],
)
def test_urls_lead_to_the_same_organization(one: str, other: str, same: bool) -> None:
    assert same_url(one, other) is same
    assert same_url(other, one) is same


def test_case_and_outer_spaces_of_addresses_and_names_do_not_count() -> None:
    assert same_address(" Ann@EXAMPLE.com ", "ann@example.com")
    assert not same_address("ann+1@example.com", "ann@example.com")
    assert same_name("CONTOSO ", "contoso")
    assert same_name("STRASSE", "straße"), "as every caseless comparison of Unicode"
    assert not same_name("contoso ltd", "contoso")


def test_every_combination_of_differences_is_found_in_the_order_of_the_checklist() -> None:
    wrong = {
        Question.BILLING_ADMINISTRATOR: "bob@example.com",
        Question.ORGANIZATION_URL: "https://fabrikam.example.com",
        Question.ORGANIZATION_NAME: "fabrikam",
    }
    for chosen in product((False, True), repeat=len(wrong)):
        differing = tuple(question for question, picked in zip(wrong, chosen, strict=True) if picked)
        given = RECORD.model_copy(update={question.value: wrong[question] for question in differing})
        assert mismatches(given, RECORD) == differing


def test_a_refusal_says_which_point_differs_and_nothing_of_the_record() -> None:
    check_identity(RECORD, RECORD)
    given = RECORD.model_copy(update={"organization_name": "fabrikam"})
    with pytest.raises(IdentityMismatch) as refused:
        check_identity(given, RECORD)
    assert refused.value.values == {"questions": "organization_name"}
    for secret in ("contoso", "ann@example.com", "fabrikam"):
        assert secret not in str(refused.value)


def test_each_point_of_a_reversal_is_as_then_or_as_now() -> None:
    """All ways in which three points can be those of the cancellation, those on record now, or neither."""
    now = Identity(
        billing_administrator="bea@example.com",
        organization_url="https://northwind.example.com",
        organization_name="northwind",
    )
    neither = Identity(
        billing_administrator="eve@example.com",
        organization_url="https://fabrikam.example.com",
        organization_name="fabrikam",
    )
    points = tuple(question.value for question in Question if question.value in Identity.model_fields)
    for sources in product((RECORD, now, neither), repeat=len(points)):
        given = Identity(**{point: getattr(source, point) for point, source in zip(points, sources, strict=True)})
        wrong = [point for point, source in zip(points, sources, strict=True) if source is neither]
        if wrong:
            with pytest.raises(IdentityMismatch) as refused:
                check_identity_then_or_now(given, RECORD, now)
            assert refused.value.values == {"questions": ",".join(wrong)}
            continue
        found = check_identity_then_or_now(given, RECORD, now)
        assert found == tuple(point for point, source in zip(points, sources, strict=True) if source is now)
        assert list(matches_in_words(found).values()) == [
            "as on record now" if source is now else "as in the cancellation" for source in sources
        ]


def test_a_point_that_has_not_changed_is_as_in_the_cancellation() -> None:
    assert check_identity_then_or_now(RECORD, RECORD, RECORD) == ()


SPELLINGS = Identity(
    billing_administrator=" ANN@example.com",
    organization_url="contoso.example.com/sales/",
    organization_name="Contoso ",
)


def test_a_sealed_record_tells_every_spelling_from_everything_else() -> None:
    sealed = RECORD.sealed("SUB-1/1")

    check_identity(RECORD, sealed)
    check_identity(SPELLINGS, sealed)
    for point in Identity.model_fields:
        other = RECORD.model_copy(update={point: "another"})
        assert mismatches(other, sealed) == (Question(point),)
        assert mismatches(RECORD, other.sealed("SUB-1/1")) == (Question(point),)


def test_a_sealed_record_shows_nothing_and_is_another_one_for_each_case() -> None:
    sealed, another = RECORD.sealed("SUB-1/1"), RECORD.sealed("SUB-1/2")

    assert not [value for value in RECORD.model_dump().values() if value in str(sealed)]
    assert set(sealed.model_dump().values()).isdisjoint(another.model_dump().values())
    assert SPELLINGS.sealed("SUB-1/1") == sealed, "whatever its spelling"
    assert sealed.sealed("SUB-1/2") == sealed, "once"


def test_a_seal_that_somebody_has_seen_opens_nothing() -> None:
    sealed = RECORD.sealed("SUB-1/1")

    with pytest.raises(IdentityMismatch):
        check_identity(sealed, sealed)
    with pytest.raises(IdentityMismatch):
        check_identity(sealed, RECORD)
