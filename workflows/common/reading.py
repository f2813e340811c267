"""The reading of what a workflow receives: in its documented form, and without characters that nobody sees."""

from collections.abc import Sequence
from typing import Any, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import contract
    from contract.clean import unclean_fields
    from domain.cancellation.lifecycle import InputMalformed

CLEAN_TEXT = "clean-text-2026-11"
"""The id of the patch (docs/upgrades.md)."""

Received = TypeVar("Received", bound=contract.Message)


def read_clean(received: Sequence[Any], form: type[Received]) -> Received:
    """Return the received message; raises InputMalformed. What versions before have accepted is accepted again in their histories."""
    message = contract.read(received, form)
    if (problems := unclean_fields(message)) and workflow.patched(CLEAN_TEXT):
        raise InputMalformed(problems)
    return message
