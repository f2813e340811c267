"""Every action of the console, by its operation."""

from collections.abc import Mapping

from domain.permissions import Operation
from starter.console.actions import (
    bulks,
    cases,
    documents,
    hand_overs,
    limits,
    marketing,
    nights,
    records,
    tenants,
    webhooks,
)
from starter.console.actions.action import Action

ACTIONS: Mapping[Operation, Action] = {
    action.operation: action
    for area in (
        *(cases, hand_overs, marketing, nights),
        *(bulks, webhooks, limits, documents, records, tenants),
    )
    for action in area.ACTIONS
}
"""The actions of all areas."""
