"""Makes `radar_payloads.py` importable in importlib mode."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def make():
    """The module that makes radar files."""
    spec = importlib.util.spec_from_file_location("radar_payloads", Path(__file__).with_name("radar_payloads.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
