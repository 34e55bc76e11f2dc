"""How responses are declared in `/openapi.json`."""

from typing import Any

from brise.service.api.errors import TITLES
from brise.service.api.schemas import Problem


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare problem documents."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": TITLES[status], "content": {"application/problem+json": {"schema": schema}}}
        for status in statuses
    }


def with_problem_schema(openapi: dict[str, Any]) -> dict[str, Any]:
    """Put the problem document's schema among the components, and drop FastAPI's own error shapes."""
    schemas = openapi.setdefault("components", {}).setdefault("schemas", {})
    template = "#/components/schemas/{model}"
    problem = Problem.model_json_schema(ref_template=template)
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return openapi
