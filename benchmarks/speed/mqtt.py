"""2,000 messages a second by MQTT into each database: nothing that the broker took may be lost.

`python -m benchmarks.speed.mqtt [--database sqlite|postgresql] [--seconds 60] [--rate 2000] [--restart]`: a mosquitto
of its own, configured as docs/push.md says, the bridge in a second process, and 40 publishers in a third, of QoS 1 and
each for 50 trackers. `--restart` stops the broker in the middle and starts it again. What the broker acknowledged is
then looked for in the database, row by row.
"""

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
from benchmarks.speed.push import database, register
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import create_engine, make_url, text

from brise.io.tables import Tables
from brise.service.jobs.mqtt_bridge import broker_of, run_bridge

PUBLISHERS = 40
PATIENCE_S = 60.0
CONFIGURATION = """user root
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
max_inflight_messages 1000
max_queued_messages 0
"""


class Mosquitto:
    """A broker of this benchmark alone."""

    def __init__(self, folder: str) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise SystemExit("no mosquitto (apt install mosquitto)")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        Path(folder, "conf").write_text(CONFIGURATION.format(port=self.port, folder=folder))
        self.command = [program, "-c", f"{folder}/conf"]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit("mosquitto did not start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


class Publisher:
    """Some trackers' messages over one connection; what is on its way when it breaks, the library publishes again."""

    def __init__(self, place: int, port: int) -> None:
        self.taken: list[tuple[int, int]] = []
        self.flying: dict[int, tuple[int, int]] = {}
        self.early: set[int] = set()
        self.lock = threading.Lock()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, f"p{place}", clean_session=False)
        self.client.on_publish = self._published
        self.client.max_inflight_messages_set(1000)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _published(self, _client: object, _data: object, mid: int, *_: object) -> None:
        with self.lock:
            found = self.flying.pop(mid, None)
            if found is None:
                self.early.add(mid)
            else:
                self.taken.append(found)

    def publish(self, topic: str, key: str, what: tuple[int, int]) -> None:
        body = json.dumps({"key": key, "observations": [{"time": what[1], "pm25": 12.5}]})
        mid = self.client.publish(topic, body, qos=1).mid
        with self.lock:
            if mid in self.early:
                self.early.remove(mid)
                self.taken.append(what)
            else:
                self.flying[mid] = what


def publish(port: int, folder: str, seconds: int, rate: int) -> None:
    """The third process: publish, and write down what the broker took."""
    trackers = json.loads(Path(folder, "trackers.json").read_text())
    publishers = [Publisher(place, port) for place in range(PUBLISHERS)]
    start, sent, behind = time.time() + 0.5, 0, 0.0
    while sent < seconds * rate:
        due = min(int((time.time() - start) * rate), seconds * rate)
        behind = max(behind, (due - sent) / rate)
        while sent < due:
            place = sent % len(trackers)
            tracker, key = trackers[place]
            moment = int(start) - 100_000 + sent // len(trackers)
            publishers[place % PUBLISHERS].publish(f"brise/trackers/{tracker}/observations", key, (place, moment))
            sent += 1
        time.sleep(0.005)
    took = time.time() - start
    until = time.monotonic() + PATIENCE_S
    while any(one.flying for one in publishers) and time.monotonic() < until:
        time.sleep(0.1)
    told = {"taken": [row for one in publishers for row in one.taken], "start": int(start) - 100_000}
    Path(folder, "taken.json").write_text(json.dumps(told | {"took": took, "behind": behind}))


def bridge(url: str, port: int) -> None:
    """The second process."""
    with Tables.open(url) as tables:
        run_bridge(tables, broker_of(f"mqtt://127.0.0.1:{port}"), False, threading.Event())


def counted(url: str) -> tuple[int, set[tuple[str, int]]]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg") if "postgres" in url else url)
    query = "SELECT t.id, s.time FROM tracker_samples s JOIN trackers t ON t.key = s.device WHERE s.pm25 = 12.5"
    with engine.connect() as connection:
        rows = {(one, int(moment)) for one, moment in connection.execute(text(query))}
    engine.dispose()
    return len(rows), rows


def measure(kind: str, seconds: int, rate: int, restart: bool) -> bool:
    with tempfile.TemporaryDirectory() as folder, database(kind, folder) as (url, _):
        trackers = register(url)
        Path(folder, "trackers.json").write_text(json.dumps(trackers))
        broker = Mosquitto(folder)
        me = [sys.executable, "-m", "benchmarks.speed.mqtt", "--port", str(broker.port)]
        listener = subprocess.Popen([*me, "--bridge", url])
        time.sleep(4)  # its subscription: what is published before reaches nobody
        sender = subprocess.Popen([*me, "--publish", folder, "--seconds", str(seconds), "--rate", str(rate)])
        if restart:
            time.sleep(seconds / 2)
            before = time.time()
            broker.stop()
            broker.start()
            print(f"{kind}: broker stopped and back after {time.time() - before:.1f} s")
        sender.wait(seconds + 2 * PATIENCE_S)
        told = json.loads(Path(folder, "taken.json").read_text())
        taken = {(trackers[place][0], moment) for place, moment in told["taken"]}
        ended, until = time.time(), time.monotonic() + PATIENCE_S
        while (found := counted(url))[0] < len(taken) and time.monotonic() < until:
            time.sleep(0.5)
        lag = time.time() - ended
        fields = Path(f"/proc/{listener.pid}/stat").read_text().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / 100
        listener.kill()
        listener.wait()
        broker.stop()
    lost = taken - found[1]
    print(
        f"{kind}: {seconds * rate} messages at {rate}/s in {told['took']:.1f} s (at most {told['behind']:.2f} s behind)"
    )
    print(f"  the broker took {len(taken)}; of these stored {len(taken & found[1])}, lost {len(lost)}")
    if lost:
        seconds_lost = sorted({moment - told["start"] for _, moment in lost})
        print(f"  lost are of seconds {seconds_lost} after the start")
    print(f"  all stored {lag:.1f} s after the last was taken; bridge {cpu:.0f} s CPU")
    good = not lost and len(taken) == seconds * rate
    print(f"  {'meets' if good else 'MISSES'}: all taken, none lost")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--restart", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--bridge")
    parser.add_argument("--publish")
    given = parser.parse_args()
    if given.bridge:
        bridge(given.bridge, given.port)
    elif given.publish:
        publish(given.port, given.publish, given.seconds, given.rate)
    else:
        kinds = given.database or ["sqlite", "postgresql"]
        met = [measure(kind, given.seconds, given.rate, given.restart) for kind in kinds]
        if not all(met):
            sys.exit(1)


if __name__ == "__main__":
    main()
