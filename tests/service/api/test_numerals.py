"""Numbers written by table are the numbers that formatting writes."""

import json

import numpy as np
import pytest

from brise.service.api.numerals import CODES, HIGHEST, LOWEST, form, rows


def read(row: bytes) -> list[float | None]:
    return json.loads(b"[" + row + b"]")


def test_every_tenth_of_the_table_is_written_as_itself():
    tenths = np.arange(LOWEST, HIGHEST + 1)
    (row,) = rows([(tenths / 10).astype(np.float32)[None]], form([False]))
    assert read(row) == (tenths / 10).tolist()


def test_codes_have_no_decimals_and_nan_is_null_in_both_forms():
    values = np.array([[0, 1, np.nan, CODES - 1]] * 2, np.float32)
    assert rows([values], form([False, True])) == [b"0.0,1.0,null,31.0", b"0,1,null,31"]


def test_a_number_rounds_as_numpy_rounds():
    values = np.random.default_rng(0).gamma(2, 20, (3, 97)).astype(np.float32)
    got = [read(row) for row in rows([values], form([False] * 3))]
    np.testing.assert_allclose(got, values.round(1), rtol=1e-6)  # the same decimals, read as float64


@pytest.mark.parametrize("place", [0, 2])
def test_what_is_higher_than_the_table_is_formatted_and_what_is_lower_is_unknown(place):
    values = np.full((2, 3), 7.25, np.float32)
    values[0, place], values[1, place] = HIGHEST / 10 + 0.1, 123_456.7
    got = [read(row)[place] for row in rows([values], form([False] * 2))]
    np.testing.assert_allclose(got, [10_000, 123_456.7], rtol=1e-6)  # float32 has 7 digits
    values[0, place] = LOWEST / 10 - 1
    assert read(rows([values], form([False] * 2))[0])[place] is None


def test_blocks_of_any_shape_follow_each_other():
    first, second = np.ones((2, 3, 4), np.float32), np.full((1, 3, 4), 2, np.float32)
    written = rows([first, second], form([False] * 6 + [True] * 3))
    assert written == [b"1.0,1.0,1.0,1.0"] * 6 + [b"2,2,2,2"] * 3


def test_no_rows_are_no_text():
    assert rows([np.empty((0, 3, 5), np.float32)] * 2, form([])) == []
