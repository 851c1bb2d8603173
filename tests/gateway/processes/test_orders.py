"""What a child is told over its standard input."""

from io import BytesIO

from gateway.processes.orders import Flag, Orders, read, written

ORDERS = Orders(
    role="worker",
    writer="w",
    reports=5,
    office="/run/office.sock",
    accepted="/run/accepted",
    flags=(Flag("server", "port", 0), Flag("upstream", "url", "http://127.0.0.1:9/v1")),
    listen=3,
)


def test_a_child_reads_what_the_supervisor_wrote() -> None:
    assert read(BytesIO(written(ORDERS))) == ORDERS


def test_a_child_reads_its_settings_as_the_supervisor_did() -> None:
    settings = ORDERS.settings({"LUKHAS_PORT": "7", "LUKHAS_HOST": "::1"}).settings
    assert (settings.server.port, settings.server.host, settings.upstream.url) == (0, "::1", "http://127.0.0.1:9/v1")
