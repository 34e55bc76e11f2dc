import numpy as np
import pytest

from brise.conventions.errors import InputError
from brise.formulas.reflectivity import FINLAND, MARSHALL_PALMER, WSR_88D, Relation, dbz_from_rain, rain_from_dbz


@pytest.mark.parametrize("relation", [MARSHALL_PALMER, WSR_88D, FINLAND])
def test_there_and_back(relation):
    rate = np.geomspace(0.2, 90, 500)
    np.testing.assert_allclose(rain_from_dbz(dbz_from_rain(rate, relation), relation), rate, rtol=1e-4)  # float32 dBZ


def test_floor_cap_no_echo_and_missing():
    got = rain_from_dbz([-np.inf, 6.9, 7.1, 55, 90, np.nan])
    assert got.dtype == np.float32
    assert got[:2].tolist() == [0, 0]
    assert 0.09 < got[2] < 0.11
    assert got[3] == got[4]
    assert np.isnan(got[5])


@pytest.mark.parametrize("numbers", [(0, 1.6), (200, -1), (200, 1.6, 60, 50)])
def test_impossible_relations_are_refused(numbers):
    with pytest.raises(InputError, match=r"Z = a R\^b"):
        Relation(*numbers)
