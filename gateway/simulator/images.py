"""`/v1/images`: a square whose colour stands for the prompt."""

import base64
import re
from collections.abc import Iterator

import msgspec

from gateway.simulator.asgi import JSON
from gateway.simulator.directives import Directives, read_directives
from gateway.simulator.errors import not_found
from gateway.simulator.forms import Form
from gateway.simulator.mint import Mint
from gateway.simulator.models import known
from gateway.simulator.pictures import colour_of, picture
from gateway.simulator.replies import Event, Reply, Stream, Whole
from gateway.simulator.routes import Request, Route
from gateway.simulator.shapes import Shape, whole_number
from gateway.simulator.tokens import Tokens

MOST_IMAGES = 10
MOST_PARTIALS = 3
TOKENS_PER_IMAGE = 1056
COLOUR = re.compile(r"([0-9a-f]{6})\.png")


class ImageRequest(msgspec.Struct, frozen=True):
    """A request for images."""

    prompt: str
    model: str | None = None
    n: int | None = None
    response_format: str | None = None
    stream: bool | None = None
    partial_images: int | None = None
    size: str | None = None
    quality: str | None = None
    background: str | None = None


class Images:
    """Answers requests for images, and serves those that were given as a URL."""

    def __init__(self, mint: Mint, tokens: Tokens) -> None:
        self._mint = mint
        self._tokens = tokens
        self._shape = Shape(ImageRequest)

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/v1/images/generations", self.generate),
            Route("POST", "/v1/images/edits", self.edit, multipart=True),
            Route("POST", "/v1/images/variations", self.vary, multipart=True),
            Route("GET", "/_images/{}", self.show),
        ]

    def generate(self, request: Request) -> Reply:
        """Images for a prompt."""
        return self._reply(self._shape.read(request.body), "image_generation", request.host)

    def edit(self, request: Request) -> Reply:
        """Images for a prompt and images."""
        form = request.form or Form((), ())
        form.file("image", "image[]")
        return self._reply(_asked(form, form.field("prompt")), "image_edit", request.host)

    def vary(self, request: Request) -> Reply:
        """Images for an image."""
        form = request.form or Form((), ())
        return self._reply(_asked(form, form.file("image").filename), "image_variation", request.host)

    def show(self, request: Request) -> Reply:
        """An image that was given as a URL."""
        found = COLOUR.fullmatch(request.names[0])
        if found is None:
            raise not_found("image", request.names[0])
        return Whole(picture(found[1]), content_type=b"image/png")

    def _reply(self, asked: ImageRequest, kind: str, host: str) -> Reply:
        model = known(asked.model or "gpt-image-1")
        directives = read_directives(asked.prompt)
        directives.raise_asked_error()
        usage = self._usage(asked)
        if asked.stream:
            return Stream(self._events(asked, kind, usage, directives), pacing=directives.pacing)
        colours = [colour_of(f"{place} {asked.prompt}") for place in range(min(max(asked.n or 1, 1), MOST_IMAGES))]
        as_url = asked.response_format == "url" or (model.startswith("dall-e") and asked.response_format is None)
        if as_url:
            data = [{"url": f"http://{host}/_images/{colour}.png"} for colour in colours]
        else:
            data = [{"b64_json": _encoded(colour)} for colour in colours]
        made: JSON = {"created": self._mint.now(), "data": data}
        if not model.startswith("dall-e"):
            made |= {"background": "opaque", "output_format": "png", "quality": "low", "size": "1024x1024"}
            made["usage"] = usage
        return Whole(msgspec.json.encode(made), pacing=directives.pacing)

    def _events(self, asked: ImageRequest, kind: str, usage: JSON, directives: Directives) -> Iterator[Event]:
        shape = {
            "created_at": self._mint.now(),
            "background": asked.background or "auto",
            "output_format": "png",
            "quality": asked.quality or "auto",
            "size": asked.size or "auto",
        }
        for place in range(min(directives.chunks or asked.partial_images or 0, MOST_PARTIALS)):
            partial = {"b64_json": _encoded(colour_of(f"partial {place} {asked.prompt}")), "partial_image_index": place}
            yield _event({"type": f"{kind}.partial_image", **partial, **shape})
        whole = {"b64_json": _encoded(colour_of(f"0 {asked.prompt}")), "usage": usage}
        yield _event({"type": f"{kind}.completed", **whole, **shape})

    def _usage(self, asked: ImageRequest) -> JSON:
        read = self._tokens.count(asked.prompt)
        written = TOKENS_PER_IMAGE * min(max(asked.n or 1, 1), MOST_IMAGES)
        return {
            "input_tokens": read,
            "input_tokens_details": {"text_tokens": read, "image_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"text_tokens": 0, "image_tokens": written},
            "total_tokens": read + written,
        }


def _asked(form: Form, prompt: str) -> ImageRequest:
    return ImageRequest(
        prompt=prompt,
        model=form.field("model", "") or None,
        n=whole_number(form.field("n", ""), 1),
        response_format=form.field("response_format", "") or None,
        stream=form.has("stream"),
        partial_images=whole_number(form.field("partial_images", ""), 0),
        size=form.field("size", "") or None,
        quality=form.field("quality", "") or None,
        background=form.field("background", "") or None,
    )


def _encoded(colour: str) -> str:
    return base64.b64encode(picture(colour)).decode()


def _event(event: JSON) -> Event:
    return Event(b"event: %s\ndata: %s\n\n" % (event["type"].encode(), msgspec.json.encode(event)), True)
