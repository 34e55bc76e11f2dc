"""From an MQTT broker into the store: a message is acknowledged to the broker only after it has been committed.

`brise/trackers/ID/observations` carries what the API's push takes, with the tracker's `key` in it;
`airgradient/readings/SERIAL` is what AirGradient's firmware publishes. The session is persistent: what came while we,
the broker or the database were away is sent (again) afterwards, and storing twice changes nothing. One bridge works on
a store at a time; others stand by.
"""

import logging
import re
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from brise.conventions.errors import ConfigurationError, InputError, StoreError
from brise.io.owners import Owners, Pusher
from brise.io.tables import Tables
from brise.io.tracker_samples import Push
from brise.service.api.tracker_access import KeyRing
from brise.service.api.tracker_push import read_airgradient
from brise.service.api.tracker_rows import Received, read_push
from brise.service.settings import Settings

LOG = logging.getLogger(__name__)
CLIENT_ID = "brise-bridge"
TOPICS = ("brise/trackers/+/observations", "airgradient/readings/+")
MAX_PAYLOAD = 256 * 1024
MAX_WAITING = 2_000
"""Messages that the broker may send before any of them is acknowledged: they bound our memory."""

SESSION_S = 7 * 86_400
"""How long the broker keeps what we have not had."""

LINGER_S = 0.02
TOGETHER = 1_000
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)
TELL_S = 60.0
LEASE_NAME, LEASE, RENEW_S = "mqtt_bridge", timedelta(minutes=5), 60.0
_OURS = re.compile(r"brise/trackers/([a-z0-9]{1,40})/observations")
_THEIRS = re.compile(r"airgradient/readings/([\w:.-]{1,80})", re.ASCII)


class Broker(NamedTuple):
    """Where and as whom to connect."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool


class Message(NamedTuple):
    """One message, until it is acknowledged.

    Attributes:
        session: Which connection it came by; on another one its number means nothing.
        mid: Its number there.
        qos: 0 = nobody waits for an acknowledgement.
        topic: As published.
        payload: As published.
    """

    session: int
    mid: int
    qos: int
    topic: str
    payload: bytes


def broker_of(url: str) -> Broker:
    """Read `mqtt://user:password@host:port` (mqtts: with TLS).

    Raises:
        ConfigurationError: It is none.

    >>> broker_of("mqtts://me:s%40d@broker.example")
    Broker(host='broker.example', port=8883, user='me', password='s@d', tls=True)
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or port == -1:
        raise ConfigurationError("BRISE_MQTT_URL: expected mqtt://user:password@host:port, or mqtts://")
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    tls = parts.scheme == "mqtts"
    return Broker(parts.hostname, port or (8883 if tls else 1883), user, password, tls)


@dataclass(slots=True)
class Decoder:
    """From messages to pushes.

    Attributes:
        owners: Who is asked for keys.
        trusted: Topics stand for keys.
        counts: What became of messages and rows since the last report.
        ring: Devices that have shown their key lately.
    """

    owners: Owners
    trusted: bool
    counts: Counter[str] = field(default_factory=Counter)
    ring: KeyRing = field(default_factory=KeyRing)

    def pushes(self, messages: list[Message]) -> list[Push]:
        """What is to be stored; everything else is counted.

        Raises:
            StoreError: The database cannot serve now.
        """
        bodies = [self._body(one) for one in messages]
        shown = {str(body["key"]) for body in bodies if body and isinstance(body.get("key"), str)}
        unknown = [key for key in shown if self.ring.known(key) is None]
        found = dict(zip(unknown, self.owners.by_keys(unknown), strict=True)) if unknown else {}
        for key, pusher in found.items():
            if pusher is not None:
                self.ring.remember(key, pusher)
        return [push for one, body in zip(messages, bodies, strict=True) if body and (push := self._push(one, body))]

    def _body(self, message: Message) -> dict[str, Any] | None:
        try:
            body = orjson.loads(message.payload) if len(message.payload) <= MAX_PAYLOAD else None
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            self.counts["malformed"] += 1
            return None
        return body

    def _push(self, message: Message, body: dict[str, Any]) -> Push | None:
        now, ours, theirs = int(time.time()), _OURS.fullmatch(message.topic), _THEIRS.fullmatch(message.topic)
        pusher = self._pusher(body.get("key"), ours, theirs)
        if pusher is None:
            self.counts["refused"] += 1
            return None
        try:
            received: Received = read_push(body, pusher.tracker, now) if ours else read_airgradient(body, pusher, now)
        except InputError:
            self.counts["malformed"] += 1
            return None
        self.counts["rows_refused"] += received.refusals
        return Push(pusher.tracker.key, pusher.prefix, received.rows) if received.rows else None

    def _pusher(self, key: object, ours: "re.Match[str] | None", theirs: "re.Match[str] | None") -> Pusher | None:
        if isinstance(key, str):
            pusher = self.ring.known(key)
            wrong = pusher is not None and ours is not None and pusher.tracker.id != ours[1]
            return None if wrong else pusher
        if not self.trusted:
            return None
        if ours:
            return self._named(f"id {ours[1]}", lambda: self.owners.by_tracker_id(ours[1]))
        return self._named(f"serial {theirs[1]}", lambda: self.owners.by_serial(theirs[1])) if theirs else None

    def _named(self, name: str, ask: Any) -> Pusher | None:
        known = self.ring.known(name)
        if known is not None:
            return known
        found: Pusher | None = ask()
        if found is not None:
            self.ring.remember(name, found)
        return found


class Bridge:
    """One connection to a broker and one worker that stores what comes by it."""

    def __init__(self, tables: Tables, broker: Broker, trusted: bool) -> None:
        """Connect to nothing yet."""
        self._tables, self._broker = tables, broker
        self.decoder = Decoder(tables.owners, trusted)
        self._waiting: deque[Message] = deque()
        self._came = threading.Event()
        self._session = 0
        self._told = time.monotonic()
        self._client = self._make_client()

    @property
    def counts(self) -> Counter[str]:
        """What became of messages and rows since the last report."""
        return self.decoder.counts

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, CLIENT_ID, protocol=mqtt.MQTTv5, manual_ack=True)
        if self._broker.user is not None:
            client.username_pw_set(self._broker.user, self._broker.password)
        if self._broker.tls:
            client.tls_set_context(ssl.create_default_context())
        client.reconnect_delay_set(1, 30)
        client.on_connect, client.on_disconnect, client.on_message = self._connected, self._parted, self._arrived
        client.on_subscribe = self._subscribed
        return client

    def start(self) -> None:
        """Connect in a thread of the library's own, and again whenever the connection is lost."""
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval, session.ReceiveMaximum = SESSION_S, MAX_WAITING
        self._client.connect_async(
            self._broker.host, self._broker.port, keepalive=30, clean_start=False, properties=session
        )
        self._client.loop_start()

    def stop(self) -> None:
        """Leave; the broker keeps what comes."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            LOG.error("MQTT broker %s:%d refuses: %s", self._broker.host, self._broker.port, reason)
            return
        self._session += 1
        client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in TOPICS])

    def _subscribed(self, _client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        level, what = (logging.ERROR, f"refuses topics: {refused[0]}") if refused else (logging.INFO, "listening")
        LOG.log(level, "MQTT broker %s:%d: %s", self._broker.host, self._broker.port, what)

    def _parted(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._session += 1
        self._waiting.clear()  # the broker sends them again
        level = logging.WARNING if reason.is_failure else logging.INFO
        LOG.log(level, "MQTT broker %s:%d: connection ended (%s)", self._broker.host, self._broker.port, reason)

    def _arrived(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._waiting.append(Message(self._session, message.mid, message.qos, message.topic, bytes(message.payload)))
        self._came.set()

    def work(self, seconds: float, stop: threading.Event) -> None:
        """Store and acknowledge what comes, for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not stop.is_set():
            if not self._came.wait(0.5):
                continue
            time.sleep(LINGER_S)
            self._came.clear()
            while group := self._take():
                self._store(group, stop)
            self._tell()

    def _take(self) -> list[Message]:
        group: list[Message] = []
        while self._waiting and len(group) < TOGETHER:
            try:
                group.append(self._waiting.popleft())
            except IndexError:  # the connection was lost in between
                break
        return group

    def _store(self, group: list[Message], stop: threading.Event) -> None:
        for pause in (*BACKOFF_S, *(BACKOFF_S[-1] for _ in range(1_000_000))):
            try:
                pushes = self.decoder.pushes(group)
                stored = self._tables.samples.store_pushes(pushes) if pushes else []
            except StoreError as error:
                LOG.warning("%s; %d messages wait", error, len(group))
                if stop.wait(pause):
                    return
                continue
            for push, kept in zip(pushes, stored, strict=True):
                self.counts["rows" if kept else "refused"] += len(push.rows) if kept else 1
                if not kept:
                    self.decoder.ring.forget(push.device)
            for message in group:  # in the order in which they came, as MQTT demands
                if message.qos and message.session == self._session:
                    self._client.ack(message.mid, message.qos)
            return

    def _tell(self) -> None:
        if time.monotonic() - self._told > TELL_S:
            self._told = time.monotonic()
            LOG.info("MQTT: %s", ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items())))
            self.counts.clear()


def run_bridge(tables: Tables, broker: Broker, trusted: bool, stop: threading.Event) -> None:
    """Work until `stop`; stand by while another bridge works on this store."""
    bridge: Bridge | None = None
    with ExitStack() as lease:
        while not stop.is_set():
            try:
                lease.close()  # taken anew every minute: another may come in between, and then we stand by
                mine = lease.enter_context(tables.lease(LEASE_NAME, LEASE))
            except StoreError as error:
                LOG.warning("%s", error)
                mine = bridge is not None
            if mine and bridge is None:
                bridge = Bridge(tables, broker, trusted)
                bridge.start()
            elif not mine and bridge is not None:
                bridge.stop()
                bridge = None
            if bridge is None:
                stop.wait(RENEW_S / 4)
            else:
                bridge.work(RENEW_S, stop)
        if bridge is not None:
            bridge.stop()


@contextmanager
def bridge_beside(settings: Settings) -> Iterator[None]:
    """A bridge in a thread of this process, to the broker of BRISE_MQTT_URL.

    Raises:
        ConfigurationError: It cannot be read.
    """
    broker = broker_of(settings.mqtt_url.get_secret_value() if settings.mqtt_url else "")
    stop = threading.Event()
    with Tables.open(settings.resolved_database_url()) as tables:
        worker = threading.Thread(target=run_bridge, args=(tables, broker, settings.trusted_push, stop), daemon=True)
        worker.start()
        try:
            yield
        finally:
            stop.set()
            worker.join(10)
