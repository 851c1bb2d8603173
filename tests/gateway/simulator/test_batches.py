"""Batches, asked by the official SDK."""

import pytest
from openai import NotFoundError


def test_a_batch_is_kept_listed_and_cancelled(client):
    batch = client.batches.create(input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h")
    assert client.batches.retrieve(batch.id).status == "validating"
    assert batch.id in [kept.id for kept in client.batches.list()]
    assert client.batches.cancel(batch.id).status == "cancelled"


def test_an_unknown_batch_is_404(client):
    with pytest.raises(NotFoundError):
        client.batches.retrieve("batch_none")
