"""The shape of the workflows that carry a case, which a reader relies on and a type checker alone does not hold."""

import ast
from pathlib import Path
from typing import Generic

import pytest

from workflows.cancellation.workflow import SubscriptionCancellation
from workflows.common.case_workflow import CaseWorkflow
from workflows.marketing.workflow import MarketingServiceCancellation
from workflows.migration.workflow import OnPremisesMigration

WORKFLOWS = Path(__file__).parents[3] / "workflows"
STAGE = {"stage", "stage_deadline", "_stage", "_stage_deadline"}


@pytest.mark.parametrize("carrier", [SubscriptionCancellation, MarketingServiceCancellation, OnPremisesMigration])
def test_a_workflow_that_carries_a_case_is_one_linear_chain(carrier: type) -> None:
    chain = [carrier]
    while chain[-1] is not CaseWorkflow:
        [base] = [base for base in chain[-1].__bases__ if base is not Generic]
        chain.append(base)


def test_a_stage_is_set_by_entering_it_alone() -> None:
    setters = {
        f"{path.relative_to(WORKFLOWS)}:{function.name}"
        for path in WORKFLOWS.rglob("*.py")
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in STAGE
    }

    assert setters == {"common/case_state.py:enter"}
