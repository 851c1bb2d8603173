"""Lets the kernel ask a silent peer whether it is still there."""

import asyncio
import socket

ASKED_AFTER_SECONDS = 60


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Turns TCP keep-alive on: networks forget silent connections, and peers go without a word."""
    connection = transport.get_extra_info("socket")
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, ASKED_AFTER_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, ASKED_AFTER_SECONDS)
