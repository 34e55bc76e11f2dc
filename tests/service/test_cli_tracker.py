"""`brise tracker import` and `brise tracker exposure`, as an owner runs them."""

import json
import socket

import numpy as np
import pandas as pd
import pytest

from brise.io.tables import Tables
from brise.service import cli

START = 1_700_000_000
HEADER = "timestamp,NO2 (ppb),pm25 (ug/m3),NO2 (Plume AQI),pm 25 (Plume AQI),latitude,longitude\n"


def run(monkeypatch, capsys, *arguments, status=0):
    monkeypatch.setattr("sys.argv", ["brise", "tracker", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code or 0) == status, capsys.readouterr().err
    return capsys.readouterr()


@pytest.fixture
def offline(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a local import reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def flow(tmp_path):
    rows = (
        f"{START + 60 * i},{20 + i % 5},{8 + i % 7},{19 + i % 5},{16 + 2 * (i % 7)},48.85,2.35\n" for i in range(240)
    )
    path = tmp_path / "user_measures_1.csv"
    path.write_text(HEADER + "".join(rows))
    return path


def test_local_import(monkeypatch, capsys, tmp_path, flow, offline):
    out = tmp_path / "out.csv"
    report = json.loads(run(monkeypatch, capsys, "import", flow, "--local", "--out", out, "--json").out)
    table = pd.read_csv(out)
    assert report["read"] == report["kept"] == len(table) == 240
    assert {"time", "latitude", "longitude", "pm25", "pm25_corrected", "no2", "no2_corrected", "flags"} <= set(table)
    assert {"plume_classic", "plume_classic_no2", "plume_2023", "us_aqi", "european_aqi", "who_2021"} <= set(table)
    assert table["time"][0] == "2023-11-14T22:13:20Z"
    assert table["no2_corrected"][:15].isna().all()
    assert table["suspect"][0] == "no2"
    assert "warm_up" in table["flags"][0]
    assert (table["plume_classic_pm25"] == table["reported_plume_pm25"]).all()
    assert table["european_aqi"][:47].isna().all()
    assert table["european_aqi"][110] >= 1
    device = report["devices"][0]
    assert device["plume_agreement"]["pm25"]["share_within_rounding"] == 1.0
    assert device["positions"]["joined"] == 240
    assert not list(tmp_path.glob(".*"))


def test_one_single_index_is_held_against_the_largest(monkeypatch, capsys, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"timestamp,VOC (ppb),pm25 (ug/m3),Plume AQI\n{START},146,30,60\n{START + 60},146,2,12\n")
    report = json.loads(run(monkeypatch, capsys, "import", path, "--local", "--out", tmp_path / "o.csv", "--json").out)
    found = report["devices"][0]["plume_agreement"]["all"]
    assert (found["rows"], found["equal"]) == (2, 2)


def test_the_report_in_words(monkeypatch, capsys, tmp_path, flow):
    flow.write_text(flow.read_text().replace("timestamp,", "timestamp,Mood,").replace(",20,", ",=1+1,20,"))
    words = run(monkeypatch, capsys, "import", flow, "--local", "--out", tmp_path / "o.csv").out
    assert "column not read: user_measures_1.csv: Mood (not a known quantity)" in words
    assert "refused" in words


def test_real_export(monkeypatch, capsys, tmp_path, shared_data):
    files = sorted((shared_data / "tracker").glob("*.csv"))
    out = tmp_path / "out.csv"
    report = json.loads(run(monkeypatch, capsys, "import", *files, "--local", "--out", out, "--json").out)
    assert (report["read"], report["kept"], report["fixes"]) == (14_979, 14_979, 2_511)
    assert report["unknown_columns"] == []
    device = report["devices"][0]
    for found in device["plume_agreement"].values():
        assert found["share_within_rounding"] >= 0.999
    for exact in ("voc", "pm10", "pm25"):  # exported as the device had them; NO2 in whole ppb
        assert device["plume_agreement"][exact]["equal"] == device["plume_agreement"][exact]["rows"]
    assert device["positions"]["joined"] == 1_259  # fixes within 60 s of a row, counted by numpy on the raw files
    assert device["flagged"]["warm_up"] > 0
    assert device["flagged"]["dropout"] > 0


def test_no_cell_is_a_formula(monkeypatch, capsys, tmp_path, flow):
    other = tmp_path / "b.csv"
    other.write_text(flow.read_text())
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        '[time]\ncolumn="t"\n[columns]\nname="device"\nx={variable="pm25", unit="ug/m3"}\nlat="latitude"\n'
        'lon="longitude"\n'
    )
    bad = tmp_path / "bad.csv"
    bad.write_text(f't,name,x,lat,lon\n{START},"=HYPERLINK(""http://x"",1)",3,48,2\n{START + 60},@SUM(A1),=1+1,48,2\n')
    out = tmp_path / "out.csv"
    run(monkeypatch, capsys, "import", bad, flow, "--local", "--out", out, "--mapping", mapping)
    cells = [cell for line in out.read_text().splitlines() for cell in line.split(",")]
    assert not [
        cell for cell in cells if cell.startswith(("=", "+", "@")) or (cell.startswith("-") and not _number(cell))
    ]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)


def _number(cell):
    return cell.lstrip("-").replace(".", "").replace("e", "").replace("-", "").isdigit()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["import", "none.csv", "--local", "--out", "o.csv"], "none.csv: no such file"),
        (["import", "none.csv"], "say either --local"),
        (["import", "none.csv", "--local"], "go together"),
        (["exposure", "none.csv", "--from", "soon"], "not an ISO 8601 time"),
    ],
)
def test_bad_input_is_one_line(monkeypatch, capsys, tmp_path, arguments, why):
    monkeypatch.chdir(tmp_path)
    error = run(monkeypatch, capsys, *arguments, status=2).err
    assert why in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_fails_leaves_what_was_there(monkeypatch, capsys, tmp_path, flow):
    out = tmp_path / "out.csv"
    out.write_text("before")
    broken = tmp_path / "b.zip"
    broken.write_bytes(b"PK\x03\x04 broken")
    error = run(monkeypatch, capsys, "import", flow, broken, "--local", "--out", out, status=2).err
    assert "a broken archive" in error
    assert out.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "out.csv", "user_measures_1.csv"]


def test_the_table_is_never_one_of_the_files(monkeypatch, capsys, flow):
    before = flow.read_text()
    assert "one of the files" in run(monkeypatch, capsys, "import", flow, "--local", "--out", flow, status=2).err
    assert flow.read_text() == before


def test_a_folder_that_cannot_be_written(monkeypatch, capsys, tmp_path, flow):
    out = tmp_path / "none" / "out.csv"
    assert "cannot be written" in run(monkeypatch, capsys, "import", flow, "--local", "--out", out, status=1).err


def test_import_into_the_store_twice_is_once(monkeypatch, capsys, tmp_path, flow):
    with Tables.open(f"sqlite:///{tmp_path / 'brise.sqlite'}") as tables:
        owner, token = tables.owners.create()
    for who in (token, owner.id):
        report = json.loads(run(monkeypatch, capsys, "import", flow, "--owner", who, "--data", tmp_path, "--json").out)
        assert report["kept"] == 240
    with Tables.open(f"sqlite:///{tmp_path / 'brise.sqlite'}") as tables:
        trackers = tables.owners.trackers(owner.key)
        assert [tracker.name for tracker in trackers] == ["flow"]
        assert tables.samples.summary(owner.key, trackers[0].key).samples == 240
    error = run(monkeypatch, capsys, "import", flow, "--owner", "bo_x_y", "--data", tmp_path, status=2).err
    assert "no owner has that token" in error
    assert "bo_x_y" not in error


def test_exposure(monkeypatch, capsys, tmp_path, flow, offline):
    city = tmp_path / "city.csv"
    city.write_text("time,pm25 (ug/m3)\n" + "".join(f"{START - START % 3600 + 3600 * i},5\n" for i in range(8)))
    found = json.loads(
        run(monkeypatch, capsys, "exposure", flow, "--city", city, "--timezone", "Europe/Paris", "--json").out
    )["flow"]
    np.testing.assert_allclose(found["variables"]["pm25"]["mean"], np.mean([8 + i % 7 for i in range(240)]), rtol=1e-9)
    assert found["utc_offset_s"] == 3600
    assert found["variables"]["pm25"]["city"]["city_mean"] == 5.0
    said = run(monkeypatch, capsys, "exposure", flow, "--place", "48.85,2.35,the library").out
    assert "the library: 4.0 hours in 1 stays" in said
    was = [
        "--was",
        "2023-11-14T22:30,2023-11-14T23:00+00:00,cycle",
        "--was",
        "2023-11-14T23:00Z,2023-11-14T23:20Z,outdoors",
    ]
    told = json.loads(run(monkeypatch, capsys, "exposure", flow, *was, "--json").out)["flow"]
    assert told["variables"]["pm25"]["by_mode"]["cycle"]["seconds"] == 1800
    assert told["surroundings"]["outdoors"]["seconds"] == 3000
    words = run(monkeypatch, capsys, "exposure", flow, "--from", "2023-11-14T23:00Z", "--to", "2023-11-15T00:00Z").out
    assert "You breathed" in words
    assert "measured for 1.0 hours" in words


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--from", "2030-01-01"], "no samples between"),
        (["--timezone", "Mars"], "no time zone"),
        (["--place", "here"], "not LAT,LON,NAME such as"),
        (["--place", "95,2,x"], "on Earth"),
        (["--was", "2023-11-14,2023-11-15,flying"], "WORD is one of still, walk"),
        (["--was", "now,2023-11-15,walk"], "with times such as"),
        (["--was", "2023-11-15,2023-11-14,walk"], "not after its start"),
    ],
)
def test_exposure_of_nothing(monkeypatch, capsys, flow, arguments, why):
    assert why in run(monkeypatch, capsys, "exposure", flow, *arguments, status=2).err
