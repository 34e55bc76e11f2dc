"""Trackers' files through the door that the command uses: every header, every guard, every line accounted for."""

import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brise.conventions.errors import InputError
from brise.conventions.trackers import ReadReport
from brise.formulas.tracker_cleaning import doubts
from brise.io import tracker_files, tracker_spool
from brise.io.sources.tracker_mapping import read_mapping
from brise.io.tracker_import import gather, samples_of
from brise.io.tracker_reading import Options

START = 1_700_000_000  # 2023-11-14 22:13:20 UTC


def write(tmp_path, name, text, encoding="utf-8"):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def read(tmp_path, *paths, **options):
    """(device -> samples, report of the files, reports of the devices)."""
    folder = tmp_path / "aside"
    folder.mkdir()
    gathered = gather(paths, Options(**options), folder)
    frames, reports = {}, []
    for device in gathered.devices:
        report = ReadReport()
        parts = list(samples_of(gathered, device, report))
        frames[device] = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
        reports.append(report)
    kept = sum(r.kept + r.merged for r in reports) + gathered.report.merged
    refused = sum(gathered.report.rejected.values()) + sum(sum(r.rejected.values()) for r in reports)
    assert gathered.report.read == kept + refused
    return frames, gathered.report, reports


def one(tmp_path, *paths, **options):
    frames, report, reports = read(tmp_path, *paths, **options)
    assert len(frames) == 1
    return next(iter(frames.values())), report, reports[0]


def stamp(minute):
    return pd.Timestamp(START + 60 * minute, unit="s").strftime("%Y-%m-%d %H:%M:%S")


VALUES = {"no2": (44, 10), "voc": (146, 150), "pm1": (2.0, 2.5), "pm25": (3.5, 4.25), "pm10": (15.5, 16.0)}
AQI = {"no2": (51, 9), "voc": (12, 12), "pm1": (5, 6), "pm25": (7, 9), "pm10": (16, 16)}
FLOW_HEADERS = {
    "2023": 'timestamp,"date (UTC)","NO2 (ppb)","NO2 (Plume AQI)","VOC (ppb)","VOC (Plume AQI)","pm 1 (ug/m3)",'
    '"pm 1 (Plume AQI)","pm 10 (ug/m3)","pm 10 (Plume AQI)","pm25 (ug/m3)","pm 25 (Plume AQI)"',
    "values first": "timestamp,date (UTC),NO2 (ppb),VOC (ppb),pm 10 (ug/m3),pm25 (ug/m3),NO2 (Plume AQI),"
    "VOC (Plume AQI),pm 10 (Plume AQI),pm 25 (Plume AQI)",
    "date only": "date,NO2 (ppb),VOC (ppb),pm 10 (ug/m3),pm 2.5 (ug/m3),pm 2.5 (Plume AQI)",
    "one index": "timestamp,date,NO2 (ppb),VOC (ppb),pm 10 (ug/m3),pm 2.5 (ug/m3),Plume AQI",
    "strange order": "pm 2.5 (Plume AQI),VOC (ppb),PM10 (µg/m³),longitude,date (UTC),latitude,pm 2.5 (µg/m³),NO2 (ppb)",
    "spelled otherwise": "Timestamp, PM 2.5 [ug/m3] ,NO2 (PPB),voc (ppb),Pm 1 (UG/M3),PM2.5 (plume aqi)",
    "reversed": "VOC (Plume AQI),VOC (ppb),pm 25 (Plume AQI),pm25 (ug/m3),date (UTC),timestamp",
}


def flow_table(header):
    """Two rows that fit a header, and what must come of them."""
    import csv

    from brise.io.sources.tracker_names import bare, name_of, plain, split_label

    labels = next(csv.reader([header]))
    rows = []
    for i in range(2):
        row = []
        for label in labels:
            name, _, _ = split_label(label)
            ours = name_of(name)
            if bare(name) == "timestamp":
                row.append(str(START + 60 * i))
            elif bare(name) == "date":
                row.append(stamp(i))
            elif ours in ("latitude", "longitude"):
                row.append({"latitude": "48.85", "longitude": "2.35"}[ours])
            elif "plume" in plain(label):
                row.append(str(AQI[ours][i] if ours else 51))
            else:
                row.append(str(VALUES[ours][i]))
        rows.append(",".join(row))
    return "\n".join([header, *rows]) + "\n", {name_of(split_label(x)[0]) for x in labels} & set(VALUES)


@pytest.mark.parametrize("header", FLOW_HEADERS.values(), ids=FLOW_HEADERS)
def test_every_flow_header(tmp_path, header):
    text, there = flow_table(header)
    frame, report, about = one(tmp_path, write(tmp_path, "user_measures_20231114_20231115_1.csv", text))
    assert report.unknown_columns == []
    assert about.reader == "flow"
    assert frame["time"].tolist() == [pd.Timestamp(START + 60 * i, unit="s", tz="UTC") for i in range(2)]
    for name in there:
        scale = 46.0055 * 101325 / (8.314462618 * 298.15) * 1e-3 if name == "no2" else 1.0
        np.testing.assert_allclose(frame[name], np.array(VALUES[name]) * scale, rtol=1e-12)  # float64 algebra
    if "latitude" in header:
        assert about.joined == 2
        assert frame["latitude"].tolist() == [48.85, 48.85]


def test_columns_nobody_knows_are_listed_and_not_read(tmp_path):
    text = "timestamp,NO2 (ppb),pm25,Mood,VOC (furlongs),O3 (ppb),pm25 (ug/m3),PM2.5 (ug/m3),NO2 (Plume AQI)\n"
    text += f"{START},10,99,8,7,20,3,4,9\n"
    frame, report, _ = one(tmp_path, write(tmp_path, "a.csv", text))
    assert report.unknown_columns == [
        "a.csv: pm25 (no unit)",
        "a.csv: Mood (not a known quantity)",
        "a.csv: VOC (furlongs) (unit 'furlongs' is not one of voc)",
        "a.csv: PM2.5 (ug/m3) (a second column of pm25)",
    ]
    assert frame["pm25"].tolist() == [3.0]
    np.testing.assert_allclose(frame["o3"], 20 * 1.9618, rtol=1e-4)  # published factor at 25 °C, four digits
    assert "voc" not in frame


def test_a_table_of_nothing_known_is_refused_with_its_headings(tmp_path):
    path = write(tmp_path, "a.csv", "when,what,how much\n1,2,3\n")
    with pytest.raises(InputError, match=r"a\.csv: no headings of a tracker that is known \(first line: 'when,what"):
        gather([path], Options(), tmp_path / "x")


def test_an_organisations_archive_of_several_sensors(tmp_path):
    measures = "timestamp,date,NO2 (ppb),pm25 (ug/m3),Plume AQI\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as inner:
        rows = "".join(f"{START + 60 * i},{stamp(i)},10,3.5,9,48.85,2.35\n" for i in range(3))
        inner.writestr(
            "flow/task_9_1/sensor_12/sensor_merged_20231114_20231115_1.csv",
            measures.strip() + ",latitude,longitude\n" + rows,
        )
    with zipfile.ZipFile(tmp_path / "org.zip", "w") as outer:
        outer.writestr("export/nested.zip", buffer.getvalue())
        for number in (1, 2):
            name = f"flow/task_9_1/sensor_7/sensor_measures_20231114_20231115_{number}.csv"
            outer.writestr(name, measures + f"{START + 60 * number},{stamp(number)},12,4.5,11\n")
        outer.writestr(
            "flow/task_9_1/sensor_7/sensor_positions_20231114_20231115_1.csv",
            f"timestamp,date,latitude,longitude\n{START + 90},{stamp(1)},50.0,3.0\n",
        )
        outer.writestr("flow/map.kml", "<kml/>")
        outer.writestr("flow/picture.png", b"\x89PNG")
        outer.writestr("__MACOSX/flow/._x.csv", b"\x00\x05")
    frames, report, _ = read(tmp_path, tmp_path / "org.zip")
    assert {name: len(frame) for name, frame in frames.items()} == {"12": 3, "7": 2}
    assert frames["12"]["latitude"].tolist() == [48.85] * 3
    assert frames["7"]["latitude"].tolist() == [50.0, 50.0]
    assert [n for n in report.notes if "left out" in n] == [
        "org.zip/flow/map.kml: left out, not a table or a track",
        "org.zip/flow/picture.png: left out, not a table or a track",
    ]


def test_a_folder_is_an_archive_unpacked(tmp_path):
    for number in (7, 12):
        text = f"timestamp,NO2 (ppb)\n{START},{number}\n"
        write(tmp_path, f"flow/task_1/sensor_{number}/sensor_measures_1.csv", text)
    write(tmp_path, "flow/task_1/notes.pdf", b"%PDF")
    frames, report, _ = read(tmp_path, tmp_path / "flow")
    assert sorted(frames) == ["12", "7"]
    assert report.notes[0] == "flow/task_1/notes.pdf: left out, not a table or a track"


def test_tables_that_came_along_are_left_out_and_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("user_measures_1.csv", f"timestamp,NO2 (ppb)\n{START},3\n")
        archive.writestr("user_measures_2.csv", "timestamp,NO2 (ppb)\n")
        archive.writestr("user_positions_1.csv", "timestamp,date,latitude,longitude\n")
        archive.writestr("account.csv", "name,mail\nx,y\n")
        archive.writestr("readme.txt", "Thank you.\n")
    frame, report, _ = one(tmp_path, tmp_path / "a.zip")
    assert len(frame) == 1
    assert [note.partition(",")[0] for note in report.notes if "left out" in note] == [
        "a.zip/account.csv: left out",
        "a.zip/readme.txt: left out",
    ]


@given(order=st.permutations(range(7)), extra=st.integers(0, 7))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_columns_changes_nothing(tmp_path_factory, order, extra):
    columns = [
        ("timestamp", (START, START + 60)),
        ("date (UTC)", (stamp(0), stamp(1))),
        ("NO2 (ppb)", (44, 10)),
        ("pm 2.5 (ug/m3)", (3.5, 4.25)),
        ("pm 2.5 (Plume AQI)", (7, 9)),
        ("latitude", (48.85, 48.86)),
        ("longitude", (2.35, 2.36)),
    ]
    shuffled = [columns[at] for at in order]
    shuffled.insert(extra, ("Battery", (90, 89)))
    lines = [",".join(f'"{name}"' for name, _ in shuffled)]
    lines += [",".join(str(values[row]) for _, values in shuffled) for row in range(2)]
    folder = tmp_path_factory.mktemp("order")
    frame, report, _ = one(folder, write(folder, "a.csv", "\n".join(lines) + "\n"))
    assert report.unknown_columns == ["a.csv: Battery (not a known quantity)"]
    assert frame[["pm25", "reported_plume_pm25", "latitude", "longitude"]].to_numpy().tolist() == [
        [3.5, 7, 48.85, 2.35],
        [4.25, 9, 48.86, 2.36],
    ]


def test_merged_and_measures_of_the_same_minutes_are_one(tmp_path):
    a = write(
        tmp_path, "m1.csv", f"timestamp,NO2 (ppb),VOC (ppb),NO2 (Plume AQI)\n{START},10,,9\n{START + 60},11,5,9\n"
    )
    b = write(
        tmp_path, "m2.csv", f"timestamp,VOC (ppb),NO2 (ppb),NO2 (Plume AQI)\n{START},140,10,9\n{START + 60},5,11,9\n"
    )
    frame, _, about = one(tmp_path, a, b)
    assert (about.kept, about.merged, about.rejected) == (2, 1, {"duplicate": 1})
    assert frame["voc"].tolist() == [140.0, 5.0]


@pytest.mark.parametrize("block", [8 * 2**20, 64])
def test_exports_written_below_each_other_are_read_by_their_own_headings(tmp_path, block):
    text = f"timestamp,NO2 (ppb),VOC (ppb)\n{START},10,140\n{START + 60},11,141\n"
    text += f"VOC (ppb),date,pm25 (ug/m3),NO2 (ppb)\n142,{stamp(2)},3,12\n"
    text += f"timestamp,NO2 (ppb),VOC (ppb)\n{START + 180},13,143\n"
    frame, report, _ = one(tmp_path, write(tmp_path, "a.csv", text), block=block)
    assert report.rejected == {}
    assert frame["voc"].tolist() == [140.0, 141.0, 142.0, 143.0]
    np.testing.assert_allclose(frame["no2"] / frame["no2"][0] * 10, [10, 11, 12, 13], rtol=1e-12)
    assert frame["pm25"].tolist()[2] == 3.0


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"), ("utf-16-be", "utf-16-be"),
     ("latin-1", "cp1252"), ("utf-8", "utf-8")],
)  # fmt: skip
def test_encodings(tmp_path, encoding, told):
    text = "timestamp,PM10 (µg/m³),NO2 (ppb)\r\n" + "".join(f"{START + 60 * i},3,{i}\r\n" for i in range(300))
    frame, report, _ = one(tmp_path, write(tmp_path, "a.csv", text, encoding))
    assert len(frame) == 300
    assert report.files[0]["encoding"] == told


def test_old_line_ends_and_gzip(tmp_path):
    import gzip

    text = f"timestamp,NO2 (ppb)\r{START},3\r{START + 60},4\r"
    frame, *_ = one(tmp_path, write(tmp_path, "a.csv.gz", gzip.compress(text.encode())))
    assert len(frame) == 2


def test_text_among_numbers_is_refused_and_shown(tmp_path):
    rows = [f"{START},10,3", f"{START + 60},=CMD('x'),3", f"{START + 120},-,4", f"{START + 180},12,5,6", "soon,1,2"]
    path = write(tmp_path, "a.csv", "timestamp,NO2 (ppb),pm25 (ug/m3)\n" + "\n".join(rows) + "\n")
    frame, report, _ = one(tmp_path, path)
    assert report.rejected == {"wrong_number_of_fields": 1, "text_in_a_number": 2}
    assert "a.csv line 3" in report.examples["text_in_a_number"]
    assert len(frame) == 2
    assert frame["pm25"].tolist() == [3.0, 4.0]


def test_more_rows_of_one_second_than_memory_should_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(tracker_spool, "COMPACT_FROM", 500)
    monkeypatch.setattr(tracker_spool, "IN_MEMORY", 10_000)
    rows = f"{START},12,3.25\n{START + 1},13,3.5\n" * 2000 + f"{START},,3.5\n"
    path = write(tmp_path, "a.csv", "timestamp,NO2 (ppb),pm25 (ug/m3)\n" + rows)
    frame, report, about = one(tmp_path, path, block=4096)
    assert len(frame) == 2
    refused = [report.rejected, about.rejected]
    assert sum(r.get("duplicate", 0) + r.get("conflicting_duplicate", 0) for r in refused) == 3999


def test_weeks_are_judged_as_one(tmp_path):
    rng = np.random.default_rng(3)
    minutes = np.flatnonzero(rng.random(40_000) > 0.02)  # four weeks with pauses
    minutes = minutes[(minutes < 20_000) | (minutes > 20_040)]
    no2 = rng.integers(0, 60, len(minutes))
    no2[9_000:9_400] = 40
    no2[rng.random(len(minutes)) < 0.01] = 0
    rows = "".join(f"{START + 60 * m},{v}\n" for m, v in zip(minutes, no2, strict=True))
    frame, *_ = one(tmp_path, write(tmp_path, "a.csv", "timestamp,NO2 (ppb)\n" + rows))
    time = frame["time"].astype("int64").to_numpy()
    whole = doubts(time, {"no2": frame["no2"].to_numpy()}, np.zeros(len(frame), np.int64), 60)
    np.testing.assert_array_equal(frame["flags"], whole.flags)
    np.testing.assert_array_equal(frame["suspect"], whole.suspect)


def test_too_many_devices(tmp_path, monkeypatch):
    monkeypatch.setattr(tracker_spool, "MOST_DEVICES", 1)
    text = f"timestamp,serialno,pm02,rco2\n{START},a,1,500\n{START},b,1,500\n"
    with pytest.raises(InputError, match="more than 1 devices"):
        one(tmp_path, write(tmp_path, "a.csv", text))


def test_too_many_columns(tmp_path):
    text = "timestamp,NO2 (ppb)," + ",".join(f"x{i}" for i in range(2000)) + f"\n{START},3" + "," * 2000 + "\n"
    with pytest.raises(InputError, match="2002 columns; at most 2000"):
        one(tmp_path, write(tmp_path, "a.csv", text))


def test_small_blocks_give_the_same_samples(tmp_path):
    rng = np.random.default_rng(1)
    rows = [
        f"{START + 60 * i},{rng.integers(0, 30)},{rng.gamma(2, 4):.3f},48.{i % 9},2.3"
        for i in range(700)
        if i % 97 > 12
    ]
    path = write(tmp_path, "a.csv", "timestamp,NO2 (ppb),pm25 (ug/m3),lat,lon\n" + "\n".join(rows) + "\n")
    whole, *_ = one(tmp_path, path)
    (tmp_path / "again").mkdir()
    pieces, *_ = one(tmp_path / "again", path, block=2048)
    pd.testing.assert_frame_equal(whole, pieces)


def test_impossible_times_and_places(tmp_path):
    rows = [
        "0,10,48.0,2.0",
        "946684800,10,48.0,2.0",  # 2000-01-01, a clock that was never set
        f"{START},10,0,0",
        f"{START + 60},10,95.0,2.0",
        f"{START + 120},10,48.0,",
        f"{START + 300_000_000},10,48.0,2.0",  # 2033: kept, flagged
        ",10,48.0,2.0",
    ]
    path = write(tmp_path, "a.csv", "timestamp,NO2 (ppb),latitude,longitude\n" + "\n".join(rows) + "\n")
    frame, report, about = one(tmp_path, path)
    assert report.rejected == {"impossible_time": 3}
    assert frame["latitude"].notna().tolist() == [False, False, False, True]
    assert about.flagged["impossible_position"] == 3
    assert about.flagged["clock_jump"] == 1
    assert report.refused_fixes == 3


def test_a_clock_that_goes_back_is_flagged(tmp_path):
    minutes = [*range(100), *range(80, 130)]
    rows = "".join(f"{START + 60 * m + (i > 99) * 7},{i % 30}\n" for i, m in enumerate(minutes))
    frame, _, about = one(tmp_path, write(tmp_path, "a.csv", "timestamp,NO2 (ppb)\n" + rows))
    assert about.flagged["clock_jump"] == 19
    assert frame["time"].is_monotonic_increasing


def test_newest_first_is_no_clock_error(tmp_path):
    rows = "".join(f"{START - 60 * i},{i % 30}\n" for i in range(300))
    frame, _, about = one(tmp_path, write(tmp_path, "a.csv", "timestamp,NO2 (ppb)\n" + rows))
    assert "clock_jump" not in about.flagged
    assert frame["time"].is_monotonic_increasing


def test_values_that_cannot_be_are_removed(tmp_path):
    rows = f"{START},-999,3\n{START + 60},10,1e9\n"
    frame, _, about = one(tmp_path, write(tmp_path, "a.csv", "timestamp,NO2 (ppb),pm25 (ug/m3)\n" + rows))
    assert about.flagged["out_of_range"] == 2
    assert frame["no2"].isna().tolist() == [True, False]
    assert frame["pm25"].isna().tolist() == [False, True]


def bomb(tmp_path, size=64 * 2**20):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * size)
    return path


def test_archives_that_unpack_to_too_much(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="more than 250 to 1"):
        gather([bomb(tmp_path)], Options(), tmp_path)
    monkeypatch.setattr(tracker_files, "MOST_UNPACKED", 1000)
    with pytest.raises(InputError, match="unpacks to 67,108,864 bytes; at most 1,000"):
        gather([bomb(tmp_path)], Options(), tmp_path)
    monkeypatch.setattr(tracker_files, "MOST_MEMBERS", 0)
    with pytest.raises(InputError, match="1 members; at most 0"):
        gather([bomb(tmp_path)], Options(), tmp_path)


def test_a_gzip_that_unpacks_to_too_much(tmp_path):
    import gzip

    text = b"timestamp,NO2 (ppb)\n" + b"1700000000,1\n" * 6_000_000
    with pytest.raises(InputError, match="250 to 1: not read on"):
        one(tmp_path, write(tmp_path, "a.csv.gz", gzip.compress(text, 9)))


def test_archives_too_deep(tmp_path):
    data = b"timestamp,NO2 (ppb)\n"
    for depth in range(5):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("a.csv" if not depth else "a.zip", data)
        data = buffer.getvalue()
    with pytest.raises(InputError, match="more than 3 deep"):
        gather([write(tmp_path, "deep.zip", data)], Options(), tmp_path)


def test_broken_and_locked_archives(tmp_path):
    whole = bomb(tmp_path, 2000).read_bytes()
    with pytest.raises(InputError, match="a broken archive"):
        gather([write(tmp_path, "cut.zip", whole[:60])], Options(), tmp_path)
    locked = bytearray(whole)
    central = locked.rfind(b"PK\x01\x02")
    locked[6] |= 1
    locked[central + 8] |= 1
    with pytest.raises(InputError, match="locked with a password"):
        gather([write(tmp_path, "locked.zip", bytes(locked))], Options(), tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.csv", b"\x00\x00\x01\x00\x02" * 500, "not a text"),
        ("a.csv", b"timestamp,NO2 (ppb)", "no headings|no measurements"),
        ("a.csv", b"", "no measurements"),
        ("a.png", b"\x89PNG", "left out, not a table"),
        ("a.csv", b"timestamp,NO2 (ppb)\n" + b"1" * 9_000_000, "a line longer than"),
        ("a.csv", b"date,NO2 (ppb)\n13/11/2023 10:00,3\n", "can be read in several ways"),
        ("a.csv", b"time,NO2 (ppb)\n10:00,3\n", "without a column of dates"),
    ],
)
def test_files_that_are_no_table(tmp_path, name, content, why):
    with pytest.raises(InputError, match=why):
        gather([write(tmp_path, name, content)], Options(), tmp_path)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        gather([tmp_path / "none.csv"], Options(), tmp_path)


def test_places_join_by_time_and_are_counted(tmp_path):
    rows = "".join(f"{START + 60 * i},10\n" for i in range(60))
    measures = write(tmp_path, "m.csv", "timestamp,NO2 (ppb)\n" + rows)
    track = [(0, 48.0), (300, 48.01), (1500, 48.01)]
    positions = write(
        tmp_path, "p.csv", "timestamp,latitude,longitude\n" + "".join(f"{START + s},{y},2.0\n" for s, y in track)
    )
    frame, report, about = one(tmp_path, measures, positions)
    assert report.fixes == 3
    assert (about.joined, about.interpolated, about.held) == (2 + 3 + 3, 2, 17)
    np.testing.assert_allclose(frame["latitude"][2], 48.004, rtol=1e-9)  # two minutes of five along 0.01 degrees
    assert np.isnan(frame["latitude"].iloc[-1])


def test_mapping(tmp_path):
    mapping = write(
        tmp_path,
        "m.toml",
        'timezone = "Europe/Paris"\n[time]\ncolumns = ["Datum", "Uhrzeit"]\nformat = "%d.%m.%Y %H:%M:%S"\n'
        '[columns]\n"Feinstaub" = { variable = "pm25", unit = "µg/m³" }\n"Breite" = "latitude"\n"Länge" = "longitude"\n'
        '"Gerät" = "device"\n',
    )
    text = "Datum;Uhrzeit;Feinstaub;Breite;Länge;Gerät;Laune\n01.06.2023;12:00:30;3,5;48,5;2,5;=x;gut\n"
    frames, report, _ = read(tmp_path, write(tmp_path, "a.csv", text), mapping=read_mapping(mapping))
    frame = frames["=x"]
    assert frame["time"][0] == pd.Timestamp("2023-06-01T10:00:30Z")
    assert frame["pm25"].tolist() == [3.5]
    assert frame["latitude"].tolist() == [48.5]
    assert report.unknown_columns == ["a.csv: Laune (not in the mapping)"]


def test_a_spreadsheet_spoiled_one_of_two_times(tmp_path):
    text = f"timestamp,date (UTC),NO2 (ppb)\n1.70E+09,{stamp(0)},3\n1.70E+09,{stamp(1)},4\n"
    frame, *_ = one(tmp_path, write(tmp_path, "a.csv", text))
    assert frame["time"].tolist() == [pd.Timestamp(START + 60 * i, unit="s", tz="UTC") for i in range(2)]


def test_date_and_time_of_day_apart(tmp_path):
    text = "Date,Time,NO2 (ppb)\n2023-05-01,10:00:30,3\n2023-05-01,10:01:30,4\n"
    frame, *_ = one(tmp_path, write(tmp_path, "a.csv", text))
    assert frame["time"][1] == pd.Timestamp("2023-05-01T10:01:30Z")


def test_a_zone_that_is_none(tmp_path):
    path = write(tmp_path, "a.csv", "date,NO2 (ppb)\n2023-11-14 10:00:00,3\n")
    with pytest.raises(InputError, match="no time zone"):
        one(tmp_path, path, zone="Paris")
    (tmp_path / "b").mkdir()
    frame, *_ = one(tmp_path / "b", path, zone="Europe/Paris")
    assert frame["time"][0] == pd.Timestamp("2023-11-14T09:00Z")
