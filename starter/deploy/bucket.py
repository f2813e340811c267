"""The set-up of the bucket in an object store of one's own: ``python -m starter.deploy.bucket``.

Exits with status 0 or 1 and a sentence; safe to run at every deployment. Only exports and migrations wait for the
bucket: without one they are refused, and tried again.
"""

import sys

from domain.refusals import Refusal
from runtime.process import leave
from starter.cli.remedies import operators_text
from storage.objects import Objects, ObjectStoreSettings


def main() -> None:
    """Make the bucket that the environment names, unless it exists."""
    try:
        objects = Objects(ObjectStoreSettings())
        objects.ensure_bucket()
    except Refusal as refusal:
        sys.stdout.write(f"{operators_text(refusal)}\n")
        leave(1)
    sys.stdout.write(f"The object store {objects.location} is there.\n")
    leave(0)


if __name__ == "__main__":
    main()
