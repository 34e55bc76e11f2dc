"""Weather of a fire from every format: units, clocks, and what is refused in one line."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from brise.conventions.errors import InputError, NotFoundError
from brise.conventions.observations import Batch, empty_observations, empty_stations
from brise.io.sources import fire_weather, open_meteo
from brise.io.sources.fire_weather import WeatherOptions, read_weather, weather_of_batch

DATA = Path(__file__).parents[2] / "data" / "sources"
FULL = """time,wind_speed_km_h,wind_from_deg,wind_height,temperature_c,relative_humidity_percent,rain_mm_h,\
cloud_percent,moisture_1h_percent,moisture_herb_percent,remark
2025-07-01T12:00+02:00,36,270,20ft,30,25,0,10,4,60,hot
2025-07-01T13:00+02:00,18,-10,20ft,31,,0.5,,5,60,"a, b"
"""
PLAIN = "time,wind_speed_m_s,wind_from_deg\n"


def saved(folder, text, name="weather.csv"):
    path = folder / name
    path.write_text(text)
    return path


def test_our_csv(tmp_path):
    found = read_weather(saved(tmp_path, FULL))
    assert found.time.astype(str).tolist() == ["2025-07-01T10:00:00", "2025-07-01T11:00:00"]
    assert_allclose(found.wind_speed, [10.0, 5.0])
    assert_allclose(found.wind_from, [270.0, 350.0])
    assert_allclose(found.temperature, [303.15, 304.15])
    assert_allclose(found.relative_humidity, [0.25, np.nan])
    assert_allclose(found.rain, [0.0, 0.5])
    assert_allclose(found.cloud, [0.1, np.nan])
    assert found.wind_height == "20ft"
    assert_allclose(found.moisture["moisture_1h"], [0.04, 0.05])
    assert sorted(found.moisture) == ["moisture_1h", "moisture_herb"]
    assert found.assumptions == ()


@pytest.mark.parametrize(("unit", "value"), [("m_s", 4.4704), ("km_h", 16.09344), ("mph", 10.0)])
def test_a_speed_is_read_in_the_unit_of_its_name(tmp_path, unit, value):
    text = f"datetime,wind_speed_{unit},wind_direction_deg\n2025-07-01 12:00,{value},90\n"
    found = read_weather(saved(tmp_path, text))
    assert_allclose(found.wind_speed, 4.4704, rtol=1e-12)
    assert found.wind_height == "10m"
    assert "times without a zone: taken as UTC" in found.assumptions
    assert "the height of the wind is not given: taken as 10 m above the ground" in found.assumptions


def test_a_clock_and_a_height_may_be_given(tmp_path):
    path = saved(tmp_path, PLAIN + "2025-07-01T12:00,3,90\n")
    found = read_weather(path, WeatherOptions(utc_offset_h=-6, wind_height="20ft"))
    assert str(found.time[0]) == "2025-07-01T18:00:00"
    assert found.wind_height == "20ft"
    assert found.assumptions == ("times without a zone: taken as UTC-6 h",)


CELL2FIRE = "Instance,datetime,WS,WD\nBE,23/03/25 14:00,36,189.65\nBE,23/03/25 14:00,18,198\nBE,23/03/25 14:00,9,200\n"


def test_cell2fires_rows_of_one_time_follow_each_other(tmp_path):
    found = read_weather(saved(tmp_path, CELL2FIRE))
    assert found.time.astype(str).tolist() == [f"2025-03-23T{hour}:00:00" for hour in (14, 15, 16)]
    assert_allclose(found.wind_speed, [10.0, 5.0, 2.5])
    told = " ".join(found.assumptions)
    for part in ("day first", "taken as UTC", "taken as steps of 60 minutes from it", "km/h, taken as 10 m"):
        assert part in told
    quick = read_weather(saved(tmp_path, CELL2FIRE), WeatherOptions(step_s=900))
    assert str(quick.time[2]) == "2025-03-23T14:30:00"


def test_cell2fires_full_form(tmp_path):
    text = "Scenario,datetime,APCP,TMP,RH,WS,WD,FFMC\nJCB,2001-10-16 13:00,0.2,17.7,20,22,270,90\n"
    text += "JCB,2001-10-16 14:00,0,18.7,19,24,271,90\n"
    found = read_weather(saved(tmp_path, text))
    assert_allclose(found.temperature, [290.85, 291.85])
    assert_allclose(found.relative_humidity, [0.20, 0.19])
    assert_allclose(found.rain, [0.2, 0.0])
    assert str(found.time[1]) == "2001-10-16T14:00:00"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("2025-07-01T12:00,3,90\n2025-07-01T11:00,3,90\n", r"row 2: time 2025-07-01T11:00:00 before row 1"),
        ("2025-07-01T12:00,3,90\n2025-07-01T12:00,3,90\n", r"row 2: time 2025-07-01T12:00:00 again; times must rise"),
        (
            "".join(f"2025-07-01T{h:02}:00,3,90\n" for h in (1, 2, 3, 6, 7)),
            r"row 4: a gap of 180 minutes before 2025-07-01T06:00:00, where 90 are the most",
        ),
        ("2025-07-01T12:00,nan,90\n", r"row 1 \(2025-07-01T12:00:00\): wind_speed nan is outside 0 to 110"),
        ("2025-07-01T12:00,3,\n", r"row 1: wind_from_deg is '', a number is wanted"),
        ("2025-07-01T12:00,three,90\n", r"row 1: wind_speed_m_s is 'three', a number is wanted"),
        ("2025-07-01T12:00,-9999,90\n", r"wind_speed -9999 is outside"),
        ("2025-07-01T12:00,3,90\n2025-13-01T12:00,3,90\n", r"row 2: '2025-13-01T12:00' is no time such as"),
        ("2025-07-01T12:00,3\n", r"row 1: 2 cells, the header has 3"),
        ("", r"a header and at least one row"),
    ],
)
def test_what_is_no_stream_is_refused_with_its_row(tmp_path, rows, said):
    with pytest.raises(InputError, match=rf"^weather.csv.*{said}"):
        read_weather(saved(tmp_path, PLAIN + rows))


def test_a_gap_may_be_held(tmp_path):
    path = saved(tmp_path, PLAIN + "".join(f"2025-07-01T{h:02}:00,3,90\n" for h in (1, 2, 3, 6)))
    assert len(read_weather(path, WeatherOptions(hold_gaps=True)).time) == 4
    two_days = saved(tmp_path, PLAIN + "2025-07-01T12:00,3,90\n2025-07-03T12:00,3,90\n")
    with pytest.raises(InputError, match="a gap of 2880 minutes"):
        read_weather(two_days, WeatherOptions(hold_gaps=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,wind_speed,wind_from_deg\n2025-07-01T12:00,3,90\n", "wanted are time, wind_speed_m_s"),
        ("wind_speed_m_s,wind_from_deg\n3,90\n", "columns wind_speed_m_s, wind_from_deg; wanted are time"),
        (FULL.replace("31,", "310,"), "row 2 .*temperature 583.15 is outside 200 to 340"),
        (FULL.replace(",25,", ",2500,"), "relative_humidity 25 is outside 0 to 1.05"),
        (FULL.replace("20ft,31", "2m,31"), "wind_height .*one of 10m or 20ft for all rows"),
    ],
)
def test_wrong_columns_and_units(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        read_weather(saved(tmp_path, text))


def test_files_that_are_none(tmp_path, monkeypatch):
    with pytest.raises(NotFoundError, match="no such weather file"):
        read_weather(tmp_path / "nothing.csv")
    (tmp_path / "x.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not text"):
        read_weather(tmp_path / "x.csv")
    with pytest.raises(InputError, match="wind height '2m'"):
        read_weather(saved(tmp_path, FULL), WeatherOptions(wind_height="2m"))
    monkeypatch.setattr(fire_weather, "MAX_ROWS", 1)
    with pytest.raises(InputError, match="2 rows, over the limit of 1"):
        read_weather(saved(tmp_path, FULL))
    monkeypatch.setattr(fire_weather, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="bytes, over the limit of 10"):
        read_weather(saved(tmp_path, FULL))


WXS = """RAWS_UNITS: {}
RAWS_ELEVATION: 5000
RAWS: 2
Year Mth Day Time Temp RH HrlyPcp WindSpd WindDir CloudCov
2016 7 4 2300 {} 25 {} {} 225 50
2016 7 4 2400 {} 26 0.00 {} 230 0
"""


@pytest.mark.parametrize(
    ("units", "values"), [("English", (77, 0.1, 10, 77, 10)), ("Metric", (25, 2.54, 16.09344, 25, 16.09344))]
)
def test_wxs(tmp_path, units, values):
    found = read_weather(saved(tmp_path, WXS.format(units, *values), "fire.wxs"))
    assert found.time.astype(str).tolist() == ["2016-07-04T23:00:00", "2016-07-05T00:00:00"]
    assert_allclose(found.temperature, 298.15)
    assert_allclose(found.rain, [2.54, 0.0])
    assert_allclose(found.wind_speed, 4.4704, rtol=1e-9)
    assert_allclose(found.cloud, [0.5, 0.0])
    assert found.wind_height == "20ft"
    assert "local" in found.assumptions[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WXS.format("Imperial", 1, 1, 1, 1, 1), "line 1: units 'Imperial': ENGLISH or METRIC"),
        (WXS.format("English", 77, 0, 10, 77, "x"), "line 6: .*numbers are wanted"),
        (WXS.format("English", 77, 0, 10, 77, "")[:-6] + "\n", "line 6: 7 numbers, 10 are wanted"),
        (WXS.format("English", 77, 0, 10, 77, 10).replace("2400", "2560"), "2560 is no time"),
        (WXS.format("English", 77, 0, 10, 77, "1e400"), "line 6: .*numbers are wanted"),
        ("RAWS_UNITS: English\n", "no rows of weather"),
        ("RAWS: 1\n2016 7 4 2300 77 25 0 10 225 50\n", "no line RAWS_UNITS"),
    ],
)
def test_wrong_wxs(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        read_weather(saved(tmp_path, text, "fire.wxs"))


WTR = "ENGLISH\nMonth Day Prcp H1 H2 T1 T2 RH1 RH2 Elev RT1 RT2\n7 15 10 0600 1600 50 86 65 25 5000 1200 1400\n"
WND = "ENGLISH\n7 15 0600 10 270 0\n7 15 1100 5 280 50\n7 15 1600 20 290 100\n"


def test_wtr_and_wnd(tmp_path):
    saved(tmp_path, WTR, "fire.wtr")
    path = saved(tmp_path, WND, "fire.wnd")
    start = WeatherOptions(start=datetime(2015, 7, 15, tzinfo=UTC))
    found = read_weather(path, start)
    assert str(found.time[0]) == "2015-07-15T06:00:00"
    # the lowest at 6, the highest at 16, half-way between at 11
    assert len(found.time) == 11  # every hour between the winds
    assert_allclose(found.temperature[::5], [283.15, 293.15, 303.15])
    assert_allclose(found.relative_humidity[::5], [0.65, 0.45, 0.25])
    assert_allclose(found.rain, [0] * 6 + [1.27] * 2 + [0] * 3)  # of hours that no wind row names
    assert_allclose(found.wind_speed, np.array([10] * 5 + [5] * 5 + [20]) * 0.44704)
    saved(tmp_path, WND + "7 15 1230 5 0 0\n".replace("1230", "1700"), "fire.wnd")
    saved(tmp_path, WTR.replace("1200 1400", "1600 1700"), "fire.wtr")
    assert_allclose(read_weather(tmp_path / "fire.wtr", start).rain, [0] * 10 + [2.54, 0])


@pytest.mark.parametrize(
    ("wtr", "wnd", "said"),
    [
        (WTR, WND.replace("7 15 1600", "7 16 1600"), "a wind at 2015-07-16 16:00:00, but no weather for that day"),
        (WTR.replace("0600 1600", "1600 0600"), WND, "warmest hour 600 must follow the coldest, 1600"),
        ("ENGLISH\n", WND, "no days of weather"),
        (WTR, "METRIC\n", "no winds"),
        (WTR, WND.replace("7 15 0600", "13 15 0600"), "is no time"),
    ],
)
def test_wrong_pairs(tmp_path, wtr, wnd, said):
    saved(tmp_path, wnd, "fire.wnd")
    with pytest.raises(InputError, match=said):
        read_weather(saved(tmp_path, wtr, "fire.wtr"), WeatherOptions(start=datetime(2015, 7, 15, tzinfo=UTC)))


def test_a_pair_wants_both_and_a_year(tmp_path):
    path = saved(tmp_path, WTR, "fire.wtr")
    with pytest.raises(NotFoundError, match=r"fire.wtr wants fire.wnd beside it"):
        read_weather(path)
    saved(tmp_path, WND, "fire.wnd")
    with pytest.raises(InputError, match="names no year"):
        read_weather(path)


def test_a_forecast_of_ours():
    payload = (DATA / "open_meteo_weather.json").read_bytes()
    batch = open_meteo.decode(payload, datetime(2024, 5, 1, 12, 20, tzinfo=UTC))
    found = weather_of_batch(batch, 54.1, 10.2)
    assert len(found.time) == 6
    assert found.wind_height == "10m"
    assert_allclose(found.wind_speed, [3, 3, 4, 4, 5, 5])
    assert np.isfinite(found.temperature).all()
    assert found.assumptions[0].startswith("weather of open_meteo:54.1")
    with pytest.raises(InputError, match="the batch holds no weather"):
        weather_of_batch(Batch(empty_stations(), empty_observations(), 0), 54.1, 10.2)
    calm = batch.observations[batch.observations["variable"].astype(str) != "wind_speed"]
    with pytest.raises(InputError, match="has no wind, only"):
        weather_of_batch(Batch(batch.stations, calm, len(calm)), 54.1, 10.2)


def test_real_belgian_weather(shared_data):
    path = shared_data / "fire" / "belgium_2025" / "Case2_Houffalize" / "Weather.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    found = read_weather(path)
    assert str(found.time[0]) == "2025-04-12T14:00:00"
    assert len(found.time) == 14
    assert_allclose(found.wind_speed[0], 17.66 / 3.6)
