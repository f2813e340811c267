"""The service as one facade, `Offramp`; every door of it is thin on top of this."""

from starter.service.offramp import Offramp
from starter.service.updates import CancellationSuspended, StillWaiting

__all__ = ["CancellationSuspended", "Offramp", "StillWaiting"]
