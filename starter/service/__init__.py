"""The service as one facade, `Offramp`; the command line and the pages are thin layers on top of it."""

from starter.service.offramp import Offramp
from starter.service.updates import CancellationSuspended, StillWaiting

__all__ = ["CancellationSuspended", "Offramp", "StillWaiting"]
