"""Every error that Brise raises on purpose.

    BriseError
    ├── InputError            what the caller gave is wrong: which value, which limit, where     (CLI 2, HTTP 422)
    ├── NotFoundError         what the caller named does not exist here                          (CLI 2, HTTP 404)
    ├── AccessError           who asks has not shown a key that opens this                       (CLI 1, HTTP 401)
    ├── TermsError            the terms of a source forbid what the caller asked for             (CLI 1, HTTP 403)
    ├── ConfigurationError    a setting is missing or wrong                                      (CLI 2, HTTP 500)
    ├── ConventionError       data broke its own contract: check_observations, check_cube        (CLI 1, HTTP 500)
    ├── DecodeError           a provider's payload cannot be read                                (CLI 1, HTTP 502)
    ├── SourceError           a provider did not answer, or refused                              (CLI 1, HTTP 502)
    ├── BusyError             as much work waits as may wait; it may be asked later           (CLI 1, HTTP 429)
    └── StoreError            the database or the disk cannot serve now; a retry may succeed     (CLI 1, HTTP 503)

A message says what, which value, which limit, where. `service/api/errors.py` maps the tree to problem documents once.
"""


class BriseError(Exception):
    """The root; catching it catches everything Brise raises on purpose."""


class InputError(BriseError, ValueError):
    """What the caller gave is wrong."""


class NotFoundError(BriseError, LookupError):
    """What the caller named does not exist here."""


class AccessError(BriseError):
    """Who asks has not shown a key that opens this."""


class TermsError(BriseError):
    """The terms of a source forbid what the caller asked for."""


class ConfigurationError(BriseError):
    """A setting is missing or wrong."""


class ConventionError(BriseError):
    """Data broke its own contract."""


class DecodeError(BriseError):
    """A provider's payload cannot be read."""


class SourceError(BriseError):
    """A provider did not answer, or refused."""


class BusyError(BriseError):
    """As much work waits as may wait."""


class StoreError(BriseError):
    """The database or the disk cannot serve now; nothing was lost and a retry may succeed."""
