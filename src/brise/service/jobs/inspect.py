"""What the shell shows of a data folder: the API's own answers, asked in this process, without a server."""

import asyncio
from typing import Any

import httpx

from brise.conventions.errors import StoreError
from brise.service.api.app import create_app
from brise.service.settings import Settings


def ask(settings: Settings, path: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
    """The JSON that the API answers.

    Raises:
        StoreError: It answered with a problem; the message is the problem's.
    """

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(create_app(settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://brise") as client:
            return await client.get(path, params=parameters)

    answer = asyncio.run(get())
    body: dict[str, Any] = answer.json()
    if answer.status_code != httpx.codes.OK:
        raise StoreError(f"{body.get('title', answer.status_code)}: {body.get('detail', '')}")
    return body


def point_answer(settings: Settings, latitude: float, longitude: float) -> dict[str, Any]:
    """The air at a place, now."""
    return ask(settings, "/v1/air-quality/current", {"latitude": latitude, "longitude": longitude})


def point_rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """For a table."""
    rows = [
        {"what": name, "value": one["value"], "10 %": one["q10"], "90 %": one["q90"], "unit": one["unit"]}
        for name, one in answer["concentrations"].items()
    ]
    rows += [
        {"what": name, "value": one["value"], "10 %": None, "90 %": None, "unit": one["category"] or "unknown"}
        for name, one in answer["indices"].items()
    ]
    about = answer["provenance"] or {}
    notes = {
        "time": answer["time"],
        "status": answer["reason"] or answer["status"],
        "simulated": "yes: not a measurement" if about.get("simulated") else "no",
        "from": ", ".join(f"{s['name']} ({s['distance_km']} km)" for s in about.get("stations", [])),
    }
    return rows + [{"what": k, "value": v, "10 %": None, "90 %": None, "unit": None} for k, v in notes.items()]


def status_answer(settings: Settings) -> dict[str, Any]:
    """Sources, runs, domains."""
    return ask(settings, "/v1/status")


def status_rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """For a table."""
    rows = [{"what": "version", "state": answer["version"], "details": ""}]
    rows += [
        {"what": f"source {s['name']}", "state": s["last_error"] or "ok", "details": f"newest {s['newest_time']}"}
        for s in answer["sources"]
    ]
    rows += [
        {"what": f"domain {d['name']}", "state": d["init_time"], "details": f"{d['stations']} stations"}
        for d in answer["domains"]
    ]
    rows += [
        {"what": f"job {j['product']}", "state": j["state"], "details": f"{j['time']} {j['message'] or ''}"}
        for j in answer["jobs"][:5]
    ]
    return rows + [{"what": "note", "state": note, "details": ""} for note in answer["notes"]]
