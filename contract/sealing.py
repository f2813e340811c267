"""One-time codes and tokens of links as they are sent: their hashes, so that no history of Temporal holds what opens anything.

A caller of its own writes them in the same way; both forms are stated in docs/temporal.md.
"""

import hashlib

_CODE = "scrypt:"
_LINK = "sha256:"


def sealed_code(subject: str, code: str) -> str:
    """Return a one-time code as it is sent: ``scrypt:`` and a hash, salted with the subscription, line or organization.

    Six digits are few: scrypt makes trying them all against a history slow, and a code is void long before.
    """
    if code.startswith(_CODE):
        return code
    salt = f"offramp.code:{subject}".encode()
    return _CODE + hashlib.scrypt(code.strip().encode(), salt=salt, n=2**14, r=8, p=1, dklen=32).hex()


def sealed_link(token: str) -> str:
    """Return the token of a link as it is sent: ``sha256:`` and its hash."""
    return token if token.startswith(_LINK) else _LINK + hashlib.sha256(token.encode()).hexdigest()


def is_sealed_link(text: str) -> bool:
    """Return true if this is not the token itself."""
    return text.startswith(_LINK)
