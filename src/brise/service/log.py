"""Logging of the command line and of the processes it starts."""

import logging
import sys

from brise.conventions.errors import ConfigurationError
from brise.service.settings import load_settings

QUIET = ("httpx", "httpcore", "alembic")
"""Libraries that say too much, or print whole URLs."""


def start_logging() -> None:
    """Log to standard error, at BRISE_LOG_LEVEL."""
    try:
        level = load_settings().log_level
    except ConfigurationError:
        level = "INFO"  # the command itself will say what is wrong
    logging.basicConfig(
        level=level, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", datefmt="%H:%M:%S"
    )
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
