"""Which sources' own values may not be passed on; what is computed from them may."""

from brise.io.sources.registry import SOURCES


def withheld(share_restricted: bool) -> frozenset[str]:
    """Names of the sources whose values are not shown.

    Args:
        share_restricted: Show all: nobody but the licensee reads this server.
    """
    return frozenset(name for name, source in SOURCES.items() if not (share_restricted or source.redistributable))


def refusal(name: str) -> str:
    """Why a source's values are not shown, and where its terms are."""
    source = SOURCES[name]
    return f"the terms of {name} ({source.title}) forbid passing on its values: {source.terms_url}"
