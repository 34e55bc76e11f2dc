"""Exposure of made days: every figure can be told by hand."""

import numpy as np
import pandas as pd
import pytest

from brise.conventions.errors import InputError
from brise.conventions.trackers import check_samples
from brise.formulas.exposure import means
from brise.products.exposure_words import ENGLISH, english, sentences
from brise.products.personal_exposure import City, Told, compute

DAY = 1_699_920_000  # 2023-11-14 00:00 UTC, a Tuesday
HOME, WORK = (48.85, 2.35), (48.88, 2.35)


def day():
    """Home to 8:00, 3.3 km by bicycle in ten minutes, work to 18:00, half an hour's walk back, home."""
    minute = np.arange(1, 1441)
    latitude = np.full(1440, HOME[0])
    latitude[480:490] = np.linspace(HOME[0], WORK[0], 10)
    latitude[490:1080] = WORK[0]
    latitude[1080:1120] = np.linspace(WORK[0], HOME[0], 40)
    speed = np.zeros(1440)
    speed[480:490], speed[1080:1120] = 5.6, 1.4
    pm = np.full(1440, 10.0)
    pm[480:490], pm[490:1080], pm[1080:1120] = 60.0, 5.0, 30.0
    return check_samples(
        pd.DataFrame(
            {
                "time": pd.to_datetime(DAY + 60 * minute, unit="s", utc=True),
                "latitude": latitude,
                "longitude": np.full(1440, 2.35),
                "speed_m_s": speed,
                "pm25": pm,
            }
        )
    )


@pytest.fixture(scope="module")
def found():
    return compute(day(), Told(offset_s=0))


def test_places_and_trips(found):
    assert [place["label"] for place in found["places"]] == ["home", "work"]
    assert [trip["mode"] for trip in found["trips"]] == ["cycle", "walk"]
    assert [(trip["origin"], trip["destination"]) for trip in found["trips"]] == [(0, 1), (1, 0)]
    np.testing.assert_allclose([trip["metres"] for trip in found["trips"]], 3336, rtol=0.12)  # a stay reaches 150 m out


def test_means_and_shares(found):
    pm = found["variables"]["pm25"]
    mean = (800 * 10 + 10 * 60 + 590 * 5 + 40 * 30) / 1440
    np.testing.assert_allclose(pm["mean"], mean, rtol=1e-12)
    assert pm["seconds"] == 86_400
    assert pm["days"] == [{"end": "2023-11-15T00:00:00Z", "mean": pytest.approx(mean), "coverage": 1.0}]
    assert len(pm["hours"]) == 24
    np.testing.assert_allclose(pm["hours"][8]["mean"], (10 * 60 + 50 * 5) / 60, rtol=1e-12)
    assert pm["by_place"][1]["mean"] == pytest.approx(5.0, abs=3)
    assert pm["by_mode"]["walk"]["mean"] == pytest.approx(30.0)
    np.testing.assert_allclose(pm["percent_of_who_guideline"], 100 * mean / 15, rtol=1e-9)  # WHO 2021: 15 µg m-3 a day


def test_a_mode_that_the_wearer_gives_counts_for_dose_and_trip():
    ride = (DAY + 480 * 60, DAY + 490 * 60)
    found, told = (compute(day(), Told(offset_s=0, modes=[(*ride, mode)])) for mode in ("cycle", "vehicle"))
    assert [trip["mode"] for trip in told["trips"]] == ["vehicle", "walk"]
    before, after = found["variables"]["pm25"], told["variables"]["pm25"]
    assert after["by_mode"]["vehicle"]["seconds"] == 600
    less = 600 / 60 * 60 * (0.027 - 0.0043)  # ten minutes of 60 µg m-3, sitting and not cycling
    np.testing.assert_allclose(before["inhaled_ug"] - after["inhaled_ug"], less, rtol=1e-9)
    assert told["surroundings"]["vehicle"]["seconds"] == 600


def test_dose_adds_up(found):
    pm = found["variables"]["pm25"]
    parts = [part["inhaled_ug"] or 0 for part in pm["by_mode"].values()]
    np.testing.assert_allclose(sum(parts), pm["inhaled_ug"], rtol=1e-12)
    asleep = 8 * 60 * 10 * 4.6e-3  # 23 to 7 at home, table 6-2 of EPA's handbook
    walked = pm["by_mode"]["walk"]["seconds"] / 60 * 30 * 1.2e-2
    cycled = pm["by_mode"]["cycle"]["inhaled_ug"]
    still = pm["by_mode"]["still"]["inhaled_ug"]
    assert pm["inhaled_ug"] == pytest.approx(still + walked + cycled)
    assert still > asleep


def test_bands_hold_all_time(found):
    assert sum(found["bands"]["plume_classic"].values()) == 86_400
    assert found["bands"]["plume_classic"]["plume_classic.high"] == 40 * 60
    assert found["bands"]["plume_classic"]["plume_classic.very_high"] == 10 * 60


def test_surroundings(found):
    told = {where: part["seconds"] for where, part in found["surroundings"].items()}
    assert told["indoors"] > 1380 * 60
    assert told["outdoors"] > 40 * 60
    assert 0.5 < found["surroundings"]["indoors"]["confidence"] <= 1


def test_what_the_wearer_says_stands():
    told = Told(offset_s=0, places=[(*WORK, "school")], spans=[(DAY, DAY + 3600, "outdoors")])
    found = compute(day(), told)
    assert [place["label"] for place in found["places"]] == ["home", "school"]
    assert found["surroundings"]["outdoors"]["seconds"] >= 3600


def test_beside_the_city():
    end = DAY + 3600 * np.arange(1, 25)
    found = compute(day(), Told(offset_s=0), City(end, {"pm25": np.full(24, 8.0)}))
    city = found["variables"]["pm25"]["city"]
    assert (city["hours"], city["city_mean"]) == (24, 8.0)
    words = [english(s) for s in sentences(found)]
    assert any("higher than the city's over the same 24 hours" in word for word in words)


def test_words_have_their_numbers(found):
    said = sentences(found)
    assert {s["key"] for s in said} <= set(ENGLISH)
    assert english(said[0]) == "You breathed 8.9 µg/m³ of PM2.5 on average, measured for 24.0 hours."


def test_streets_are_ranked_on_the_move(found):
    streets = found["streets"]["pm25"]
    assert streets["cleanest"][0]["mean"] <= streets["dirtiest"][0]["mean"]
    assert all(cell["samples"] >= 3 for cell in streets["cleanest"] + streets["dirtiest"])


def test_unknown_stays_unknown():
    samples = day()
    samples.loc[:, ["latitude", "longitude", "speed_m_s"]] = np.nan
    samples.loc[60:, "pm25"] = np.nan
    found = compute(samples)
    assert found["places"] == []
    assert found["surroundings"]["unknown"]["seconds"] == 86_400
    assert found["variables"]["pm25"]["days"][0]["mean"] is None
    assert found["variables"]["pm25"]["by_mode"]["walk"]["mean"] is None


def test_no_samples():
    with pytest.raises(InputError, match="no samples"):
        compute(day().iloc[:0])


def test_means_want_coverage():
    hour = means(np.arange(60, 2641, 60), np.full(44, 5.0), 60)
    assert np.isnan(hour.value[0])
    assert means(np.arange(60, 2701, 60), np.full(45, 5.0), 60).value.tolist() == [5.0]
    with pytest.raises(InputError, match="positive seconds"):
        means(np.zeros(1, np.int64), np.zeros(1), 0)
