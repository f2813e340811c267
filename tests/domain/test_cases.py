"""The names of cases: their kind, subject and number."""

import pytest

from domain.cases import SEGMENTS, CaseKind, CaseRef


@pytest.mark.parametrize("kind", CaseKind)
def test_an_id_names_kind_subject_and_number(kind: CaseKind) -> None:
    case = CaseRef(kind=kind, subject="X-1.a_b", ordinal=12)
    assert CaseRef.parse(case.id) == case


def test_ids_have_the_documented_forms() -> None:
    subscription, marketing = CaseRef.parse("SUB-1001/1"), CaseRef.parse("ORG-7/marketing/2")
    assert (subscription.kind, subscription.subject, subscription.ordinal) == (CaseKind.SUBSCRIPTION, "SUB-1001", 1)
    assert (marketing.kind, marketing.subject, marketing.ordinal) == (CaseKind.MARKETING_SERVICE, "ORG-7", 2)
    assert (subscription.subscription, marketing.subscription) == ("SUB-1001", None)


@pytest.mark.parametrize(
    "text", ["", "SUB-1001", "SUB-1001/", "SUB-1001/x", "SUB-1001/0", "ORG-7/marketing", "O/mail/1"]
)
def test_other_texts_name_no_case(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not the id of a case|greater than 0"):
        CaseRef.parse(text)


def test_no_two_kinds_share_a_form() -> None:
    assert len(set(SEGMENTS.values())) == len(SEGMENTS)
