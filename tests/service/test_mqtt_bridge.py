"""MQTT into the store, through a real broker: acknowledged once stored, across restarts of both."""

import json
import shutil
import socket
import subprocess
import threading
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from brise.conventions.errors import ConfigurationError, StoreError
from brise.io.tables import Tables
from brise.service.jobs.mqtt_bridge import Broker, Decoder, Message, broker_of, run_bridge

NOW = int(time.time())
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
CONFIGURATION = """user root
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_on_changes true
autosave_interval 1
max_inflight_messages 1000
max_queued_messages 0
"""


class Mosquitto:
    def __init__(self, folder) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        folder.mkdir()
        (folder / "conf").write_text(CONFIGURATION.format(port=self.port, folder=folder))
        self.start()

    def start(self) -> None:
        log = (self.folder / "log").open("a")
        self.process = subprocess.Popen([MOSQUITTO, "-c", str(self.folder / "conf")], stdout=log, stderr=log)
        log.close()
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def broker(tmp_path):
    if MOSQUITTO is None:
        pytest.skip("no mosquitto (apt install mosquitto)")
    broker = Mosquitto(tmp_path / "broker")
    yield broker
    broker.stop()


@pytest.fixture
def bag(tmp_path):
    with Tables.open(f"sqlite:///{tmp_path}/brise.sqlite") as tables:
        owner, _ = tables.owners.create()
        tracker, key = tables.owners.register(owner.key, {"serial": "84fce6"})
        tables.mine, tables.tracker, tables.key = (owner.key, tracker.key), tracker, key
        yield tables


@pytest.fixture
def publisher(broker):
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "publisher", protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def bridge(tables, port: int, trusted: bool = False):
    stop = threading.Event()
    where = Broker("127.0.0.1", port, None, None, False)
    worker = threading.Thread(target=run_bridge, args=(tables, where, trusted, stop), daemon=True)
    worker.start()

    def leave() -> None:
        stop.set()
        worker.join(20)
        assert not worker.is_alive()

    return leave


def publish(client, bag, count: int, start: int = 0) -> list:
    topic = f"brise/trackers/{bag.tracker.id}/observations"
    rows = ({"time": NOW - 10_000 + start + place, "pm25": 1.5} for place in range(count))
    return [client.publish(topic, json.dumps({"key": bag.key, "observations": [row]}), qos=1) for row in rows]


def wait_for(bag, count: int, seconds: float = 30) -> int:
    until = time.monotonic() + seconds
    while (found := bag.samples.summary(*bag.mine).samples) < count and time.monotonic() < until:
        time.sleep(0.05)
    return found


def settle(client, bag) -> None:
    """What is published before the first subscription reaches nobody: publish until something does."""
    until = time.monotonic() + 20
    while not bag.samples.summary(*bag.mine).samples and time.monotonic() < until:
        publish(client, bag, 1)[0].wait_for_publish(20)
        time.sleep(0.05)


def test_what_the_broker_took_is_stored_across_a_restart_of_the_broker(broker, publisher, bag):
    leave = bridge(bag, broker.port)
    settle(publisher, bag)
    publish(publisher, bag, 200)
    assert wait_for(bag, 200) == 200
    sent = publish(publisher, bag, 300, start=200)
    broker.stop()
    broker.start()
    for one in sent:
        one.wait_for_publish(20)
    acknowledged = {NOW - 10_000 + 200 + place for place, one in enumerate(sent) if one.is_published()}
    assert len(acknowledged) > 200
    wait_for(bag, 200 + len(acknowledged))
    kept = set(bag.samples.read(*bag.mine)["time"].astype("int64"))
    assert acknowledged - kept == set()
    leave()


def test_what_came_while_the_bridge_was_away_is_stored_afterwards(broker, publisher, bag):
    leave = bridge(bag, broker.port)
    settle(publisher, bag)
    leave()
    for one in publish(publisher, bag, 100, start=1):
        one.wait_for_publish(20)
    assert bag.samples.summary(*bag.mine).samples == 1
    leave = bridge(bag, broker.port)
    assert wait_for(bag, 101) == 101
    leave()


def test_while_the_database_is_away_nothing_is_acknowledged(broker, publisher, bag, monkeypatch):
    store, away = bag.samples.store_pushes, threading.Event()

    def failing(pushes):
        if away.is_set():
            raise StoreError("store (postgresql): write failed: connection refused")
        return store(pushes)

    monkeypatch.setattr(bag.samples, "store_pushes", failing)
    leave = bridge(bag, broker.port)
    settle(publisher, bag)
    away.set()
    for one in publish(publisher, bag, 50):
        one.wait_for_publish(20)
    time.sleep(0.5)
    assert bag.samples.summary(*bag.mine).samples == 1
    leave()  # not acknowledged, so the broker has all of it still
    away.clear()
    leave = bridge(bag, broker.port)
    assert wait_for(bag, 50) == 50
    leave()


def decoder(bag, trusted: bool = False) -> Decoder:
    return Decoder(bag.owners, trusted)


def message(topic: str, payload: object) -> Message:
    return Message(1, 1, 1, topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode())


def test_what_cannot_be_read_is_counted_and_never_logged(bag, caplog):
    caplog.set_level("DEBUG")
    ours = f"brise/trackers/{bag.tracker.id}/observations"
    row = {"time": NOW - 5, "pm25": 66.25}
    good = {"key": bag.key, "observations": [row, row | {"pm25": -66.25}]}
    bad = decoder(bag)
    pushes = bad.pushes([
        message(ours, good),
        message(ours, b"{66.25"),
        message(ours, b"[]"),
        message(ours, b" " * 300_000),
        message(ours, {"key": bag.key, "observations": 66.25}),
        message(ours, {"observations": [row]}),
        message(ours, {"key": "bd_000000000000_" + 40 * "0", "observations": [row]}),
        message("brise/trackers/t0/observations", good),
        message("airgradient/readings/84fce6", {"pm02": 66.25}),
    ])  # fmt: skip
    assert [len(push.rows) for push in pushes] == [1]
    assert dict(bad.counts) == {"malformed": 4, "refused": 4, "rows_refused": 1}
    assert not any(secret in caplog.text for secret in (bag.key, "66.25"))


def test_where_the_broker_is_trusted_topics_stand_for_keys(bag):
    ours = f"brise/trackers/{bag.tracker.id}/observations"
    trusting = decoder(bag, trusted=True)
    messages = [
        message(ours, {"observations": [{"time": NOW - 5, "pm25": 1}]}),
        message("airgradient/readings/84fce6", {"pm02": 7, "rco2": 440}),
        message("airgradient/readings/unknown", {"pm02": 7}),
    ]
    for _ in range(2):  # known the second time
        pushes = trusting.pushes(messages)
        assert bag.samples.store_pushes(pushes) == [True, True]
    assert trusting.counts["refused"] == 2
    assert bag.samples.read(*bag.mine)["pm25"].tolist() == [1.0, 7.0]


@pytest.mark.parametrize("url", ["http://broker", "mqtt://", "mqtt://broker:port", "broker:1883", ""])
def test_a_wrong_address_is_a_configuration_error(url):
    with pytest.raises(ConfigurationError, match="BRISE_MQTT_URL"):
        broker_of(url)
