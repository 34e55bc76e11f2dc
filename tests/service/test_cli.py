"""The command line: answers as tables and JSON, and bad input in one line with a non-zero status."""

import json

import pytest

from brise.service import cli


def run(monkeypatch, capsys, *arguments, status=0):
    monkeypatch.setattr("sys.argv", ["brise", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code or 0) == status
    return capsys.readouterr()


def test_sources_say_whether_a_key_is_wanted(monkeypatch, capsys):
    rows = {r["name"]: r for r in json.loads(run(monkeypatch, capsys, "sources", "--json").out)}
    assert rows["sensor_community"]["key"] == "none needed"
    assert rows["openaq"]["key"] == "BRISE_OPENAQ_KEY"
    assert all(row["licence"] for row in rows.values())


def test_models_are_listed(monkeypatch, capsys):
    names = [r["name"] for r in json.loads(run(monkeypatch, capsys, "models", "--json").out)]
    assert {"persistence", "optimal_interpolation", "blend"} <= set(names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ingest", "nasa", "--file", "x"], "unknown source 'nasa'"),
        (["ingest", "openaq", "--file", "/no/such/file"], "/no/such/file is not a file"),
        (["ingest", "openaq", "--from", "yesterday"], "'yesterday' is not an ISO 8601 time"),
        (["ingest", "airnow", "--file", "/no"], "is not a file"),
        (["up", "--at", "2023-01-01T00:00Z"], "belong to --replay"),
        (["up", "--replay", "/no/such.parquet"], "/no/such.parquet"),
        (["up", "--sources", "nasa"], "unknown source 'nasa'"),
        (["up", "--sources", "openaq"], "set BRISE_OPENAQ_KEY"),
        (["hindcast", "/no/such.parquet", "--out", "/tmp/x"], "--start"),
    ],
)
def test_bad_input_is_one_line_and_status_2(monkeypatch, capsys, tmp_path, arguments, message):
    monkeypatch.setenv("BRISE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BRISE_PORT", "18099")
    heard = run(monkeypatch, capsys, *arguments, status=2)
    lines = [line for line in heard.err.splitlines() if line.startswith("brise: ")]
    assert len(lines) == 1
    assert message in lines[0]


def test_a_wrong_setting_is_named(monkeypatch, capsys):
    monkeypatch.setenv("BRISE_PORT", "eighty")
    assert "BRISE_PORT" in run(monkeypatch, capsys, "status", status=2).err


def test_status_and_point_of_an_empty_store(monkeypatch, capsys, tmp_path):
    status = json.loads(run(monkeypatch, capsys, "status", "--data", tmp_path, "--json").out)
    assert status["domains"] == []
    heard = run(monkeypatch, capsys, "point", "51.5", "0", "--data", tmp_path, status=1)
    assert "no run is published yet" in heard.err


def test_stations_of_an_empty_store(monkeypatch, capsys, tmp_path):
    assert json.loads(run(monkeypatch, capsys, "stations", "--data", tmp_path, "--json").out) == []
