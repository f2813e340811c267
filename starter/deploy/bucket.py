"""Making the bucket of an object store of one's own: ``python -m starter.deploy.bucket``, status 0 or 1 and a sentence.

Safe to run at every deployment. Nothing waits for it but exports and migrations: without a bucket they are refused, and
tried again.
"""

import sys

from domain.refusals import Refusal
from runtime.process import leave
from starter.cli.remedies import operators_text
from storage.objects import Objects, ObjectStoreSettings


def main() -> None:
    """Make the bucket that the environment names, unless it is there."""
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
