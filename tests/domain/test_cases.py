"""The names of cases: their kind, subject and number."""

import pytest

from domain.cases import SEGMENTS, CaseKind, CaseRef


@pytest.mark.parametrize("kind", CaseKind)
def test_an_id_names_kind_subject_and_number(kind: CaseKind) -> None:
    of_subscription = "SUB-1" if kind is CaseKind.SUBSCRIPTION_LINE else None
    case = CaseRef(kind=kind, subject="X-1.a_b", ordinal=12, of_subscription=of_subscription)
    assert CaseRef.parse(case.id) == case


def test_ids_have_the_documented_forms() -> None:
    subscription, marketing = CaseRef.parse("SUB-1001/1"), CaseRef.parse("ORG-7/marketing/2")
    assert (subscription.kind, subscription.subject, subscription.ordinal) == (CaseKind.SUBSCRIPTION, "SUB-1001", 1)
    assert (marketing.kind, marketing.subject, marketing.ordinal) == (CaseKind.MARKETING_SERVICE, "ORG-7", 2)
    line = CaseRef.parse("SUB-1001/line/LINE-7/3")
    assert (line.kind, line.subject, line.ordinal) == (CaseKind.SUBSCRIPTION_LINE, "LINE-7", 3)
    cancelled_of = [case.subscription for case in (subscription, marketing, line)]
    assert cancelled_of == ["SUB-1001", None, "SUB-1001"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SUB-1001",
        "SUB-1001/",
        "SUB-1001/x",
        "SUB-1001/0",
        "ORG-7/marketing",
        "O/mail/1",
        "S/line/1",
        "S/line/L/M/1",
    ],
)
def test_other_texts_name_no_case(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not the id of a case|greater than 0"):
        CaseRef.parse(text)


def test_no_two_kinds_share_a_form() -> None:
    assert len(set(SEGMENTS.values())) == len(SEGMENTS)
