"""The edge: one transaction per request, refusals as problem+json, the user's language.

Used by both applications. Not here: who may do what (`server.access.guards`), any route.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any
from uuid import UUID

import msgspec
import structlog
from litestar import Litestar, Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Reference,
    Schema,
)
from litestar.params import HeaderParameter
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm.exc import StaleDataError

from server.actor import Actor
from server.db import Database, Tx
from server.refusal import Forbidden, Language, NotSignedIn, Refusal, VersionChanged

PROBLEM = "application/problem+json"
CLIENT_GONE = "client disconnected prematurely"
"""How the framework words a client that went away while it was still sending."""
log = structlog.get_logger()

AppRequest = Request[Actor | None, Any, State]

IdempotencyKey = Annotated[
    UUID,
    HeaderParameter(
        name="Idempotency-Key", description="Made by the client once per write; a repeat replays."
    ),
]
"""The header of every creating write; see `server.feed.receipts`."""


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details. `code` is stable; `detail` is in the reader's language."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    params: dict[str, Any] = {}


class MalformedRequest(Refusal):
    """The request could not be read: a missing or ill-typed part, named in `why`."""

    code = "malformed_request"
    status = 400
    zh = "请求格式有误：{why}"
    en = "The request could not be read: {why}."


class DatabaseUnavailable(Refusal):
    """The database does not answer; nothing was stored and the client should retry."""

    code = "database_unavailable"
    status = 503
    zh = "数据库暂时不可用，本次操作未保存，请稍后重试"
    en = "The database is not available; nothing was saved. Please retry."


class Fault(Refusal):
    """A bug or a broken part: nothing was stored."""

    code = "fault"
    status = 500
    zh = "系统故障，本次操作未保存"
    en = "Something broke; nothing was saved."


class RouteNotFound(Refusal):
    """Nothing answers at this address."""

    code = "route_not_found"
    status = 404
    zh = "没有这个地址"
    en = "There is nothing at this address."


class MethodNotAllowed(Refusal):
    """The address is right, the method is not."""

    code = "method_not_allowed"
    status = 405
    zh = "此地址不支持该方法"
    en = "This address does not take that method."


class TooLarge(Refusal):
    """The body is larger than any request of ours."""

    code = "too_large"
    status = 413
    zh = "请求内容过大"
    en = "The request is too large."


class UnsupportedMediaType(Refusal):
    """The body is not what the address takes."""

    code = "unsupported_media_type"
    status = 415
    zh = "不支持的内容类型"
    en = "This content type is not taken."


_BY_STATUS: dict[int, type[Refusal]] = {
    one.status: one
    for one in (
        NotSignedIn,
        Forbidden,
        RouteNotFound,
        MethodNotAllowed,
        TooLarge,
        UnsupportedMediaType,
    )
}
"""What the framework refuses by itself, in our words."""


def language_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Language:
    """English if the reader's first accepted language is English, otherwise Chinese."""
    return "en" if connection.headers.get("accept-language", "").lower().startswith("en") else "zh"


def database_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Database:
    """The process's database, put into the application's state by its factory."""
    database: Database = connection.app.state.database
    return database


async def provide_tx(request: AppRequest) -> AsyncGenerator[Tx, None]:
    """The request's one transaction. It commits after the handler returned and before the answer
    is sent, so a failing COMMIT answers an error; an exception in the handler rolls back.

    Raises NotSignedIn when no identity was proved.
    """
    actor = request.user
    if actor is None:
        raise NotSignedIn
    async with database_of(request).begin(actor) as tx:
        yield tx


def problem(
    request: Request[Any, Any, Any], refusal: Refusal, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """The refusal as problem+json in the reader's language."""
    language = language_of(request)
    body = Problem(
        type=f"urn:changming:refusal:{refusal.code}",
        title=refusal.text(language),
        status=refusal.status,
        detail=refusal.text(language),
        code=refusal.code,
        params=msgspec.to_builtins(refusal.params, enc_hook=str),
    )
    return Response(
        msgspec.json.encode(body),
        status_code=refusal.status,
        media_type=PROBLEM,
        headers={"content-language": language, **(headers or {})},
    )


def _on_refusal(request: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    headers = {}
    if "retry_after_s" in refusal.params:
        headers["retry-after"] = str(refusal.params["retry_after_s"])
    return problem(request, refusal, headers)


def _on_validation(request: Request[Any, Any, Any], error: ValidationException) -> Response[bytes]:
    extra = error.extra if isinstance(error.extra, list) else []
    why = "; ".join(
        f"{item.get('key', '')}: {item.get('message', '')}".strip(": ")
        for item in extra
        if isinstance(item, dict)
    )
    return problem(request, MalformedRequest(why=why or error.detail))


def _on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    known = _BY_STATUS.get(error.status_code)
    if known is not None:
        return problem(request, known(), dict(error.headers or {}))
    if error.status_code < 500:
        return problem(request, MalformedRequest(why=error.detail))
    if error.detail == CLIENT_GONE:
        # Nobody is left to be told; nothing of ours failed.
        log.info("client_gone", path=request.url.path)
        return problem(request, Fault())
    log.error("http_error", path=request.url.path, detail=error.detail)
    return problem(request, Fault())


def _on_stale(request: Request[Any, Any, Any], _error: StaleDataError) -> Response[bytes]:
    return problem(request, VersionChanged())


def _on_operational(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("database_unavailable", path=request.url.path, error=str(error))
    return problem(request, DatabaseUnavailable(), {"retry-after": "2"})


def _on_dbapi(request: Request[Any, Any, Any], error: DBAPIError) -> Response[bytes]:
    if error.connection_invalidated:
        return _on_operational(request, error)
    return _on_fault(request, error)


def _on_fault(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("fault", path=request.url.path, exc_info=error)
    return problem(request, Fault())


EXCEPTION_HANDLERS: dict[Any, Any] = {
    Refusal: _on_refusal,
    ValidationException: _on_validation,
    HTTPException: _on_http,
    StaleDataError: _on_stale,
    OperationalError: _on_operational,
    ConnectionError: _on_operational,
    DBAPIError: _on_dbapi,
    Exception: _on_fault,
}
"""What both applications answer when something does not go well."""


def describe(app: Litestar) -> None:
    """Finish the OpenAPI document: what every route answers when it does not go well is a Problem.

    Replaces the framework's own error shapes, which no route of ours sends.
    """
    schema = app.openapi_schema
    assert schema.paths is not None
    _mend_tuples(app)
    text, number = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.INTEGER)
    schema.components.schemas["Problem"] = Schema(
        title="Problem",
        description="RFC 9457 problem details; `code` is stable, `detail` is in your language.",
        type=OpenAPIType.OBJECT,
        properties={
            "type": text,
            "title": text,
            "status": number,
            "detail": text,
            "code": text,
            "params": Schema(type=OpenAPIType.OBJECT),
        },
        required=["type", "title", "status", "detail", "code"],
    )
    refused = OpenAPIResponse(
        description="Refused or failed; nothing was stored.",
        content={PROBLEM: OpenAPIMediaType(schema=Reference(ref="#/components/schemas/Problem"))},
    )
    for path in schema.paths.values():
        for operation in (path.get, path.post, path.put, path.patch, path.delete):
            if operation is None or operation.responses is None:
                continue
            for status in [code for code in operation.responses if code.startswith(("4", "5"))]:
                del operation.responses[status]
            operation.responses["default"] = refused


def _mend_tuples(app: Litestar) -> None:
    """Write fixed-length arrays so that every reader of OpenAPI 3.1 understands them.

    `prefixItems` would be exact, but common fuzzers and client generators stumble over it. So: the
    kinds of item, and how many.
    """
    for schema in app.openapi_schema.components.schemas.values():
        _mend(schema)


def _mend(schema: object) -> None:
    if not isinstance(schema, Schema):
        return
    if schema.format is OpenAPIFormat.DURATION:
        # The framework's word for a time of day; `time` would demand an offset from UTC.
        schema.format = None
    if isinstance(schema.items, Schema) and schema.items.one_of:
        # It takes the dots of `tuple[X, ...]` with bounds for a second kind of item.
        first, *others = schema.items.one_of
        if len(others) == 1 and others[0] == Schema():
            schema.items = first
    if schema.prefix_items:
        parts = list(schema.prefix_items)
        schema.prefix_items = None
        kinds = {str(part.to_schema()): part for part in parts}
        schema.min_items = schema.max_items = len(parts)
        schema.items = parts[0] if len(kinds) == 1 else Schema(one_of=list(kinds.values()))
    for part in (
        *(schema.properties or {}).values(),
        *(schema.one_of or ()),
        *(schema.any_of or ()),
        *(schema.all_of or ()),
        schema.items,
    ):
        _mend(part)


__all__ = [
    "EXCEPTION_HANDLERS",
    "AppRequest",
    "IdempotencyKey",
    "Problem",
    "database_of",
    "describe",
    "language_of",
    "problem",
    "provide_tx",
]
