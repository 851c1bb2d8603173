"""Images, asked by the official SDK."""

import base64
import zlib

import httpx
import pytest

PNG = b"\x89PNG\r\n\x1a\n"


def test_images_come_as_base64_each_of_its_colour(client):
    made = client.images.generate(model="gpt-image-1", prompt="a cat", n=2)
    pictures = [base64.b64decode(image.b64_json) for image in made.data]
    assert all(picture.startswith(PNG) for picture in pictures)
    assert pictures[0] != pictures[1]
    assert made.usage.input_tokens == 2


def test_a_picture_is_a_png_that_can_be_opened(client):
    picture = base64.b64decode(client.images.generate(model="gpt-image-1", prompt="a cat").data[0].b64_json)
    start = picture.index(b"IDAT")
    length = int.from_bytes(picture[start - 4 : start])
    rows = zlib.decompress(picture[start + 4 : start + 4 + length])
    assert len(rows) == 64 * (1 + 3 * 64)
    crc = int.from_bytes(picture[start + 4 + length : start + 8 + length])
    assert crc == zlib.crc32(picture[start : start + 4 + length])


def test_a_url_leads_to_the_image(client):
    made = client.images.generate(model="dall-e-3", prompt="a cat")
    reply = httpx.get(made.data[0].url)
    assert reply.headers["content-type"] == "image/png"
    assert reply.content.startswith(PNG)


def test_images_stream_from_partial_to_whole(client):
    events = list(client.images.generate(model="gpt-image-1", prompt="a cat", stream=True, partial_images=2))
    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_edits_and_variations_take_files(client):
    image = ("in.png", PNG, "image/png")
    edited = client.images.edit(model="gpt-image-1", image=[image, image], prompt="more cats")
    assert edited.data[0].b64_json
    events = list(client.images.edit(model="gpt-image-1", image=image, prompt="more cats", stream=True))
    assert [event.type for event in events] == ["image_edit.completed"]
    assert client.images.create_variation(model="dall-e-2", image=image).data[0].url
