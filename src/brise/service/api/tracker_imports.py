"""`/v1/trackers/{id}/imports`: files that an owner brings, streamed to the disk and read beside the requests."""

import asyncio
import re
import secrets
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from brise.conventions.errors import BusyError, StoreError
from brise.io.tables import Tables
from brise.io.tracker_choices import Import
from brise.io.tracker_reading import Options
from brise.service.api.dependencies import iso, store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.tracker_access import Id, MyTracker
from brise.service.api.tracker_owners import private
from brise.service.api.tracker_schemas import Imports, ImportShown
from brise.service.api.trackers import ONE, REFUSED
from brise.service.jobs.erase import IMPORTS
from brise.service.jobs.tracker_upload import bring_file

router = APIRouter(tags=["trackers"])
MAX_FILE = 256 * 2**20
"""Bytes as they are sent; what they unpack to is bounded by the reader."""

UPLOAD_S = 900.0
WAIT_S = 10.0
"""How long a request waits for its file to be read before it is told to ask again."""

GIVEN_UP_S = 7_200.0
"""A file that is still being read after so long was lost with its process."""

AT_ONCE, WAITING = 1, 8
_READERS = ThreadPoolExecutor(AT_ONCE, "import")
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}}
            for media in ("application/octet-stream", "application/zip", "text/csv")
        },
    }
}


class ImportQuery(BaseModel):
    """What the owner says of the file."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=120, pattern=r"^[\w ().-]*$", description="Of the file.")] = "export"
    device: Annotated[str, Field(max_length=80, description="Which, where the file holds several.")] = ""
    timezone: Annotated[str, Field(max_length=40, description="Of times that state none.")] = "UTC"


def _shown(one: Import) -> dict[str, Any]:
    if one.state == "running" and one.created < time.time() - GIVEN_UP_S:
        one = one._replace(state="failed", message="the server stopped before it was read: bring it again")
    times = {"created": iso(one.created), "finished": None if one.finished is None else iso(one.finished)}
    return one._asdict() | times


async def _receive(request: Request, path: Path) -> None:
    """Stream the body to a file.

    Raises:
        ParameterError: There is none.
        HTTPException: It is too large, or too slow.
        StoreError: The disk cannot take it.
    """
    size = 0
    try:
        with path.open("wb") as file:
            async with asyncio.timeout(UPLOAD_S):
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > MAX_FILE:
                        raise HTTPException(413, f"the file: at most {MAX_FILE} bytes")
                    await run_in_threadpool(file.write, chunk)
    except TimeoutError:
        raise HTTPException(413, f"the file did not come within {UPLOAD_S:.0f} s") from None
    except OSError as error:
        raise StoreError(f"imports: cannot be written: {error.strerror}") from None
    if size == 0:
        raise ParameterError("body", "0 bytes", "a file")


def _options(query: ImportQuery) -> Options:
    try:
        ZoneInfo(query.timezone)
    except (KeyError, ValueError, OSError):
        raise ParameterError("timezone", query.timezone, "an IANA zone, such as Europe/Paris") from None
    return Options(device=query.device, zone=query.timezone)


def _folder(root: Path, tracker_id: str) -> Path:
    folder = root / IMPORTS / f"{tracker_id}-{secrets.token_hex(8)}"  # erasure looks for the beginning
    try:
        folder.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise StoreError(f"imports: cannot be written: {error.strerror}") from None
    return folder


@router.post(
    f"{ONE}/imports",
    summary="Bring an export: CSV, GPX, or a zip of them, as the body.",
    status_code=202,
    response_model=None,
    responses={
        201: {"model": ImportShown, "description": "Read, or refused: see `state`."},
        202: {"model": ImportShown, "description": "Still being read: ask again at `Location`."},
        **problems(401, 404, 413, 422, 429, 503),
    },
    openapi_extra=_BODY,
)
async def bring(request: Request, mine: MyTracker, query: Annotated[ImportQuery, Query()]) -> Response:
    """All of it is stored, or nothing; a file brought twice changes nothing."""
    store, options = store_of(request), _options(query)
    if _READERS._work_queue.qsize() >= WAITING:
        raise BusyError("too many files wait to be read; bring it again in a minute")
    path = _folder(store.root, mine.tracker.id) / (re.sub(r"^\.+", "", query.name.strip()) or "export")
    tables, numbers = store.tables(), (mine.owner.key, mine.tracker.key)
    try:
        await _receive(request, path)
        import_id = await run_in_threadpool(tables.choices.begin_import, *numbers)
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise
    work = _READERS.submit(bring_file, tables, numbers, path, options, import_id)
    await asyncio.wait([asyncio.wrap_future(work)], timeout=WAIT_S)
    return await run_in_threadpool(_answer, tables, mine, import_id)


def _answer(tables: Tables, mine: Any, import_id: str) -> Response:
    found = tables.choices.an_import(mine.owner.key, mine.tracker.key, import_id)
    answer = private(_shown(found), 202 if found.state == "running" else 201)
    answer.headers["Location"] = f"/v1/trackers/{mine.tracker.id}/imports/{import_id}"
    return answer


@router.get(
    f"{ONE}/imports",
    summary="Files that were brought.",
    response_model=None,
    responses={200: {"model": Imports}, **REFUSED},
)
def listed(request: Request, mine: MyTracker) -> Response:
    """Newest first."""
    found = store_of(request).tables().choices.imports(mine.owner.key, mine.tracker.key)
    return private({"imports": [_shown(one) for one in found]})


@router.get(
    f"{ONE}/imports/{{import_id}}",
    summary="What became of a file.",
    response_model=None,
    responses={200: {"model": ImportShown}, **REFUSED},
)
def show(request: Request, mine: MyTracker, import_id: Id) -> Response:
    """Poll until its state is done or failed."""
    choices = store_of(request).tables().choices
    return private(_shown(choices.an_import(mine.owner.key, mine.tracker.key, import_id)))
