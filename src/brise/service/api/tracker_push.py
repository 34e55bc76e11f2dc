"""Where devices push: our own JSON, and what Sensor.Community's and AirGradient's firmware sends."""

import math
import re
import time
from typing import Any

import orjson
from fastapi import FastAPI, Request, Security
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from brise.conventions.errors import AccessError
from brise.io.owners import Pusher
from brise.io.sources.rows import number, variable_name
from brise.io.sources.sensor_community import FIELDS, PERIOD_S
from brise.io.tracker_samples import Push
from brise.service.api.air_quality import HotRoute
from brise.service.api.answers import encode
from brise.service.api.dependencies import Store, store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.tracker_access import Budget, KeyRing, count_failure, device_key, key_shown, refuse_often
from brise.service.api.tracker_rows import MAX_ROWS, Received, read_firmware, read_push
from brise.service.api.tracker_schemas import PushAnswer
from brise.service.grouped import Grouped

AIRGRADIENT = {"pm01": "µg/m³", "pm02": "µg/m³", "pm10": "µg/m³", "rco2": "ppm", "atmp": "c", "rhum": "%"}
"""What the monitor measures; its own corrections, indexes and raw signals are kept as reported."""

AIRGRADIENT_REPORTED = {
    "pm02Compensated": "pm25_compensated",
    "atmpCompensated": "temperature_compensated",
    "rhumCompensated": "relative_humidity_compensated",
    "tvocIndex": "voc_index",
    "noxIndex": "nox_index",
    "tvocRaw": "voc_raw",
    "noxRaw": "nox_raw",
    "pm003Count": "pm003_count",
}
AIRGRADIENT_ABOUT = ("serialno", "wifi", "boot", "bootCount", "firmware", "model", "ledMode")
AIRGRADIENT_PERIOD_S = 60


_SERIAL = re.compile(r"[\w:.-]{1,80}", re.ASCII)


class PushRoute(APIRoute):
    """A POST without what FastAPI wraps around a function; the description is as of any other."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; failures are for the layers around."""
        if scope["method"] != "POST":
            await super().handle(scope, receive, send)
            return
        response: Response = await self.endpoint(Request(scope, receive))
        await response(scope, receive, send)


class Door:
    """Where pushes of one process come in.

    Attributes:
        ring: Devices that have shown their key lately.
        budget: How often each has pushed.
        lookups: Keys that wait to be looked up.
        queue: What waits to be stored.
    """

    def __init__(self, store: Store) -> None:
        """Open the database with the first push."""
        self.ring, self.budget = KeyRing(), Budget()
        self.lookups: Grouped[str, Pusher | None] = Grouped(
            lambda texts: run_in_threadpool(lambda: store.tables().owners.by_keys(texts))
        )
        self.queue: Grouped[Push, bool] = Grouped(
            lambda pushes: run_in_threadpool(lambda: store.tables().samples.store_pushes(pushes)),
            lambda push: len(push.rows),
        )


def door_of(request: Request) -> Door:
    """The application's door."""
    door: Door = request.app.state.push_door
    return door


async def _device(request: Request, key: str | None) -> Pusher:
    """The device that shows a key.

    Raises:
        AccessError: None was shown, or it opens nothing.
        BusyError: Too many were wrong, or the device pushes too often.
    """
    door = door_of(request)
    pusher = door.ring.known(key) if key else None
    if pusher is None:
        refuse_often(request)
        if not key:
            raise AccessError("show the tracker's key: Authorization: Bearer bd_…, or as the password of HTTP Basic")
        pusher = await door.lookups.submit(key)
        if pusher is None:
            count_failure(request)
            raise AccessError("this key opens nothing: it is misspelt, replaced or erased")
        door.ring.remember(key, pusher)
    door.budget.spend(pusher.tracker.key)
    return pusher


async def _store(request: Request, pusher: Pusher, received: Received) -> Response:
    """Answer when everything kept is in the database.

    Raises:
        AccessError: The key was changed, or the tracker erased, since it was last looked up.
        StoreError: The database cannot serve now.
    """
    if received.rows:
        device = pusher.tracker.key
        if not await door_of(request).queue.submit(Push(device, pusher.prefix, received.rows)):
            door_of(request).ring.forget(device)
            count_failure(request)
            raise AccessError("this key opens nothing: it is misspelt, replaced or erased")
    body = {
        "stored": len(received.rows),
        "rejected": received.refusals,
        "refusals": received.refused,
        "unknown_fields": sorted(received.unknown),
    }
    return Response(encode(body), headers={"Cache-Control": "no-store"}, media_type="application/json")


async def _json(request: Request) -> Any:
    raw = await request.body()
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"the body is not JSON: {error.msg} at character {error.pos}") from None


async def push(request: Request) -> Response:
    """A tracker's samples, by its own key."""
    pusher = await _device(request, key_shown(request))
    if pusher.tracker.id != request.path_params["tracker_id"]:
        raise AccessError("this key is of another tracker")
    body = await _json(request)
    return await _store(request, pusher, read_push(body, pusher.tracker, int(time.time())))


async def _trusted(request: Request, serial: str) -> Pusher:
    """The device that shows a key or, where the server trusts its network, one registered with this serial.

    Raises:
        AccessError: Neither.
        BusyError: Too many were wrong, or the device pushes too often.
    """
    key = key_shown(request)
    if key or not store_of(request).trusted_push or not _SERIAL.fullmatch(serial):
        pusher = await _device(request, key)
        if serial and pusher.tracker.serial not in (None, serial):
            raise AccessError("this key is of a tracker with another serial")
        return pusher
    refuse_often(request)
    found = await run_in_threadpool(store_of(request).tables().owners.by_serial, serial)
    if found is None:
        count_failure(request)
        raise AccessError("no tracker is registered with this serial")
    door_of(request).budget.spend(found.tracker.key)
    return found


async def push_sensor_community(request: Request) -> Response:
    """One reading of a Sensor.Community device, now."""
    body = await _json(request)
    listed = body.get("sensordatavalues") if isinstance(body, dict) else None
    serial = request.headers.get("x-sensor") or (body.get("esp8266id") if isinstance(body, dict) else None)
    pusher = await _trusted(request, str(serial or "")[:80])
    if not isinstance(listed, list) or len(listed) > MAX_ROWS:
        raise ParameterError("sensordatavalues", type(listed).__name__, f"a list of at most {MAX_ROWS} values")
    measured: dict[str, tuple[float, str]] = {}
    unknown = set()
    for item in listed:
        name = str(item.get("value_type", "")) if isinstance(item, dict) else ""
        known = FIELDS.get(name.lower().rpartition("_")[2])  # SDS_P1, BME280_temperature, or plain P1
        if known is None:
            unknown.add(name[:40])
        elif known[0] not in measured:  # of two thermometers the first
            measured[known[0]] = number(item.get("value")), known[1]
    received = read_firmware(measured, {}, pusher.tracker, (int(time.time()), PERIOD_S))
    received.unknown |= unknown
    return await _store(request, pusher, received)


async def push_airgradient(request: Request) -> Response:
    """One measure of an AirGradient monitor, now."""
    pusher = await _trusted(request, request.path_params["serial"])
    body = await _json(request)
    if not isinstance(body, dict):
        raise ParameterError("body", type(body).__name__, "an object, as the monitor sends it")
    return await _store(request, pusher, read_airgradient(body, pusher, int(time.time())))


def read_airgradient(body: dict[str, Any], pusher: Pusher, now: int) -> Received:
    """What a monitor says of itself, as one row."""
    names = {name: variable_name(name) or name for name in AIRGRADIENT}
    measured = {
        ours: (number(body[name]), AIRGRADIENT[name]) for name, ours in names.items() if body.get(name) is not None
    }
    said = {ours: number(body.get(name)) for name, ours in AIRGRADIENT_REPORTED.items()}
    reported = {name: value for name, value in said.items() if math.isfinite(value)}
    received = read_firmware(measured, reported, pusher.tracker, (now, AIRGRADIENT_PERIOD_S))
    known = {*AIRGRADIENT, *AIRGRADIENT_REPORTED, *AIRGRADIENT_ABOUT}
    received.unknown |= {str(name)[:40] for name in list(body)[:MAX_ROWS] if name not in known}
    return received


_SAMPLE = {
    "type": "object",
    "required": ["time"],
    "description": "time (ISO 8601 or epoch seconds, END of the period), period_s, latitude, longitude, accuracy_m, "
    "speed_m_s, altitude_m, and quantities by our names.",
}
_PUSH = {
    "type": "object",
    "required": ["observations"],
    "properties": {
        "observations": {"type": "array", "maxItems": MAX_ROWS, "items": _SAMPLE},
        "units": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_BODY = {"required": True, "content": {"application/json": {"schema": _PUSH}}}
_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"model": PushAnswer}, **problems(400, 401, 413, 422, 429, 503)}


def _named(name: str) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": 80}
    return {"name": name, "in": "path", "required": True, "schema": text}


def add_routes(app: FastAPI) -> None:
    """Add the three ways to push, where they are compared early: they are asked most."""
    app.state.push_door = Door(app.state.store)
    any_json = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
    rows = (
        ("/v1/trackers/{tracker_id}/observations", push, "Push a batch; answered when it is stored.", _BODY),
        ("/v1/push-sensor-data/", push_sensor_community, "Push as Sensor.Community's firmware does.", any_json),
        ("/sensors/airgradient:{serial}/measures", push_airgradient, "Push as AirGradient's firmware does.", any_json),
    )
    for path, endpoint, summary, body in rows:
        parameters = [_named(part[1:-1]) for part in re.findall(r"\{\w+\}", path)]
        app.router.add_api_route(
            path,
            endpoint,
            methods=["POST"],
            summary=summary,
            tags=["push"],
            response_model=None,
            response_class=Response,
            responses=_ANSWERS,
            dependencies=[Security(device_key)],
            openapi_extra={"parameters": parameters, "requestBody": body},
            route_class_override=PushRoute,
        )
    app.router.routes.sort(key=lambda route: not isinstance(route, HotRoute | PushRoute))
