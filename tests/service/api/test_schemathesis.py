"""Generated requests against the description: no 5xx, and every answer is one that the description promises."""

from pathlib import Path

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from brise.service.api.app import create_app
from brise.service.settings import Settings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 15


OPERATIONS = [
    (method.upper(), path)
    for path, operations in create_app(Settings(data_dir=Path("nowhere"))).openapi()["paths"].items()
    for method in operations
]


@pytest.fixture(scope="module")
def description(client):
    return schemathesis.openapi.from_asgi("/openapi.json", client.app)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_every_answer_keeps_the_promise(description, method, path, kind):
    mode = schemathesis.GenerationMode.POSITIVE if kind == "right" else schemathesis.GenerationMode.NEGATIVE
    operation = description[path][method]
    if kind == "wrong" and not (operation.query or operation.path_parameters or operation.body):
        pytest.skip("nothing to get wrong")

    @hypothesis.given(operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def run(case):
        case.call_and_validate(checks=CHECKS)

    run()
