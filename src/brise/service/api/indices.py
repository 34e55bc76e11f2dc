"""`/v1/indices`: bands, colours, text keys and the version of each rule set."""

import hashlib
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from brise.formulas.indices.registry import INDICES
from brise.service.api import caching
from brise.service.api.answers import encode
from brise.service.api.documented import problems
from brise.service.api.schemas import IndicesOut

router = APIRouter(tags=["indices"])
MAX_AGE = 86_400


@lru_cache(maxsize=1)
def _document() -> tuple[bytes, str]:
    rows = [{key: value for key, value in asdict(index).items() if key != "compute"} for index in INDICES.values()]
    body = encode({"indices": rows})
    return body, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


@router.get(
    "/v1/indices",
    summary="Every index: bands with colours and text keys, averaging periods, rule set.",
    response_model=None,
    responses={200: {"model": IndicesOut}, 304: {"description": "Not modified."}, **problems(429)},
)
def indices(request: Request) -> Any:
    """List them; the same bytes until an index's rules change."""
    body, validator = _document()
    if caching.matches(request, validator):
        return caching.not_modified(validator, MAX_AGE)
    return Response(body, headers=caching.headers(validator, MAX_AGE), media_type="application/json")
