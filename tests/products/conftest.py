"""The synthetic network of tests/data/network."""

import runpy
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def make_network():
    return runpy.run_path(str(Path(__file__).parents[1] / "data" / "network" / "make.py"))["make_network"]
