"""Charts: valid SVG, honest scales, nothing drawn for what is unknown."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from brise.products.charts import TOP, axis, calibration, lines, places

NAN = float("nan")


def read(svg):
    return ET.fromstring(svg)


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 1.0], (0.0, 0.5, 1.0)),
        ([3.0, 41.0], (0.0, 10.0, 20.0, 30.0, 40.0, 50.0)),
        ([-0.03, 0.05], (-0.04, -0.02, 0.0, 0.02, 0.04, 0.06)),
        ([5.0, 5.0], (4.0, 6.0)),
        ([0.0, 0.0], None),
        ([NAN], None),
        ([1e-9, 2e-9], None),
        ([-7.0, -7.0], None),
    ],
)
def test_ticks_are_round_and_hold_everything(values, ticks):
    found = axis(values)
    known = [value for value in values if np.isfinite(value)]
    assert found.low < found.high
    assert all(found.low <= value <= found.high for value in known)
    assert 2 <= len(found.ticks) <= 8
    np.testing.assert_allclose(np.diff(found.ticks), np.diff(found.ticks)[0], rtol=1e-6)  # rounded to ten places
    if ticks is not None and values != [5.0, 5.0]:
        np.testing.assert_allclose(found.ticks, ticks)


def test_the_mark_is_within_the_axis():
    found = axis([0.05, 0.1], percent=True, mark=-0.2)
    assert found.low <= -0.2
    assert found.text(0.05) == "5 %"


def test_lines_leave_out_what_is_unknown():
    chart = read(lines("R & D <x>", ["0", "6", "24"], {"a": [1.0, NAN, 2.0], "b": [NAN, NAN, NAN]}, axis([1, 2]), "h"))
    assert chart.attrib["aria-label"] == "R & D <x>"
    assert [len(group.findall("circle")) for group in chart.iter("g")] == [2, 0]
    top = min(float(circle.attrib["cy"]) for circle in chart.iter("circle"))
    assert top == TOP  # 2 is the top tick
    assert read(lines("one", ["1"], {"a": [1.0]}, axis([1.0]), "h")) is not None


def test_reliable_words_lie_on_the_diagonal():
    chart = read(calibration("t", (0.1, 0.5, 0.9), {"a": (0.1, 0.5, 0.9)}))
    (diagonal,) = [line for line in chart.iter("line") if line.attrib["class"] == "mark"]
    x1, y1, x2, y2 = (float(diagonal.attrib[key]) for key in ("x1", "y1", "x2", "y2"))
    for circle in chart.iter("circle"):
        x, y = float(circle.attrib["cx"]), float(circle.attrib["cy"])
        np.testing.assert_allclose((y - y1) / (y2 - y1), (x - x1) / (x2 - x1), atol=1e-3)  # drawn to a tenth of a unit


def test_a_map_tells_better_from_worse_and_unknown():
    chart = read(places("t", [(51.5, 0.0), (51.6, 0.1), (51.5, 0.1)], [0.1, -0.1, NAN], ["a", "b", "<c>"]))
    circles = list(chart.iter("circle"))
    assert [circle.attrib["class"] for circle in circles] == ["better", "worse", "unknown"]
    assert float(circles[1].attrib["cy"]) < float(circles[0].attrib["cy"])  # north is up
    assert float(circles[0].attrib["cx"]) < float(circles[2].attrib["cx"])  # east is right
    assert [circle[0].text for circle in circles] == ["a: +10.0 %", "b: -10.0 %", "<c>: unknown"]
    assert read(places("alone", [(51.5, 0.0)], [0.1], ["a"])) is not None
