"""`brise fire behaviour`, through the command: references, extremes, text kept, and nothing half-written."""

import csv
import io
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from brise.formulas.fire.fuel_models import FUEL_MODELS, NON_BURNABLE
from brise.service import cli
from brise.service.jobs import fire_behaviour
from brise.service.jobs.fire_behaviour import ADDED, REQUIRED

HEADER = ",".join(REQUIRED)
CHAIN_H = 66 * 0.3048 / 60  # m min-1


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run the command on a table's text: status, the rows, and what was said on stderr."""

    def run(table, *more, out="out.csv"):
        source = tmp_path / "in.csv"
        source.write_bytes(table if isinstance(table, bytes) else table.encode())
        target = tmp_path / out
        monkeypatch.setattr(sys, "argv", ["brise", "fire", "behaviour", str(source), "--out", str(target), *more])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = int(stop.code or 0)
        rows = list(csv.DictReader(io.StringIO(target.read_text()))) if target.is_file() else []
        return status, rows, capsys.readouterr().err

    return run


def values(rows, name):
    return np.array([float(row[name]) for row in rows])


def cases(*rows, more=""):
    return "\n".join([HEADER + more, *(",".join(map(str, row)) for row in rows)]) + "\n"


def test_the_tables_columns_and_a_worked_case(command):
    # ELMFIRE's verification: 46.15 ft/min, back 47.04 and flank 199.25 m/h, length to width 2.236
    status, (row,), said = command(
        cases(("GR2", 3, 3, 3, 30, 60, 3.62 * 1.609344, 0, 0, "elmfire"), more=",length_to_width")
    )
    assert (status, said) == (0, "")
    assert list(row)[-8:] == list(ADDED)
    assert row["length_to_width_formula"] == "elmfire"
    assert_allclose(float(row["ros_m_min"]), 46.15 * 0.3048, rtol=0.001)  # the wind is printed to 0.01 mph
    assert_allclose(float(row["length_to_width"]), 2.236, rtol=0.001)
    assert_allclose(float(row["backing_ros_m_min"]) * 60, 47.037, rtol=0.002)
    assert_allclose(float(row["flanking_ros_m_min"]) * 60, 199.246, rtol=0.002)
    intensity = float(row["heat_per_area_kj_m2"]) * float(row["ros_m_min"]) / 60
    assert_allclose(float(row["intensity_kw_m"]), intensity, rtol=1e-6)


def test_rows_keep_their_order_their_text_and_their_extra_columns(command):
    table = (
        "id, Fuel_Model ,note,moisture_1h,moisture_10h,moisture_100h,moisture_herb,moisture_woody,midflame_wind_km_h,"
        'wind_to_deg,slope_percent,ros_m_min\r\n007,GR2,"a ""b"", c",06,7,8,60,90,1.0e1,0,20,9.9\r\n'
        '008, nb8 ,"two\nlines",6,7,8,60,90,10,0,20,\r\n009,1.0,é,6,7,8,,,0,,0,x\r\n'
    )
    status, rows, _ = command(b"\xef\xbb\xbf" + table.encode())
    assert status == 0
    assert [row["id"] for row in rows] == ["007", "008", "009"]
    assert [row["note"] for row in rows] == ['a "b", c', "two\nlines", "é"]
    assert rows[0]["moisture_1h"] == "06"
    assert rows[0]["midflame_wind_km_h"] == "1.0e1"
    assert [row["ros_m_min_input"] for row in rows] == ["9.9", "", "x"]
    assert values(rows, "ros_m_min")[0] > 1
    assert [row[" Fuel_Model "] for row in rows] == ["GR2", " nb8 ", "1.0"]


def test_what_does_not_burn_has_rate_zero_and_no_heading(command):
    codes = [*NON_BURNABLE, *NON_BURNABLE.values()]
    wet = ("GR1", 40, 40, 40, 300, 300, 30, 120, 60)
    status, rows, _ = command(cases(*((code, 6, 7, 8, 60, 90, 30, 120, 60) for code in codes), wet))
    assert status == 0
    for name in ADDED[:-1]:
        assert (values(rows, name) == 0).all(), name
    assert (values(rows, "length_to_width") == 1).all()


def test_all_models_by_number_and_by_code(command):
    rest = (6, 7, 8, 60, 90, 12, 45, 30)
    _, by_number, _ = command(cases(*((number, *rest) for number in FUEL_MODELS)))
    _, by_code, _ = command(cases(*((model.name.lower(), *rest) for model in FUEL_MODELS.values())))
    assert_allclose(values(by_number, "ros_m_min"), values(by_code, "ros_m_min"))
    assert (values(by_number, "ros_m_min") > 0).all()
    heading = values(by_number, "direction_deg")
    assert ((heading > 0) & (heading < 45)).all()  # between the slope and the wind


@pytest.mark.parametrize("model", ["GR4", "FM2", "TU5", "SH5"])
def test_wind_and_slope_add_as_vectors(command, model):
    dry = (6, 7, 8, 75, 90)
    status, rows, _ = command(
        cases(
            (model, *dry, 0, 0, 0),
            (model, *dry, 0, 77, 50),
            (model, *dry, 20, 90, 0),
            (model, *dry, 20, 450, 0),
            (model, *dry, 2, 180, 90),
            (model, *dry, 40, 180, 5),
            (model, *dry, 20, 359.9999999, 0),
            (model, *dry, 20, -90, 30),
        )
    )
    assert status == 0
    rate, heading = values(rows, "ros_m_min"), values(rows, "direction_deg")
    assert heading[[0, 1, 2, 3]].tolist() == [0, 0, 90, 90]
    assert rate[2] == rate[3]
    assert heading[4] == 0  # a light wind against a steep slope
    assert heading[5] == 180
    assert rate[5] < rate[2] * 40
    assert ((heading >= 0) & (heading < 360)).all()
    assert 270 < heading[7] < 360
    assert_allclose(values(rows, "backing_ros_m_min")[0], rate[0])
    assert_allclose(values(rows, "flanking_ros_m_min")[0], rate[0])


def test_herbs_cure_from_120_to_30_percent(command):
    _, rows, _ = command(cases(*(("GR4", 6, 7, 8, herb, 90, 10, 0, 0) for herb in (300, 120, 119, 75, 31, 30, 5))))
    rate = values(rows, "ros_m_min")
    assert (np.diff(rate) > -1e-9).all()
    assert rate[5] == pytest.approx(rate[6], rel=1e-9)
    assert rate[3] > 5 * rate[1] > 0


def test_wind_limits_and_shapes_by_row(command):
    names = ["", "none", "rothermel", "andrews", "NONE", "0.9"]
    row = ("GR1", 6, 7, 8, 60, 90, 60, 0, 20)
    _, rows, _ = command(cases(*((*row, name) for name in names), more=",wind_limit"))
    rate = values(rows, "ros_m_min")
    assert rate[0] == rate[1] == rate[4]
    assert rate[2] == rate[5]
    assert rate[2] < rate[1]
    assert rate[3] < rate[1]
    shapes = ["", "behave", "elmfire", "Alexander", "flammap"]
    _, rows, _ = command(cases(*((*row[:6], 8, 0, 20, name) for name in shapes), more=",length_to_width"))
    ratio = values(rows, "length_to_width")
    assert ratio[0] == ratio[1]
    assert len(set(ratio[1:])) == 4


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (cases(("GR2", 6, 7, 8, 60, 90, 10, 0, 20), ("XX9", 6, 7, 8, 60, 90, 10, 0, 20)), "row 2: fuel model 'XX9'"),
        (cases(("", 6, 7, 8, 60, 90, 10, 0, 20)), "row 1: fuel model '' is not known"),
        (cases(("GR2", 6, 7, 8, 60, 90, "ten", 0, 20)), "row 1: midflame_wind_km_h is 'ten', a number from 0 to 500"),
        (cases(("GR2", "nan", 7, 8, 60, 90, 10, 0, 20)), "row 1: moisture_1h is 'nan'"),
        (cases(("GR2", 6, -7, 8, 60, 90, 10, 0, 20)), "row 1: moisture_10h is '-7'"),
        (cases(("GR2", 6, 7, 8, "", 90, 10, 0, 20)), "row 1: moisture_herb is empty, and fuel model GR2 wants it"),
        (cases(("GR2", 6, 7, 8, 60, 90, "", 0, 20)), "row 1: midflame_wind_km_h is empty"),
        (cases(("GR2", 6, 7, 8, 60, 90, 10, "", 20)), "row 1: wind_to_deg is empty"),
        (cases(("GR2", 6, 7, 8, 60, 90, 10, "inf", 20)), "row 1: wind_to_deg is 'inf', a number of degrees"),
        (cases(("GR2", 6, 7, 8, 60, 90, 10, 0, "")), "row 1: slope_percent is empty"),
        (cases(("GR2", 6, 7, 8, 60, 90, 10, 0, 2000)), "row 1: slope_percent is '2000'"),
        (cases(("GR2", 6, 7, 8, 60, 90, 10, 0, 20), ("GR2", 6)), "row 2: 2 cells, the header has 9"),
        (cases(("GR2", 6, 7, 8, 60, 90, 10, 0, 20, "strong"), more=",wind_limit"), "wind_limit 'strong' is none of"),
        (cases(("GR2", 6, 7, 8, 60, 90, 10, 0, 20, "2"), more=",length_to_width"), "length_to_width '2' is none of"),
        ("fuel_model\n1\n", "no column moisture_1h, moisture_10h"),
        ("", "no column fuel_model"),
        (HEADER + ",Slope_Percent\n", "column 'slope_percent' is there 2 times"),
        (b"\xff\xfe\x00" + HEADER.encode(), "its header cannot be read"),
        (cases(("GR2", 6, 7, 8, 60, 90, 10, 0, 20)).encode() + b"\xff\xff,1,2,3,4,5,6,7,8\n", "in.csv"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_nothing_is_written(command, tmp_path, table, said):
    status, rows, told = command(table)
    assert status == 2
    assert said in told
    assert told.startswith("brise: in.csv")
    assert told.count("\n") == 1
    assert rows == []
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_table_without_rows_and_files_that_are_not_there(command, tmp_path):
    assert command(HEADER + "\n")[:2] == (0, [])
    assert (tmp_path / "out.csv").read_text().strip() == ",".join((HEADER, *ADDED))
    status, _, told = command(cases(), "--fuel-models", "nothing.csv")
    assert (status, told) == (2, "brise: nothing.csv: no such fuel-model file\n")
    status, _, told = command(cases(), out="nowhere/out.csv")
    assert status == 1
    assert "cannot be written: No such file" in told


def test_blocks_make_no_difference_and_rows_are_counted_through(command, monkeypatch):
    rng = np.random.default_rng(3)
    table = cases(*((int(rng.choice([*FUEL_MODELS])), *rng.integers(2, 99, 8)) for _ in range(400)))
    whole = command(table)[1]
    monkeypatch.setattr(fire_behaviour, "_BLOCK_BYTES", 1000)
    assert command(table)[1] == whole
    assert len(whole) == 400
    bad = table + "GR2,6,7,8,60,90,ten,0,20\n"
    assert "row 401: midflame_wind_km_h is 'ten'" in command(bad)[2]


def test_own_fuel_models(command, tmp_path):
    path = tmp_path / "own.fmd"
    path.write_text("210 Grass 0.10 0 0 1.00 0 dynamic 2000 1800 9999 1.0 15 8000 8000 like GR2\n")
    rest = (6, 7, 8, 60, 90, 10, 0, 20)
    status, rows, _ = command(cases(("GR2", *rest), ("grass", *rest), (210, *rest)), "--fuel-models", str(path))
    assert status == 0
    assert_allclose(values(rows, "ros_m_min"), values(rows, "ros_m_min")[0], rtol=1e-8)


def test_every_behaveplus_table(command, shared_data):
    path = shared_data / "fire" / "behaveplus_tables" / "behaveplus5.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with path.open() as file:
        given = list(csv.DictReader(file))
    towards = {"wind-and-slope": 0, "slope-90-180": 270, "slope-135-180": 315}
    table = cases(
        *(
            (
                r["fuel"], r["m1"], r["m10"], r["m100"], r["mherb"], r["mwoody"], float(r["midflame_mph"]) * 1.609344,
                next((d for end, d in towards.items() if r["table"].endswith(end)), ""), r["slope_pct"], "rothermel",
            )
            for r in given
        ),
        more=",wind_limit",
    )  # fmt: skip
    status, rows, _ = command(table)
    assert status == 0
    assert len(rows) == 200
    want = [r["values(as in source; columns in source comments)"].split() for r in given]
    rate = np.array([float(w[0]) for w in want])
    error = np.abs(values(rows, "ros_m_min") / CHAIN_H - rate)
    assert (error <= np.maximum(0.06, 0.01 * rate)).all()
    cross = np.array(["cross" in r["table"] for r in given])
    heading = np.array([float(w[3]) for w in want])
    assert_allclose(values(rows, "direction_deg")[cross], heading[cross], atol=0.5)  # printed to whole degrees


def test_the_vauda_burns_with_their_own_fuels(command, shared_data, tmp_path):
    path = shared_data / "fire" / "vauda_experiments" / "firexp.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with path.open() as file:
        burns = list(csv.DictReader(file))
    theirs = ("1h", "10h", "100h", "Live_Herb", "Live_Woody")
    classes = ("1h", "10h", "100h", "herb", "woody")
    columns = ["code", "dynamic", "depth_cm", "extinction_percent"]
    for name, unit in (("load", "t_ha"), ("savr", "per_m"), ("heat", "kj_kg")):
        columns += [f"{name}_{c}_{unit}" for c in classes]
    fuels = [",".join(columns)]
    for k, burn in enumerate(burns):
        cells = [f"V{k}", "yes", burn["Fuel_Bed_Depth"], burn["Mx_dead"]]
        cells += [burn[f"{name}_{c}"] for name in ("Load", "SA/V", "Heat") for c in theirs]
        fuels.append(",".join(cells))
    (tmp_path / "own.csv").write_text("\n".join(fuels) + "\n")
    table = cases(*((f"V{k}", *(b[f"Moist_{c}"] for c in theirs), b["u"], 0, b["slope"]) for k, b in enumerate(burns)))
    status, rows, _ = command(table, "--fuel-models", str(tmp_path / "own.csv"))
    assert status == 0
    error = values(rows, "ros_m_min") - np.array([float(burn["ros"]) for burn in burns])
    # the model's own skill (docs/science/fire-behaviour.md)
    assert_allclose(error.mean(), -2.09, atol=0.01)
    assert_allclose(np.sqrt((error**2).mean()), 3.71, atol=0.01)
