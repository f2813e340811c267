"""The claims of requests, as workflows hand them to the activities that settle them."""

from contract.common import Signed
from contract.requests import START, claim_of
from contract.steps.common import Claim


def claim_of_start(workflow_id: str, message: Signed) -> Claim:
    """Return the claim of the message that started a workflow."""
    return Claim(of=claim_of(workflow_id, START, "", message), signature=message.signature)


def claim_of_update(workflow_id: str, name: str, update_id: str, message: Signed) -> Claim:
    """Return the claim of a message that came as an update. A signal has neither name nor id here: no door sends any."""
    return Claim(of=claim_of(workflow_id, name, update_id, message), signature=message.signature)
