"""Models, asked by the official SDK."""

import pytest
from openai import NotFoundError


def test_the_models_are_listed(client):
    assert "gpt-4o" in [model.id for model in client.models.list()]


def test_any_model_is_known_unless_it_is_missing(client):
    assert client.models.retrieve("ft:gpt-4o:org::id").id == "ft:gpt-4o:org::id"
    with pytest.raises(NotFoundError) as caught:
        client.models.retrieve("missing-one")
    assert caught.value.code == "model_not_found"
