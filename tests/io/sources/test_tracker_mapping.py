"""Mappings of any table's columns: what cannot be meant is refused."""

import pytest

from brise.conventions.errors import InputError
from brise.io.sources.tracker_mapping import read_mapping


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x = [", "not TOML"),
        ("colour = 1", "unknown key 'colour'"),
        ("[time]\nzone = 1\n", "has column or columns and format"),
        ("[time]\ncolumn = 't'\n", "both wanted"),
        ("[time]\ncolumn = 't'\n[columns]\na = 'radon'\n", "unknown variable 'radon'"),
        ("[time]\ncolumn = 't'\n[columns]\na = { variable = 'no2', unit = 'm' }\n", "unit 'm' is not one of no2"),
        ("[time]\ncolumn = 't'\n[columns]\na = 3\n", "wants a name"),
        ("#" * 200_000, "at most 100000"),
    ],
)
def test_mappings_that_say_nothing(tmp_path, text, why):
    path = tmp_path / "m.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=why):
        read_mapping(path)


def test_a_mapping_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_mapping(tmp_path / "none.toml")
