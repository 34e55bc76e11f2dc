"""How a large fire simulation slows the rest of the API: `current` without it and while its members run, in one run.

python -m benchmarks.speed.fire_api http://127.0.0.1:8080      a server of `brise up` with a published map
"""

import sys
import time
from typing import Any

import httpx
import numpy as np

MEMBERS, SECONDS, ROUNDS = 1000, 8.0, 3
FIRE: dict[str, Any] = {
    "landscape": "demonstration",
    "ignition": {"type": "Point", "coordinates": [28.29, -26.49]},
    "start": "2026-11-23T10:00Z",
    "hours": 6,
    "weather": {
        "time": ["2026-11-23T10:00Z", "2026-11-23T13:00Z"],
        "wind_speed_m_s": [5, 7],
        "wind_from_degrees": [300, 320],
        "temperature_c": [27, 30],
        "relative_humidity_percent": [25, 18],
    },
    "members": MEMBERS,
}


def milliseconds(client: httpx.Client, rng: np.random.Generator) -> np.ndarray:
    """Times of requests one after another, 10 ms apart."""
    found = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        latitude, longitude = np.array([51.5, -0.12]) + rng.uniform(-0.1, 0.1, 2)
        began = time.perf_counter()
        client.get(f"/v1/air-quality/current?latitude={latitude:.4f}&longitude={longitude:.4f}").raise_for_status()
        found.append(1e3 * (time.perf_counter() - began))
        time.sleep(0.01)
    return np.array(found)


def told(name: str, rounds: list[np.ndarray]) -> None:
    """One line: medians and 99 % of each round."""
    middle, late = ([f"{np.quantile(one, q):.1f}" for one in rounds] for q in (0.5, 0.99))
    print(f"{name:8} median {', '.join(middle)} ms; 99 % {', '.join(late)} ms")


def main() -> None:
    """Measure, then cancel the simulation."""
    rng = np.random.default_rng(0)
    with httpx.Client(base_url=sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080", timeout=120) as client:
        told("without", [milliseconds(client, rng) for _ in range(ROUNDS)])
        there = client.post("/v1/fire-simulations", json=FIRE).raise_for_status().headers["Location"]
        while "members" not in (job := client.get(there).json())["stage"]:
            if job["state"] not in ("queued", "running"):
                sys.exit(f"the simulation is {job['state']}: {job['message']}")
            time.sleep(0.2)
        began, before = time.perf_counter(), client.get(there).json()["progress"]
        told("with", [milliseconds(client, rng) for _ in range(ROUNDS)])
        share = (client.get(there).json()["progress"] - before) / 0.65  # of the job's progress, members are 0.2 to 0.85
        print(f"meanwhile {MEMBERS * share / (time.perf_counter() - began):.0f} members a second")
        client.delete(there)


if __name__ == "__main__":
    main()
