"""A page may run its own script and nothing else."""

import re
from base64 import b64encode
from hashlib import sha256

from gateway.office.audit.page import page
from gateway.office.audit.style import page_headers
from tests.gateway.office.audit.lines import an_ended


def test_the_policy_allows_exactly_the_style_and_the_script_of_the_page() -> None:
    policy = page_headers()["content-security-policy"]
    built = page(an_ended(), here="http://127.0.0.1", feedback=True).decode()
    for name in ("style", "script"):
        (inline,) = re.findall(f"<{name}>(.*?)</{name}>", built, re.DOTALL)
        said = b64encode(sha256(inline.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{said}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_page_is_kept_by_nobody_framed_by_nobody_and_tells_nobody() -> None:
    headers = page_headers()
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
