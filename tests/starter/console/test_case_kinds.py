"""An action is about a case of its own kind: ids of different kinds may be alike, and their organizations are not."""

from typing import Any, cast

import pytest

from domain.cancellation.lifecycle import InputMalformed
from domain.permissions import SubjectKind
from domain.principals import Principal, Role
from starter.console.actions.action import Action
from starter.console.actions.table import ACTIONS
from starter.console.forms import CASE, SUBJECT, Given
from starter.service import Offramp

CASES = {
    SubjectKind.SUBSCRIPTION: "B-20/1",
    SubjectKind.LINE: "B-7/line/B-20/1",
    SubjectKind.ORGANIZATION: "B-20/marketing/1",
}
ABOUT_CASES = [action for action in ACTIONS.values() if action.kind in CASES]
PERSON = Principal(subject="agent-1", roles=frozenset(Role))


@pytest.mark.parametrize("action", ABOUT_CASES, ids=lambda action: action.operation)
def test_an_action_takes_no_case_of_another_kind_whatever_it_is_about(action: Action) -> None:
    nowhere: Any = cast("Offramp", None)
    for kind, case in CASES.items():
        given = Given({CASE: case, SUBJECT: "B-20"})
        if kind is action.kind:
            assert action.asked(nowhere, given, PERSON).subject == "B-20"
        else:
            with pytest.raises(InputMalformed):
                action.asked(nowhere, given, PERSON)


@pytest.mark.parametrize("action", ABOUT_CASES, ids=lambda action: action.operation)
def test_what_an_action_is_about_is_what_its_case_is_about(action: Action) -> None:
    assert action.kind is not None
    given = Given({CASE: CASES[action.kind], SUBJECT: "somebody-elses"})
    assert action.asked(cast("Offramp", None), given, PERSON).subject == "B-20"
