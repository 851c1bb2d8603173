"""The tests of the gateway; each folder mirrors the room that it tests."""
