"""Tests of the room `gateway.server`."""
