"""`/openapi.json` and `/docs`: the gateway's own API, as one document and as a page that needs no other server."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

from litestar import Request, Response, Router, get
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import (
    Components,
    OpenAPI,
    OpenAPIResponse,
    Operation,
    PathItem,
    SecurityScheme,
)

from gateway.office.callers import PUBLIC
from gateway.office.refusing import nothing_here

_ABOUT = (
    "The gateway's own routes. The model API is below /v1 and is OpenAI's own: point the SDK's `base_url` there. "
    "These routes take the same keys, as `Authorization: Bearer KEY` or `x-api-key: KEY`."
)
_WORKER_PAGES = {
    "/healthz": "Says that a worker is alive.",
    "/readyz": "Says whether requests can be served: ready, degraded (the office is down), or unready (503).",
    "/metrics": "Gives the Prometheus metrics of all processes.",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "code{font:14px ui-monospace,monospace;background:#f3f3f3;padding:.1rem .3rem}"
    "h2{margin-top:2rem;font-size:1.1rem}li{margin:.4rem 0}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def openapi_config(version: str) -> OpenAPIConfig:
    """Gives the configuration of both pages."""
    schemes = {
        "bearer": SecurityScheme(type="http", scheme="bearer"),
        "api_key": SecurityScheme(type="apiKey", name="x-api-key", security_scheme_in="header"),
    }
    return OpenAPIConfig(
        title="LUKHAS gateway",
        version=version,
        description=_ABOUT,
        components=Components(security_schemes=dict(schemes)),
        security=[{"bearer": []}, {"api_key": []}],
        use_handler_docstrings=True,
        openapi_router=Router(
            "/docs", route_handlers=[], include_in_schema=False, after_request=_in_our_shape, opt={PUBLIC: True}
        ),
        render_plugins=[Page(path="/")],
    )


@get("/openapi.json", include_in_schema=False, opt={PUBLIC: True})
async def openapi_json(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Gives the document."""
    return request.app.openapi_schema.to_schema()


def _in_our_shape(response: Response[Any]) -> Response[Any]:
    """Litestar answers unknown paths below its pages with a page of its own; ours may use its own style."""
    if response.status_code == 404:
        return nothing_here()
    response.headers["content-security-policy"] = _POLICY
    return response


def with_worker_pages(document: OpenAPI) -> None:
    """Adds the pages that the workers answer themselves."""
    paths = document.paths = document.paths or {}
    for path, says in _WORKER_PAGES.items():
        paths[path] = PathItem(
            get=Operation(
                summary=says,
                operation_id=path.removeprefix("/"),
                tags=["health"],
                responses={"200": OpenAPIResponse(description=says)},
                security=[],
            )
        )


class Page(OpenAPIRenderPlugin):
    """Lists the routes."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Gives the HTML."""
        by_tag: dict[str, list[str]] = {}
        for path, operations in sorted(openapi_schema.get("paths", {}).items()):
            for method, operation in operations.items():
                tag = (operation.get("tags") or ["other"])[0]
                by_tag.setdefault(tag, []).append(_entry(method, path, operation))
        routes = "".join(f"<h2>{escape(tag)}</h2><ul>{''.join(entries)}</ul>" for tag, entries in by_tag.items())
        info = openapi_schema["info"]
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}</title>'
            f"<style>{_STYLE}</style><h1>{escape(info['title'])} {escape(info['version'])}</h1>"
            f'<p>{escape(info["description"])}</p><p>As a document: <a href="/openapi.json">/openapi.json</a></p>'
            f"{routes}</html>"
        ).encode()


def _entry(method: str, path: str, operation: dict[str, Any]) -> str:
    says = operation.get("description") or operation.get("summary") or ""
    parameters = ", ".join(parameter["name"] for parameter in operation.get("parameters", ()))
    asks = f" ({escape(parameters)})" if parameters else ""
    return f"<li><code>{escape(method.upper())} {escape(path)}</code>{asks}<br>{escape(says)}</li>"
