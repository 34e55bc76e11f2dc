"""`/v1/owners`: an account is a token and nothing else; its export, and its end."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse

from brise.io.tracker_choices import NamedPlace
from brise.service.api.answers import encode
from brise.service.api.dependencies import iso, store_of
from brise.service.api.documented import problems
from brise.service.api.errors import ParameterError
from brise.service.api.tracker_access import Id, Me, count_account
from brise.service.api.tracker_schemas import Erased, Owner, OwnerMade, PlaceAsked, Places, TokenMade
from brise.service.jobs.erase import erase_owner
from brise.service.jobs.export import export_owner

router = APIRouter(tags=["owners"])
PRIVATE = {"Cache-Control": "no-store"}


def private(body: object, status: int = 200) -> Response:
    """An answer for its owner alone."""
    return Response(encode(body), status, PRIVATE, media_type="application/json")


@router.post(
    "/v1/owners",
    summary="A new owner: no name, no address, only a token.",
    status_code=201,
    response_model=None,
    responses={201: {"model": OwnerMade}, **problems(403, 429, 503)},
)
def create(request: Request) -> Response:
    """Keep the token: there is no other way in, and nobody can send it again."""
    store = store_of(request)
    if not store.open_accounts:
        raise HTTPException(403, "this server's accounts are made by who runs it (`brise key owner`)")
    count_account(request)
    owner, token = store.tables().owners.create()
    return private({"id": owner.id, "token": token}, 201)


@router.get(
    "/v1/owners/me",
    summary="What the server knows of who asks.",
    response_model=None,
    responses={200: {"model": Owner}, **problems(401, 429, 503)},
)
def show(request: Request, me: Me) -> Response:
    """The owner whose token was shown."""
    owners = store_of(request).tables().owners
    tokens = [{"prefix": prefix, "created": iso(created)} for prefix, created in owners.tokens(me.key)]
    return private(
        {"id": me.id, "created": iso(me.created), "trackers": len(owners.trackers(me.key)), "tokens": tokens}
    )


@router.delete(
    "/v1/owners/me",
    summary="Erase everything: trackers, samples, files, what was made of them, and the account.",
    response_model=None,
    responses={200: {"model": Erased}, **problems(401, 429, 503)},
)
def erase(request: Request, me: Me) -> Response:
    """Answered when nothing of it is left in the database; there is no way back."""
    return private({"samples": erase_owner(store_of(request).tables(), store_of(request).root, me.key)})


@router.post(
    "/v1/owners/me/tokens",
    summary="One more token of the same owner.",
    status_code=201,
    response_model=None,
    responses={201: {"model": TokenMade}, **problems(401, 422, 429, 503)},
)
def add_token(request: Request, me: Me) -> Response:
    """For another phone or a program; it can be revoked alone."""
    return private({"token": store_of(request).tables().owners.add_token(me.key)}, 201)


@router.delete(
    "/v1/owners/me/tokens/{prefix}",
    summary="Revoke a token.",
    status_code=204,
    response_model=None,
    responses={204: {"description": "It opens nothing any more."}, **problems(401, 404, 422, 429, 503)},
)
def revoke(request: Request, me: Me, prefix: Id) -> Response:
    """Even the one that was shown with this request."""
    store_of(request).tables().owners.revoke_token(me.key, prefix)
    return Response(status_code=204, headers=PRIVATE)


def _place(place: NamedPlace) -> dict[str, Any]:
    return place._asdict()


@router.get(
    "/v1/owners/me/places",
    summary="Places that the owner has named.",
    response_model=None,
    responses={200: {"model": Places}, **problems(401, 429, 503)},
)
def places(request: Request, me: Me) -> Response:
    """In order of name."""
    return private({"places": [_place(one) for one in store_of(request).tables().choices.places(me.key)]})


@router.put(
    "/v1/owners/me/places",
    summary="Name places; these replace those before.",
    response_model=None,
    responses={200: {"model": Places}, **problems(400, 401, 413, 422, 429, 503)},
)
def name_places(request: Request, me: Me, body: Places) -> Response:
    """Where one is shows in exposures by place; nobody else sees names."""
    if len({one.name for one in body.places}) < len(body.places):
        raise ParameterError("places", "a name twice", "each name once")
    store_of(request).tables().choices.name_places(me.key, [_named(one) for one in body.places])
    return places(request, me)


def _named(asked: PlaceAsked) -> NamedPlace:
    return NamedPlace(asked.name, asked.latitude, asked.longitude, asked.radius_m, asked.indoor)


@router.get(
    "/v1/owners/me/export",
    summary="Everything that the server holds of the owner, as a zip of CSV and JSON.",
    response_model=None,
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}},
        **problems(401, 429, 503),
    },
)
def export(request: Request, me: Me) -> StreamingResponse:
    """Streamed as it is read."""
    parts: Iterator[bytes] = export_owner(store_of(request).tables(), me)
    headers = PRIVATE | {"Content-Disposition": "attachment; filename=brise-export.zip"}
    return StreamingResponse(parts, headers=headers, media_type="application/zip")
