"""Keys that people and devices show: minted once, kept as digests.

`bo_` is an owner's token, `bd_` a device's key; then 12 hexadecimal digits to find it by, then 160 random bits. SHA-256
is enough: what is random to that length cannot be guessed, so slowness would only cost those who push every second.
"""

import hashlib
import hmac
import re
import secrets
from typing import Literal, NamedTuple

Kind = Literal["bo", "bd"]

_FORM = re.compile(r"(bo|bd)_([0-9a-f]{12})_[0-9a-f]{40}", re.ASCII)


class Key(NamedTuple):
    """A new key.

    Attributes:
        text: To show once.
        prefix: To find it by.
        digest: To keep.
    """

    text: str
    prefix: str
    digest: str


def digest_of(text: str) -> str:
    """SHA-256, hexadecimal.

    >>> digest_of("")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(text.encode()).hexdigest()


def mint(kind: Kind) -> Key:
    """A key that nobody can guess."""
    prefix = secrets.token_hex(6)
    text = f"{kind}_{prefix}_{secrets.token_hex(20)}"
    return Key(text, prefix, digest_of(text))


def prefix_of(text: str, kind: Kind) -> str | None:
    """What a key of this kind is found by; None if it is none.

    >>> prefix_of("bd_0123456789ab_" + 40 * "0", "bd")
    '0123456789ab'
    >>> prefix_of("bd_0123456789ab_" + 40 * "0", "bo") is None
    True
    """
    match = _FORM.fullmatch(text)
    return match[2] if match and match[1] == kind else None


def same(text: str, digest: str) -> bool:
    """Whether a key is the one kept, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(digest_of(text), digest)
