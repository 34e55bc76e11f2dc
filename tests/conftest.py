"""Fixtures every test may ask for."""

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    # Spinning OpenMP threads make two busy cores several times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data ($BRISE_DATA, or ../shared/data beside the project)."""
    folder = Path(os.environ.get("BRISE_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (set BRISE_DATA)")
    return folder
