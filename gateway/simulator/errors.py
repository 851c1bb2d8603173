"""What goes wrong, in OpenAI's shape.

ApiError     a request that gets an error for an answer; caught once, in `app`
ClientLeft   the client closed the connection before it had sent all of its request
"""

import msgspec

from gateway.simulator.asgi import JSON, Headers


class ApiError(Exception):
    """A request that gets an error status for an answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Headers = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.code = code
        self.headers = headers

    def shape(self) -> JSON:
        """The error object: message, type, param, code."""
        return {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}

    def body(self) -> bytes:
        """The JSON body that carries the error object."""
        return msgspec.json.encode({"error": self.shape()})


class ClientLeft(Exception):
    """The client closed the connection before it had sent all of its request."""


def missing(param: str) -> ApiError:
    """The error for a request without a field that it needs."""
    return ApiError(400, f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def not_found(what: str, name: str, param: str | None = None) -> ApiError:
    """The error for a thing that is not kept here."""
    return ApiError(404, f"No such {what}: '{name}'.", param=param, code="not_found")


def unknown_model(model: str) -> ApiError:
    """The error for a model whose name begins with `missing-`."""
    return ApiError(
        404,
        f"The model `{model}` does not exist or you do not have access to it.",
        param="model",
        code="model_not_found",
    )
