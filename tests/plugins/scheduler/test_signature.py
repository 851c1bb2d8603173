import base64
import hmac
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plugins.scheduler.signature import KeyUnfit, key_in, key_of, signed_headers

KEY = bytes(range(32))


def test_a_body_is_signed_together_with_its_id_and_the_time() -> None:
    headers = signed_headers(KEY, "t-1", datetime(2026, 11, 20, 12, tzinfo=UTC), b'{"a":1}')
    signed = b't-1.1795176000.{"a":1}'
    assert headers["webhook-id"] == "t-1"
    assert headers["webhook-timestamp"] == "1795176000"
    expected = base64.b64encode(hmac.digest(KEY, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_the_key_of_a_folder_is_made_once_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    key = key_in(tmp_path)
    assert len(key) == 32
    assert key_in(tmp_path) == key
    path = tmp_path / "keys" / "scheduler.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("whsec_")
    assert key_in(tmp_path / "other") != key


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_c2hvcnQ=", "not base64!", "whsec_ü"])
def test_a_key_that_cannot_sign_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(KeyUnfit) as caught:
        key_of(text)
    assert "c2hvcnQ" not in str(caught.value)
