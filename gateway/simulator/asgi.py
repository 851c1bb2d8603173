"""The names of the ASGI shapes that the simulator speaks."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

JSON: TypeAlias = dict[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
