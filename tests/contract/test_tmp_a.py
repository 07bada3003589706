from __future__ import annotations
from typing import Any, cast
import pytest, schemathesis
from server.actor import Role
from tests.contract.test_openapi import served, _headers, _fuzz

@pytest.mark.parametrize("role",[Role.ADMINISTRATOR])
def test_mine(served: dict[str, Any], role: Role) -> None:
    process, path, who = served["console"]
    headers=_headers(who, role)
    schema = schemathesis.openapi.from_url(f"{process.url}{path}")
    names=[]
    for result in schema.get_all_operations():
        op = result.ok()
        if "/policy" in op.path or "/calendar" in op.path:
            names.append(op.label)
            _fuzz(op, headers)
    print(names)
    assert len(names)==6
