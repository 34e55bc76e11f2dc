"""The fire front: settled cells a second on one core, a thousand members on two, memory for three sizes.

    python -m benchmarks.speed.fire_front [MEMBERS]

Precomputed tables of spread; process CPU time for one core and wall time for the ensemble; the least of RUNS, since
others disturb. `march` is the loop alone, `front` adds the tables' checks and the arrays in and out.
"""

import sys
import time
import tracemalloc
from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter

from brise.formulas.fire import front_kernels
from brise.formulas.fire.front import Clock, Ignition, Spread, front, fronts

RUNS, CELL, FOREVER = 8, 30.0, 1e9


def landscape(n: int, rough: float, e: float) -> Spread:
    rng = np.random.default_rng(1)
    waves = [gaussian_filter(rng.standard_normal((n, n)), 8.0) for _ in range(2)]
    rate, turn = (rough * wave / wave.std() for wave in waves)
    return Spread(0.0, 0.3 * np.exp(rate), 0.5 + turn, np.full((n, n), e))


def one_core(name: str, spread: Spread) -> None:
    n, loop, settled = len(spread.rate), [], []
    march = front_kernels.march

    def timed(*args):
        start = time.process_time()
        settled.append(march(*args))
        loop.append(time.process_time() - start)
        return settled[-1]

    front_kernels.march = timed
    whole = []
    for _ in range(RUNS):
        start = time.process_time()
        found = front([spread], [Ignition([n // 2], [n // 2], 0.0)], Clock(0.0, FOREVER), CELL)
        whole.append(time.process_time() - start)
    front_kernels.march = march
    burned = int(np.isfinite(found.arrival).sum())
    print(
        f"{name}: {burned} cells, march {burned / min(loop) / 1e6:.2f} M cells/s, front {burned / min(whole) / 1e6:.2f}"
        f" M cells/s, {settled[-1] / burned:.3f} visits a cell"
    )


def ensemble(members: int) -> None:
    base = landscape(300, 0.3, 0.8)

    def member(_: int, rng: np.random.Generator):
        return [replace(base, rate=base.rate * rng.lognormal(0.0, 0.3))], [Ignition([150], [150], 0.0)]

    start, cpu, burned = time.perf_counter(), time.process_time(), 0
    for found in fronts(member, members, Clock(0.0, FOREVER), CELL, seed=1, workers=2):
        burned += int(np.isfinite(found.arrival).sum())
    took, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(
        f"{members} members of 300 x 300, wholly burned ({burned} cells): {took:.1f} s on two threads,"
        f" {cpu:.1f} s of CPU"
    )


def memory(n: int) -> None:
    spread = landscape(n, 0.3, 0.8)
    tracemalloc.start()
    front([spread], [Ignition([n // 2], [n // 2], 0.0)], Clock(0.0, FOREVER), CELL)
    print(f"{n} x {n}: {tracemalloc.get_traced_memory()[1] / n**2:.0f} bytes a cell at the most")
    tracemalloc.stop()


if __name__ == "__main__":
    front([landscape(20, 0.0, 0.5)], [Ignition([9], [9], 0.0)], Clock(0.0, 100.0), CELL)  # compile
    for side in (300, 1000):
        one_core(f"{side} x {side}, still air", landscape(side, 0.0, 0.0))
        one_core(f"{side} x {side}, wind (L/W 2.2)", landscape(side, 0.0, 0.894))
        one_core(f"{side} x {side}, wind and varied fuel", landscape(side, 0.3, 0.8))
        one_core(f"{side} x {side}, headings of every kind, L/W 2.3", landscape(side, 0.8, 0.9))
    for side in (250, 500, 1000):
        memory(side)
    ensemble(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
