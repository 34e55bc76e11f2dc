"""What a rain series is said to mean."""

import numpy as np
import pytest

from brise.products.rain_words import describe, intensity, sentence

MINUTES = np.arange(0.0, 125.0, 5.0)


def say(chance, rate=3.0, any_chance=None):
    chance = np.asarray(chance, np.float32)
    value = np.where(np.isnan(chance), np.nan, rate * (chance >= 0.5)).astype(np.float32)
    outlook = describe(MINUTES[: len(chance)], value, chance, any_chance)
    return outlook, sentence(
        outlook, lambda minutes: f"14:{minutes:02.0f}" if minutes < 60 else f"15:{minutes - 60:02.0f}"
    )


def test_rain_that_comes_and_goes():
    outlook, text = say([0, 0, 0.4, 0.6, 0.9, 0.9, 0.6, 0.4, 0, 0, 0, 0, 0])
    assert (outlook.key, outlook.until) == ("rain.starts", 60.0)
    spell = outlook.spells[0]
    np.testing.assert_allclose((spell.start, spell.end), (12.5, 32.5), atol=0.1)  # told to a tenth of a minute
    np.testing.assert_allclose(spell.confidence, 0.75)
    assert text == "Rain starts at 14:12, moderate, ends 14:32 (confidence 75 %)."


def test_rain_now_that_stops():
    outlook, text = say([1, 1, 0, 0])
    assert (outlook.key, outlook.spells[0].start) == ("rain.ends", None)
    assert text == "Rain now, moderate, ends 14:08 (confidence 100 %)."


def test_rain_to_the_end_of_what_is_known():
    outlook, text = say([0.8] * 25, rate=30.0)
    assert (outlook.key, outlook.spells[0].end) == ("rain.goes_on", None)
    assert text == "Rain now, heavy, goes on beyond 15:60 (confidence 80 %)."


def test_a_short_pause_belongs_to_the_rain_a_long_one_does_not():
    assert len(say([0, 1, 1, 0, 1, 1, 0])[0].spells) == 1
    outlook, text = say([0, 1, 1, 0, 0, 0, 1, 1, 0])
    assert [spell.start for spell in outlook.spells] == [2.5, 27.5]
    assert text.endswith("; again from 14:28.")


def test_no_rain_and_perhaps():
    outlook, text = say([0, 0.04, 0.02])
    assert (outlook.key, outlook.spells) == ("rain.none", ())
    assert text == "No rain until 14:10 (confidence 96 %)."
    _, text = say([0, 0.04, 0.02], any_chance=0.35)
    assert text == "No rain until 14:10 is likely, yet the chance of some is 35 %."


def test_rain_that_is_likely_yet_at_no_step():
    outlook, text = say([0, 0.3, 0.4], any_chance=0.55)
    assert (outlook.key, outlook.confidence) == ("rain.perhaps", 0.55)
    assert text == "Some rain by 14:10 is likely (55 %); when is open."


def test_what_is_unknown_ends_the_series_and_is_never_dry():
    assert say([np.nan] * 3)[0].key == "rain.unknown"
    assert say([np.nan] * 3)[1] == "Nothing is known about rain here."
    outlook, _ = say([0, 0, np.nan, 0, 0])
    assert (outlook.key, outlook.until) == ("rain.none", 5.0)
    assert describe(MINUTES[:0], np.zeros(0, np.float32), np.zeros(0, np.float32)).key == "rain.unknown"


@pytest.mark.parametrize(
    ("rate", "key"),
    [
        (0.0, "light"),
        (2.49, "light"),
        (2.5, "moderate"),
        (9.99, "moderate"),
        (10, "heavy"),
        (50, "violent"),
        (400, "violent"),
    ],
)
def test_intensities_on_their_edges(rate, key):
    assert intensity(rate) == f"rain.{key}"
