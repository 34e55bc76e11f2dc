"""One row per quantity, each row whole."""

import re

import pytest

from brise.conventions.observations import KINDS
from brise.conventions.variables import POLLUTANTS, VARIABLES


@pytest.mark.parametrize("row", VARIABLES.values(), ids=VARIABLES)
def test_rows_are_whole(row):
    assert re.fullmatch(r"[a-z][a-z0-9_]*", row.name)
    assert re.fullmatch(r"[a-z][a-z0-9_]*", row.cf_name)
    assert row.minimum < row.maximum
    assert -row.noise >= row.minimum or row.noise == 0
    assert row.unit
    assert row.title


def test_cf_names_are_unique():
    assert len({row.cf_name for row in VARIABLES.values()}) == len(VARIABLES)


def test_pollutants_are_mass_concentrations():
    assert all(VARIABLES[name].unit == "ug m-3" for name in POLLUTANTS)
    assert "simulated" in KINDS
