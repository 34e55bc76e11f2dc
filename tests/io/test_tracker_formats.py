"""Each maker's way of writing, through the door that the command uses."""

import numpy as np
import pandas as pd
import pytest

from brise.conventions.errors import InputError
from brise.conventions.trackers import ReadReport
from brise.io.sources.tracker_registry import DIALECTS
from brise.io.tracker_import import gather, samples_of
from brise.io.tracker_reading import Options


def read(tmp_path, *files, **options):
    paths = []
    for name, text in files:
        path = tmp_path / name
        path.write_text(text)
        paths.append(path)
    gathered = gather(paths, Options(**options), tmp_path / "aside")
    frames = {d: pd.concat(list(samples_of(gathered, d, ReadReport()))) for d in gathered.devices}
    return frames, gathered.report


def test_the_last_dialect_is_the_one_that_asks_least():
    assert list(DIALECTS)[-1] == "table"
    assert all(name == dialect.name for name, dialect in DIALECTS.items())


AIRCASTING_WIDE = """,,,,,Sensor_Package_Name,Sensor_Package_Name,Sensor_Package_Name,Sensor_Package_Name
,,,,,AirBeam2:0018,AirBeam2:0018,AirBeam2:0018,AirBeam2:0018
,,,,,Sensor_Name,Sensor_Name,Sensor_Name,Sensor_Name
,,,,,AirBeam2-F,AirBeam2-PM1,AirBeam2-PM2.5,AirBeam2-RH
,,,,,Measurement_Type,Measurement_Type,Measurement_Type,Measurement_Type
,,,,,Temperature,Particulate Matter,Particulate Matter,Humidity
,,,,,Measurement_Units,Measurement_Units,Measurement_Units,Measurement_Units
,,,,,degrees Fahrenheit,micrograms per cubic meter,micrograms per cubic meter,percent
ObjectID,Session_Name,Timestamp,Latitude,Longitude,1:Measurement_Value,2:Measurement_Value,3:Measurement_Value,4:Measurement_Value
7,Walk,2023-05-01T10:00:01.000,40.7,-73.9,77,3,5,40
7,Walk,2023-05-01T10:00:02.000,40.7,-73.9,77,,6,41
"""


def test_aircasting_side_by_side(tmp_path):
    frames, report = read(tmp_path, ("session.csv", AIRCASTING_WIDE), zone="America/New_York")
    frame = frames[""]
    assert report.reader == "aircasting"
    assert frame["pm25"].tolist() == [5.0, 6.0]
    np.testing.assert_allclose(frame["temperature"], 298.15, rtol=1e-12)  # 77 °F, float64 algebra
    np.testing.assert_allclose(frame["relative_humidity"], [0.40, 0.41], rtol=1e-12)
    assert frame["time"].iloc[0] == pd.Timestamp("2023-05-01T14:00:01Z")
    assert "times of 'Timestamp' state no zone: taken as America/New_York" in report.notes


AIRCASTING_STREAMS = """sensor:model,sensor:package,sensor:capability,sensor:units
AirBeam3-PM2.5,AirBeam3:24,Particulate Matter,microgram per cubic meter
Timestamp,geo:lat,geo:long,Value
2023-05-01T10:00:01,40.7,-73.9,5
2023-05-01T10:00:02,40.7,-73.9,6
sensor:model,sensor:package,sensor:capability,sensor:units
AirBeam3-RH,AirBeam3:24,Humidity,percent
Timestamp,geo:lat,geo:long,Value
2023-05-01T10:00:01,40.7,-73.9,50
sensor:model,sensor:package,sensor:capability,sensor:units
Phone Microphone,Builtin,Sound Level,decibels
Timestamp,geo:lat,geo:long,Value
2023-05-01T10:00:01,40.7,-73.9,60
"""


def test_aircasting_one_below_the_other(tmp_path):
    frames, report = read(tmp_path, ("session.csv", AIRCASTING_STREAMS))
    frame = frames[""]
    assert frame["pm25"].tolist() == [5.0, 6.0]
    np.testing.assert_allclose(frame["relative_humidity"], [0.5, np.nan], rtol=1e-12)
    assert report.unknown_columns == ["session.csv: Phone Microphone (decibels) (not a known quantity)"]
    assert report.read == 3


@pytest.mark.parametrize(
    "header",
    [
        "Date (GMT),VOC (ppm),AQS,Temperature (°C),Humidity (%),Pressure (mbar),PM1 (ug/m³),PM2.5 (ug/m³),PM10 (ug/m³)",
        'Date,"VOC, ppm",AQS,"Temperature, °C","Humidity, %","Pressure, mbar","PM1 ug/m³","PM2.5 ug/m³","PM10 (ug/m³)"',
        "Date (GMT),VOC,AQS,Temperature,Humidity,Pressure,PM1,PM2.5,PM10",
    ],
)
def test_atmotube(tmp_path, header):
    row = "2023-05-01 10:00:00,0.25,80,21.5,45,1013.2,2,3,4,48.85,2.35"
    frames, report = read(tmp_path, ("atmotube.csv", f"{header},Latitude,Longitude\n{row}\n"))
    frame = frames[""]
    assert report.reader == "atmotube"
    assert report.unknown_columns == []
    np.testing.assert_allclose(
        frame[["voc", "temperature", "relative_humidity", "pressure", "pm25"]].iloc[0],
        [250, 294.65, 0.45, 101320, 3],
        rtol=1e-12,  # float64 algebra
    )
    assert ("'VOC' states no unit: taken as ppm, as Atmotube export has it" in report.notes) == (
        "VOC," in header and "ppm" not in header
    )


def test_purpleair_card(tmp_path):
    header = (
        "UTCDateTime,mac_address,firmware_ver,hardware,current_temp_f,current_humidity,current_dewpoint_f,pressure,"
        "adc,mem,rssi,uptime,pm1_0_cf_1,pm2_5_cf_1,pm10_0_cf_1,pm1_0_atm,pm2_5_atm,pm10_0_atm,pm2.5_aqi_cf_1,"
        "p_0_3_um,pm1_0_cf_1_b,pm2_5_cf_1_b,pm10_0_cf_1_b,gas"
    )
    rows = [
        "2020/08/01T00:00:51z,84:f3,6.0,2.0,77,40,50,1010,0,1,-60,3,4,10,12,4,10,12,40,900,4,12,14,nan",
        "2020/08/01T00:02:51z,84:f3,6.0,2.0,77,40,50,1010,0,1,-60,3,4,10,12,4,10,12,40,900,4,90,14,nan",
    ]
    frames, report = read(tmp_path, ("20200801.csv", "\n".join([header, *rows]) + "\n"))
    frame = frames["84:f3"]
    assert report.unknown_columns == []
    assert frame["pm25"].tolist() == [11.0, 50.0]
    assert ((frame["flags"] & 128) != 0).tolist() == [False, True]
    assert frame["time"].iloc[0] == pd.Timestamp("2020-08-01T00:00:51Z")
    np.testing.assert_allclose(frame["temperature"], 298.15, rtol=1e-12)


def test_airgradient_dashboard(tmp_path):
    header = (
        "Location ID,Location Name,Sensor ID,Local Date/Time,UTC Date/Time,# of aggregated records,"
        "PM2.5 (μg/m³) raw,PM2.5 (μg/m³) corrected,0.3μm particle count,CO2 (ppm) raw,CO2 (ppm) corrected,"
        "Temperature (°C) raw,Humidity (%) raw,TVOC (ppb),NOX index"
    )
    row = "1,=Home,abc,2023-05-01 12:00:00,2023-05-01T10:00:00Z,5,8,6,400,600,610,20,50,120,1"
    frames, report = read(tmp_path, ("export.csv", f"{header}\n{row}\n"))
    frame = frames["abc"]
    assert report.unknown_columns == []
    assert frame["time"].iloc[0] == pd.Timestamp("2023-05-01T10:00:00Z")
    assert frame[["pm25", "reported_pm25_corrected", "co2", "voc"]].iloc[0].tolist() == [8, 6, 600, 120]


def test_airgradient_local_log(tmp_path):
    text = "timestamp,serialno,pm01,pm02,pm10,pm02Compensated,rco2,atmp,rhum,tvocIndex,boot\n"
    text += "1700000000,84fc,2,8,9,6,600,20,50,100,3\n"
    frames, report = read(tmp_path, ("log.csv", text))
    assert frames["84fc"][["pm1", "pm25", "pm10", "co2"]].iloc[0].tolist() == [2, 8, 9, 600]
    assert report.unknown_columns == []


def test_sensor_community_archive_of_two_sensors_of_a_station(tmp_path):
    dust = (
        "sensor_id;sensor_type;location;lat;lon;timestamp;P1;durP1;ratioP1;P2;durP2;ratioP2\n"
        "12;SDS011;99;48.8;9.1;2023-05-01T10:00:00;12.5;;;7.5;;\n"
    )
    weather = (
        "sensor_id;sensor_type;location;lat;lon;timestamp;pressure;altitude;pressure_sealevel;temperature;humidity\n"
        "13;BME280;99;48.8;9.1;2023-05-01T10:00:00;98000;;;20;60\n"
    )
    frames, report = read(tmp_path, ("a.csv", dust), ("b.csv", weather))
    frame = frames["99"]
    assert len(frame) == 1
    np.testing.assert_allclose(
        frame[["pm10", "pm25", "pressure", "temperature", "relative_humidity"]].iloc[0],
        [12.5, 7.5, 98000, 293.15, 0.6],
        rtol=1e-12,
    )
    assert report.unknown_columns == []


def test_sensor_community_own_file(tmp_path):
    text = "Time;durP1;ratioP1;P1;durP2;ratioP2;P2;SDS_P1;SDS_P2;Temp;Humidity;BMP_temperature;BMP_pressure;Samples\n"
    text += "2023/05/01 10:00:00;;;;;;;12.5;7.5;20;60;;;900\n"
    frames, report = read(tmp_path, ("data.csv", text))
    assert frames[""]["pm10"].tolist() == [12.5]
    assert report.reader == "sensor_community"


GPX = """<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1" xmlns:gpxtpx="http://x/v2"><trk><trkseg>
<trkpt lat="48.85" lon="2.35"><ele>35.5</ele><time>2023-11-14T22:13:20Z</time>
<extensions><gpxtpx:TrackPointExtension><gpxtpx:speed>1.5</gpxtpx:speed></gpxtpx:TrackPointExtension></extensions></trkpt>
<trkpt lat="48.86" lon="2.35"><time>2023-11-14T22:15:20Z</time></trkpt>
<trkpt lat="0" lon="0"><time>2023-11-14T22:16:20Z</time></trkpt>
<trkpt lat="48.87" lon="2.35"></trkpt>
</trkseg></trk></gpx>"""
MEASURES = "timestamp,NO2 (ppb)\n" + "".join(f"{1_700_000_000 + 60 * i},10\n" for i in range(3))


def test_gpx_gives_places(tmp_path):
    frames, report = read(tmp_path, ("m.csv", MEASURES), ("track.gpx", GPX))
    frame = frames[""]
    np.testing.assert_allclose(frame["latitude"], [48.85, 48.85, 48.86], rtol=1e-9)
    assert frame["speed_m_s"].iloc[0] == 1.5
    assert frame["altitude_m"].iloc[0] == 35.5
    assert report.fixes == 2
    assert report.refused_fixes == 1
    assert "track.gpx: 1 points without a usable time left out" in report.notes


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('<!DOCTYPE gpx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><gpx>&b;</gpx>', "declares a document type"),
        ("<gpx><trk>", "not a readable GPX track"),
        ("<kml></kml>", "its root is <kml>"),
        ("<gpx>" + "<a>" * 60, "nested more than 50 deep"),
        ("<gpx><trkpt lat='1' lon='1'><ele>" + "9" * 2000, "longer than 1000 characters"),
    ],
)
def test_gpx_that_is_refused(tmp_path, text, why):
    with pytest.raises(InputError, match=why):
        read(tmp_path, ("track.gpx", text))


def test_any_table_that_states_its_units(tmp_path):
    text = "time,lat,lon,pm25_ugm3,temperature [K],speed (km/h),accuracy (m)\n"
    text += "2023-05-01T10:00:00+02:00,48.8,2.3,4,290,36,12\n"
    frames, report = read(tmp_path, ("any.csv", text))
    frame = frames[""]
    assert frame["time"].iloc[0] == pd.Timestamp("2023-05-01T08:00Z")
    assert frame[["pm25", "temperature", "speed_m_s", "accuracy_m"]].iloc[0].tolist() == [4, 290, 10, 12]
    assert report.notes == []
