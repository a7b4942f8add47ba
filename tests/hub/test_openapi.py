"""schemathesis over the whole API: whatever comes in, no answer is a 500, and every refusal is an ErrorAnswer."""

from typing import Any, cast

import pytest
import schemathesis
from conftest_hub import Place
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error

BOUNDED = settings(max_examples=12, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.mark.parametrize("caller", ["vendor", "stranger"])
def test_no_request_is_answered_with_a_500(tmp_path, caller):
    place = Place(tmp_path / "hub", registry="registry.example.com", attempts=10**6)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", place.app)
    operations = [cast(Any, result).ok() for result in schema.get_all_operations()]
    assert len(operations) > 25
    statuses = set()
    for operation in operations:

        @BOUNDED
        @given(case=operation.as_strategy())
        def run(case):
            place.hub.throttle._limiter.storage.reset()  # guessing is slowed down, and here it is the point
            if caller == "vendor" and case.path != "/token":
                case.headers = {**(case.headers or {}), "Authorization": f"Bearer {place.token}"}
            answer = case.call()
            case.validate_response(answer, checks=[not_a_server_error])
            statuses.add(answer.status_code)
            if answer.status_code >= 400:
                assert {"key", "sentence", "next_step"} == set(answer.json()["error"])

        run()
    assert {200, 404, 422} <= statuses
    place.close()


def test_every_operation_has_a_description_and_every_refusal_a_shape(small_place):
    told = small_place.client.get("/api/v1/openapi.json").json()
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary") and operation["responses"], (method, path)
            refusals = [code for code in operation["responses"] if code >= "400"]
            for code in refusals:
                shape = operation["responses"][code]["content"]["application/json"]["schema"]
                assert shape["$ref"].endswith("/ErrorAnswer"), (method, path, code)
