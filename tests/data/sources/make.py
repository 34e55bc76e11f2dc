"""Payloads of every source, made up: shapes as providers send them, values, names and places of our own.

Run `python tests/data/sources/make.py` to write them again; the same seed writes the same bytes.
"""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
RECEIVED_AT = NOON + timedelta(minutes=20)
RNG = np.random.default_rng(20240501)


def iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def write(name: str, body: bytes | str | object) -> None:
    if not isinstance(body, (bytes, str)):
        body = json.dumps(body, ensure_ascii=False, indent=1)
    (HERE / name).write_bytes(body if isinstance(body, bytes) else body.encode())


def stream_record(**changes: object) -> dict[str, object]:
    record: dict[str, object] = {
        "date": {"utc": "2024-05-01T12:00:00.000Z", "local": "2024-05-01T14:00:00+02:00"},
        "parameter": "no2",
        "location": "Old Harbour",
        "value": 0.02,
        "unit": "ppm",
        "city": "Testport",
        "attribution": [{"name": "Testland Air", "url": "http://air.example"}],
        "averagingPeriod": {"value": 1, "unit": "hours"},
        "coordinates": {"latitude": 54.1, "longitude": 10.2},
        "country": "TL",
        "sourceName": "Testland",
        "sourceType": "government",
        "mobile": False,
    }
    return record | changes


def openaq_stream() -> None:
    hour = [stream_record(value=round(0.01 + 0.001 * i, 3), location=f"Site {i}",
                          coordinates={"latitude": 54 + i / 10, "longitude": 10.0}) for i in range(12)]  # fmt: skip
    nowhere = stream_record(location="Nowhere")
    del nowhere["coordinates"]
    unstated = stream_record(location="Unstated", parameter="pm25", unit="µg/m³", value=7.5)
    del unstated["averagingPeriod"]
    dirty = [
        stream_record(),
        stream_record(),  # the same again: duplicate
        stream_record(value=-999),  # sentinel
        stream_record(date={"utc": "2024-05-01T13:00:00.000Z"}),  # later than received
        stream_record(date={"utc": "2023-11-05T12:00:00.000Z"}),  # day and month swapped
        stream_record(date={"utc": "yesterday"}),
        stream_record(parameter="um003", unit="particles/cm³"),
        stream_record(unit="furlongs"),
        stream_record(value=None),
        stream_record(value=99, parameter="o3"),  # 99 ppm of ozone
        nowhere,
        unstated,
        stream_record(location="Null Island", coordinates={"latitude": 0, "longitude": 0}),
        stream_record(location="Quarter", parameter="pm10", unit="µg/m³", value=-3,
                      averagingPeriod={"value": 0.25, "unit": "hours"}, sourceType="research"),  # noise below zero
    ]  # fmt: skip
    # A list joined wrongly: two names, two places, every combination, at one time.
    dirty += [stream_record(location=name, coordinates={"latitude": latitude, "longitude": 9.0})
              for name in ("North", "South") for latitude in (50.0, 51.0)]  # fmt: skip
    lines = [json.dumps(r, ensure_ascii=False, separators=(",", ":")) for r in hour + dirty]
    write("openaq_1714566000.ndjson.gz", gzip.compress("\n".join(lines).encode(), 9, mtime=0))


def openaq_api() -> None:
    def pair(moment: datetime) -> dict[str, str]:
        return {"utc": iso(moment), "local": (moment + timedelta(hours=2)).isoformat()[:-6] + "+02:00"}

    parameter = {"id": 2, "name": "pm25", "units": "µg/m³", "displayName": "PM2.5"}
    gas = {"id": 10, "name": "o3", "units": "ppm", "displayName": "O₃"}
    location = {
        "id": 77, "name": "Lighthouse", "timezone": "Europe/Berlin", "isMobile": False, "isMonitor": True,
        "country": {"id": 1, "code": "TL", "name": "Testland"}, "owner": {"id": 1, "name": "Port Authority"},
        "provider": {"id": 1, "name": "Testland Air"}, "coordinates": {"latitude": 54.2, "longitude": 10.3},
        "sensors": [{"id": 701, "name": "pm25", "parameter": parameter}, {"id": 702, "name": "o3", "parameter": gas}],
        "datetimeLast": pair(NOON),
    }  # fmt: skip
    meta = {"name": "openaq-api", "website": "/", "page": 1, "limit": 1000, "found": 1}
    write("openaq_locations.json", {"meta": meta, "results": [location]})
    latest = [
        {"datetime": pair(NOON), "value": value, "coordinates": location["coordinates"], "sensorsId": sensor,
         "locationsId": 77} for sensor, value in ((701, 9.5), (702, 0.04))
    ]  # fmt: skip
    write("openaq_latest.json", {"meta": meta | {"found": 2}, "results": latest})
    hours = [
        {"value": 8.0 + i, "parameter": parameter, "coordinates": None,
         "period": {"label": "1hour", "interval": "01:00:00", "datetimeFrom": pair(NOON - timedelta(hours=3 - i)),
                    "datetimeTo": pair(NOON - timedelta(hours=2 - i))},
         "coverage": {"expectedCount": 4, "observedCount": 3, "percentComplete": 75.0, "percentCoverage": 75.0}}
        for i in range(3)
    ]  # fmt: skip
    write("openaq_hours.json", {"meta": meta | {"found": 3}, "results": hours})
    sensors = [{"id": 701, "name": "pm25 µg/m³", "parameter": parameter,
                "latest": {"datetime": pair(NOON), "value": 9.5, "coordinates": location["coordinates"]}}]  # fmt: skip
    write("openaq_sensors.json", {"meta": meta, "results": sensors})


def openaq_csv() -> None:
    head = ("location_id,location_name,parameter,value,unit,datetimeUtc,datetimeLocal,timezone,latitude,longitude,"
            "country_iso,isMobile,isMonitor,owner_name,provider")  # fmt: skip
    rows = [f"77,Lighthouse,o3,{0.03 + i / 1000:.3f},ppm,{iso(NOON - timedelta(hours=i))},,Europe/Berlin,54.2,10.3,,,,"
            "Port Authority,AirNow" for i in range(4)]  # fmt: skip
    rows.append(f"78,Mole,pm25,{12.25},µg/m³,{iso(NOON)},,Europe/Berlin,54.3,10.4,,,,someone,Clarity")
    write("openaq_page.csv", "\n".join([head, *rows]) + "\n")
    head = '"location_id","sensors_id","location","datetime","lat","lon","parameter","units","value"'
    rows = [f'"77","701","Lighthouse-77","2024-05-01T{12 - i:02d}:00:00+02:00","54.2","10.3","pm25","µg/m³","{8 + i}.0"'
            for i in range(3)]  # fmt: skip
    write("openaq_archive.csv.gz", gzip.compress("\n".join([head, *rows, ""]).encode(), 9, mtime=0))


def sensor_community() -> None:
    def entry(number: int, values: dict[str, str], indoor: int = 0) -> dict[str, object]:
        return {
            "id": 9000 + number, "sampling_rate": None, "timestamp": "2024-05-01 12:18:30",
            "location": {"id": 40 + number, "latitude": f"48.{number}", "longitude": "9.1", "altitude": "245.0",
                         "country": "DE", "exact_location": 0, "indoor": indoor},
            "sensor": {"id": 300 + number, "pin": "1",
                       "sensor_type": {"id": 14, "name": "SDS011", "manufacturer": "Nova Fitness"}},
            "sensordatavalues": [{"id": i, "value": v, "value_type": k} for i, (k, v) in enumerate(values.items())],
        }  # fmt: skip

    write("sensor_community_live.json", [
        entry(1, {"P1": "11.30", "P2": "6.10"}),
        entry(2, {"temperature": "14.2", "humidity": "61.0", "pressure": "98600.0", "pressure_sealevel": "101500"}),
        entry(3, {"P1": "1999.90", "P2": "nan"}),
        entry(4, {"P2": "4.0"}, indoor=1),
    ])  # fmt: skip
    head = "sensor_id;sensor_type;location;lat;lon;timestamp;P1;durP1;ratioP1;P2;durP2;ratioP2"
    rows = [f"301;SDS011;41;48.100;9.100;2024-05-01T11:{m:02d}:07;{10 + m / 10:.2f};;;{5 + m / 10:.2f};;"
            for m in range(0, 30, 2)]  # fmt: skip
    write("sensor_community_archive.csv", "\n".join([head, *rows]) + "\n")
    columns = ["time", "dht22_humidity", "dht22_temperature", "sds011_p1", "sds011_p2", "geohash"]
    moment = int(NOON.timestamp() * 1000)
    values = [[moment, None, None, 9.1, 3.2, "u0wt6"], [moment + 1000, 70.5, 12.25, None, None, "u0wt6"]]
    series = [{"name": "feinstaub", "columns": columns, "values": values}]
    write("sensor_community_series.json", {"results": [{"statement_id": 0, "series": series}]})


def airnow() -> None:
    def area(parameter: str, aqi: int) -> dict[str, object]:
        return {"DateObserved": "2024-05-01", "HourObserved": 3, "LocalTimeZone": "PST", "ReportingArea": "Test Valley",
                "StateCode": "CA", "Latitude": 36.1, "Longitude": -119.2, "ParameterName": parameter, "AQI": aqi,
                "Category": {"Number": 1, "Name": "Good"}}  # fmt: skip

    write("airnow_area.json", [area("O3", 31), area("PM2.5", 44), area("PM10", 12)])
    write("airnow_monitors.json", [
        {"Latitude": 36.1, "Longitude": -119.2, "UTC": "2024-05-01T11:00", "Parameter": "PM2.5", "Unit": "UG/M3",
         "Value": 10.4, "SiteName": "Orchard", "AgencyName": "Test District", "FullAQSCode": "060000001"},
        {"Latitude": 36.1, "Longitude": -119.2, "UTC": "2024-05-01T11:00", "Parameter": "OZONE", "Unit": "PPB",
         "Value": 38.0, "SiteName": "Orchard", "AgencyName": "Test District", "FullAQSCode": "060000001"},
        {"Latitude": 36.1, "Longitude": -119.2, "UTC": "2024-05-01T11:00", "Parameter": "CO", "Unit": "PPM",
         "Value": -999.0, "SiteName": "Orchard", "AgencyName": "Test District", "FullAQSCode": "060000001"},
    ])  # fmt: skip
    head = ('"AQSID","SiteName","Status","EPARegion","Latitude","Longitude","Elevation","GMTOffset","CountryCode",'
            '"StateName","ValidDate","ValidTime","DataSource","PM25_Measured","PM25","PM25_Unit","OZONE",'
            '"OZONE_Unit"')  # fmt: skip
    rows = [('"060000001","Orchard","Active","R9","36.1","-119.2","90.0","-8","US","CA","05/01/24","11:00",'
            '"Test District","1","10.4","UG/M3","38","PPB"'),
            ('"060000002","Quarry","Active","R9","36.4","-119.5","150.0","-8","US","CA","05/01/2024","11:00",'
            '"Test District","1","7.0","UG/M3","",""')]  # fmt: skip
    write("airnow_hourly.csv", "\n".join([head, *rows]) + "\n")


def purpleair() -> None:
    fields = ["sensor_index", "name", "latitude", "longitude", "altitude", "location_type", "last_seen", "humidity",
              "pressure", "pm2.5_cf_1", "pm2.5_cf_1_a", "pm2.5_cf_1_b"]  # fmt: skip
    seen = int(NOON.timestamp()) + 600
    data = [
        [901, "Porch", 37.9, -122.0, 100, 0, seen, 50, 1001.2, 20.0, 19.0, 21.0],
        [902, "Roof", 37.8, -122.1, None, 0, seen, 45, 1000.9, 45.0, 10.0, 80.0],  # counters disagree
        [903, "Kitchen", 37.7, -122.2, 10, 1, seen, 40, 1002.0, 9.0, 9.0, 9.0],  # indoor
        [904, "Shed", 37.6, -122.3, 10, 0, seen, None, None, 9.0, 9.0, 9.0],  # no humidity: cannot be corrected
        [905, "Lost", None, None, None, 0, seen, 40, 1002.0, 9.0, 9.0, 9.0],
    ]
    head = {"api_version": "V1.0.0", "time_stamp": seen + 60, "data_time_stamp": seen + 5}
    write("purpleair_sensors.json", head | {"fields": fields, "data": data})
    write("purpleair_sensor.json", head | {"sensor": dict(zip(fields, data[0], strict=True))})
    write("purpleair_error.json", {"api_version": "V1.0.0", "time_stamp": seen, "error": "ApiKeyInvalidError",
                                   "description": "The key was not valid."})  # fmt: skip


def waqi() -> None:
    feed = {"aqi": 57, "idx": 4321, "attributions": [{"url": "http://air.example", "name": "Testland Air"}],
            "city": {"geo": [54.1, 10.2], "name": "Old Harbour", "url": "", "location": ""}, "dominentpol": "pm25",
            "iaqi": {"pm25": {"v": 57}, "no2": {"v": 8.2}, "h": {"v": 60}},
            "time": {"s": "2024-05-01 14:00:00", "tz": "+02:00", "v": 1714572000,
                     "iso": "2024-05-01T14:00:00+02:00"}}  # fmt: skip
    write("waqi_feed.json", {"status": "ok", "data": feed})
    near = {"name": "Old Harbour", "time": "2024-05-01T14:00:00+02:00"}
    write("waqi_bounds.json", {"status": "ok", "data": [
        {"lat": 54.1, "lon": 10.2, "uid": 4321, "aqi": "57", "station": near},
        {"lat": 54.2, "lon": 10.3, "uid": 4322, "aqi": "-", "station": near},
    ]})  # fmt: skip
    write("waqi_error.json", {"status": "error", "data": "Invalid key"})


def airgradient() -> None:
    cloud = [{"locationId": 5001, "locationName": "Balcony", "pm01": 3.0, "pm02": 7.5 + i, "pm10": 8.0,
              "pm02_corrected": 6.0 + i, "atmp": 18.5, "rhum": 51.0, "rco2": 450.0, "tvoc": 110.0, "latitude": 51.5,
              "longitude": -0.1, "timestamp": iso(NOON + timedelta(minutes=5 * i)), "serialno": "abc",
              "model": "O-1PST", "datapoints": 5} for i in range(3)]  # fmt: skip
    write("airgradient_cloud.json", cloud)
    write("airgradient_local.json", {"wifi": -50, "serialno": "abc123", "rco2": 430, "pm01": 2, "pm02": 5, "pm10": 6,
                                     "pm02Compensated": 4, "pm003Count": 300, "atmp": 21.5, "atmpCompensated": 20.0,
                                     "rhum": 40, "rhumCompensated": 48, "tvocIndex": 90, "boot": 3})  # fmt: skip
    head = ('"Location ID","Location Name","Location Type","UTC Date/Time","PM2.5 (μg/m³) raw","CO2 (ppm) raw",'
            '"Temperature (°C) raw","Humidity (%) raw","measure0","measure1","measure2","measure3"')  # fmt: skip
    rows = [f'5001,"Balcony","Outdoor","2024-05-01T11:{m:02d}:26.000Z",7.5,440,18,54.8,,,,' for m in range(3)]
    rows.append('5002,"Bedroom","Indoor","2024-05-01T11:00:26.000Z",7.5,900,22,40,,,,')
    write("airgradient_export.csv", "\n".join([head, *rows]))


def open_meteo() -> None:
    times = [int((NOON + timedelta(hours=h)).timestamp()) for h in range(6)]

    def cell(latitude: float, hourly: dict[str, list[float | None]], units: dict[str, str]) -> dict[str, object]:
        return {"latitude": latitude, "longitude": 10.25, "elevation": 12.0, "utc_offset_seconds": 0, "timezone": "GMT",
                "hourly_units": {"time": "unixtime"} | units, "hourly": {"time": times} | hourly}  # fmt: skip

    air: dict[str, list[float | None]] = {"pm2_5": [8, 8.5, 9, 9.5, 10, None], "ozone": [61, 62, 63, 64, 65, 66]}
    units = {"pm2_5": "μg/m³", "ozone": "μg/m³"}
    write("open_meteo_air.json", [cell(54.1, air, units), cell(54.2, air, units)])
    weather: dict[str, list[float | None]] = {
        "temperature_2m": [11, 11.5, 12, 12.5, 13, 13.5], "wind_speed_10m": [3, 3, 4, 4, 5, 5],
        "wind_direction_10m": [270, 280, 290, 300, 310, 360], "surface_pressure": [1011.5] * 6,
        "relative_humidity_2m": [55] * 6, "precipitation": [0, 0, 0.2, 0, 0, 0]}  # fmt: skip
    units = {"temperature_2m": "°C", "wind_speed_10m": "m/s", "wind_direction_10m": "°", "surface_pressure": "hPa",
             "relative_humidity_2m": "%", "precipitation": "mm"}  # fmt: skip
    write("open_meteo_weather.json", cell(54.1, weather, units))
    write("open_meteo_error.json", {"error": True, "reason": "Minutely API request limit exceeded."})


def archive() -> None:
    hours = [NOON - timedelta(hours=6 - h) for h in range(6)]
    n = len(hours)
    stations = [("A1", 54.1, 10.2, 0.0), ("B2", 19.4, -99.1, 2240.0)]
    pm25 = np.round(RNG.gamma(3, 4, 2 * n), 1).astype(np.float32)
    pm25[1] = np.nan
    columns = {
        "station_id": [s[0] for s in stations for _ in hours],
        "lat": [s[1] for s in stations for _ in hours],
        "lon": [s[2] for s in stations for _ in hours],
        "altitude_m": [s[3] for s in stations for _ in hours],
        "time_utc": pa.array(hours * 2, pa.timestamp("us", "UTC")),
        "pm25_ugm3": pm25,
        "o3_ppb": np.full(2 * n, 40.0, np.float32),
        "co_ppm": np.full(2 * n, 0.5, np.float32),
        "temp_c": np.full(2 * n, 16.3, np.float32),
        "rh_pct": np.full(2 * n, 55.0, np.float32),
        "temp_c_era5": np.full(2 * n, 15.0, np.float32),
        "uva_mwcm2": np.full(2 * n, 1.0, np.float32),
    }
    pq.write_table(pa.table(columns), HERE / "archive_wide.parquet")
    long = {
        "location_id": [77] * n + [78] * n,
        "location_name": ["Lighthouse"] * n + ["Mole"] * n,
        "provider": ["AirNow"] * n + ["Clarity"] * n,
        "latitude": [54.2] * n + [54.3] * n,
        "longitude": [10.3] * n + [10.4] * n,
        "parameter": ["no2"] * n + ["um003"] * n,
        "unit": ["ppm"] * n + ["particles/cm³"] * n,
        "value": [0.01] * n + [900.0] * n,
        "time_utc": pa.array(hours * 2, pa.timestamp("us", "UTC")),
    }
    pq.write_table(pa.table(long), HERE / "archive_long.parquet")


if __name__ == "__main__":
    for make in (openaq_stream, openaq_api, openaq_csv, sensor_community, airnow, purpleair, waqi, airgradient,
                 open_meteo, archive):  # fmt: skip
        make()
