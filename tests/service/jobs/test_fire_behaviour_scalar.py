"""The batch table beside a second derivation: one row at a time, plain Python, from Andrews (2018) in its own units."""

import csv
import math
import random

import numpy as np
from numpy.testing import assert_allclose

from brise.formulas.fire.fuel_models import BTU, CLASSES, FOOT, FUEL_MODELS, J_KG_PER_BTU_LB, KG_M2_PER_LB_FT2
from brise.service.jobs.fire_behaviour import ADDED, REQUIRED, behaviour_table

LIVE = (False, False, False, True, True)


WET = ((1, 4, 9, 14, 25, 45), (2, 9, 20), (3, 15), (5, 30, 31, 75, 119, 120, 300), (30, 90, 250))


def damping(ratio):
    r = min(ratio, 1.0)
    return max(0.0, 1 - 2.59 * r + 5.11 * r**2 - 3.52 * r**3)


def size_class(savr):
    return sum(savr >= limit for limit in (16, 48, 96, 192, 1200))


def particles(model, wet):
    """(load lb/ft2, SAV 1/ft, moisture, live) of what is there."""
    rows = [
        (model.load[k] / KG_M2_PER_LB_FT2, model.savr[k] * FOOT, wet[k], LIVE[k])
        for k in range(len(CLASSES))
        if model.load[k] > 0
    ]
    if model.dynamic:
        share = min(max((1.2 - wet[3]) / 0.9, 0.0), 1.0)
        herb = next(row for row in rows if row[3])  # herbs come before shrubs
        rows = [row for row in rows if row is not herb]
        rows.append((herb[0] * share, herb[1], wet[0], False))
        rows.append((herb[0] * (1 - share), herb[1], herb[2], True))
    return [row for row in rows if row[0] > 1e-15]


def bed(model, wet):
    """Rate without wind (ft/min), reaction intensity, sigma, relative and plain packing ratio."""
    rows = particles(model, wet)
    depth, extinction, heat = model.depth / FOOT, model.extinction, model.heat[0] / J_KG_PER_BTU_LB
    area = [load * savr / 32 for load, savr, _, _ in rows]
    total = [sum(a for a, row in zip(area, rows, strict=True) if row[3] == live) for live in (False, True)]
    share = [a / total[row[3]] for a, row in zip(area, rows, strict=True)]
    of_all = [t / sum(total) for t in total]
    net, savr, moisture = [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]
    for f, (load, s, m, live) in zip(share, rows, strict=True):
        kin = sum(
            g for g, row in zip(share, rows, strict=True) if row[3] == live and size_class(row[1]) == size_class(s)
        )
        net[live] += kin * load * (1 - 0.0555)
        savr[live] += f * s
        moisture[live] += f * m
    live_limit = 1.0
    if total[1] > 0:
        fine = [(load * math.exp(-138 / s), m) for load, s, m, live in rows if not live]
        green = sum(load * math.exp(-500 / s) for load, s, _, live in rows if live)
        dead = sum(w for w, _ in fine)
        ratio = 1 - sum(w * m for w, m in fine) / dead / extinction
        live_limit = max(2.9 * dead / green * ratio - 0.226, extinction)
    burning = net[0] * damping(moisture[0] / extinction) + net[1] * damping(moisture[1] / live_limit)
    sigma = of_all[0] * savr[0] + of_all[1] * savr[1]
    bulk = sum(row[0] for row in rows) / depth
    relative = bulk / 32 / (3.348 * sigma**-0.8189)
    a = 133 * sigma**-0.7913
    fastest = sigma**1.5 / (495 + 0.0594 * sigma**1.5)
    reaction = fastest * relative**a * math.exp(a * (1 - relative)) * burning * heat * 0.174 * 0.01**-0.19
    flux = math.exp((0.792 + 0.681 * sigma**0.5) * (bulk / 32 + 0.1)) / (192 + 0.2595 * sigma)
    sink = sum(
        of_all[live] * f * math.exp(-138 / s) * (250 + 1116 * m) for f, (_, s, m, live) in zip(share, rows, strict=True)
    )
    return reaction * flux / (bulk * sink), reaction, sigma, relative, bulk / 32


def answer(number, wet, wind, towards, slope, limited):
    """The eight columns of a row."""
    rest, reaction, sigma, relative, packing = bed(FUEL_MODELS[number], [m / 100 for m in wet])
    if rest < 1e-9:
        return [0.0] * 7 + [1.0]
    b, c = 0.02526 * sigma**0.54, 7.47 * math.exp(-0.133 * sigma**0.55)
    scale = c * relative ** (-0.715 * math.exp(-3.59e-4 * sigma))
    by_wind = scale * (wind / 1.609344 * 88) ** b if wind else 0.0
    up = 5.275 * packing**-0.3 * (slope / 100) ** 2 + by_wind * math.cos(math.radians(towards))
    across = by_wind * math.sin(math.radians(towards))
    factor = math.hypot(up, across)
    effective = (factor / scale) ** (1 / b)
    if limited and effective > 0.9 * reaction:
        effective = 0.9 * reaction
        factor = scale * effective**b
    rate = rest * (1 + factor)
    mph = effective / 88
    ratio = min(max(0.936 * math.exp(0.1147 * mph) + 0.461 * math.exp(-0.0692 * mph) - 0.397, 1.0), 8.0)
    heat = reaction * 384 / sigma
    e = math.sqrt(1 - 1 / ratio**2)
    back = rate * (1 - e) / (1 + e)
    heading = math.degrees(math.atan2(across, up)) % 360
    flame = 0.45 * (heat * rate / 60) ** 0.46
    metric = BTU / FOOT**2 / 1e3
    return [
        rate * FOOT, heading, flame * FOOT, heat * rate / 60 * BTU / FOOT / 1e3, heat * metric, back * FOOT,
        (rate + back) / 2 / ratio * FOOT, ratio,
    ]  # fmt: skip


def test_random_rows_beside_a_second_derivation(tmp_path):
    rng = random.Random(11)
    rows = [
        (
            rng.choice(list(FUEL_MODELS)),
            [rng.choice(values) for values in WET],
            rng.choice((0, 0.5, 3, 8, 30, 120)),
            rng.choice((0, 45, 90, 179, 180, 181, 270, 359, rng.uniform(0, 360))),
            rng.choice((0, 1, 10, 40, 100, 200)),
            rng.random() < 0.5,
        )
        for _ in range(2000)
    ]  # fmt: skip
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([*REQUIRED, "wind_limit"])
        table.writerows([n, *wet, *rest, "rothermel" if cap else "none"] for n, wet, *rest, cap in rows)
    assert behaviour_table(source, out) == 2000
    with out.open() as file:
        found = np.array([[float(row[name]) for name in ADDED] for row in csv.DictReader(file)])
    want = np.array([answer(*row) for row in rows])
    assert (want[:, 0] == 0).any()
    turn = (found[:, 1] - want[:, 1] + 180) % 360 - 180
    assert_allclose(np.where(want[:, 0] > 0, turn, 0.0), 0.0, atol=1e-5)
    # nine digits are written
    for k in (0, 2, 3, 4, 5, 6, 7):
        assert_allclose(found[:, k], want[:, k], rtol=1e-7, atol=1e-9, err_msg=ADDED[k])
