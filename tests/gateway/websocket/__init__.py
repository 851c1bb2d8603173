"""Tests of the room `gateway.websocket`."""
