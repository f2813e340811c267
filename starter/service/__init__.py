"""The service as one facade, `Offramp`; the command line and the pages are thin layers on top of it."""

from starter.service.case_refusals import CancellationSuspended, StillWaiting
from starter.service.offramp import Offramp

__all__ = ["CancellationSuspended", "Offramp", "StillWaiting"]
