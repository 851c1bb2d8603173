"""`/v1/files`: what is uploaded is kept on disk and comes back as it was."""

from collections.abc import Iterator
from typing import IO
from urllib.parse import quote

import msgspec

from gateway.simulator.asgi import JSON
from gateway.simulator.errors import not_found
from gateway.simulator.forms import Form
from gateway.simulator.kept import Kept, page
from gateway.simulator.mint import Mint
from gateway.simulator.replies import Event, Reply, Stream, Whole
from gateway.simulator.routes import Request, Route

KEPT_FILES = 100
BLOCK = 64 * 1024


class KeptFile(msgspec.Struct, frozen=True):
    """An uploaded file."""

    shape: JSON
    content_type: str
    content: IO[bytes]


class Files:
    """Takes files and gives them back."""

    def __init__(self, mint: Mint) -> None:
        self._mint = mint
        self._kept: Kept[KeptFile] = Kept(KEPT_FILES)

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/v1/files", self.create, multipart=True, keep_files=True),
            Route("GET", "/v1/files", self.list),
            Route("GET", "/v1/files/{}", self.retrieve),
            Route("DELETE", "/v1/files/{}", self.delete),
            Route("GET", "/v1/files/{}/content", self.content),
        ]

    def create(self, request: Request) -> Reply:
        """Keep the file of a form."""
        form = request.form or Form((), ())
        upload = form.file("file")
        purpose = form.field("purpose")
        name = self._mint.name("file-")
        shape = {
            "id": name,
            "object": "file",
            "bytes": upload.size,
            "created_at": self._mint.now(),
            "expires_at": None,
            "filename": upload.filename,
            "purpose": purpose,
            "status": "processed",
            "status_details": None,
        }
        if upload.content is not None:
            dropped = self._kept.put(name, KeptFile(shape, upload.content_type, upload.content))
            if dropped is not None:
                dropped.content.close()
        return Whole(msgspec.json.encode(shape))

    def list(self, request: Request) -> Reply:
        """The kept files, those of one purpose if it is given."""
        purpose = request.query.get("purpose")
        data = [kept.shape for kept in self._kept.all() if purpose in (None, kept.shape["purpose"])]
        return Whole(msgspec.json.encode(page(data)))

    def retrieve(self, request: Request) -> Reply:
        """What is known of a file."""
        return Whole(msgspec.json.encode(self._find(request.names[0]).shape))

    def content(self, request: Request) -> Reply:
        """The file itself."""
        kept = self._find(request.names[0])
        disposition = f"attachment; filename*=UTF-8''{quote(kept.shape['filename'], safe='')}"
        return Stream(
            _blocks(kept),
            content_type=kept.content_type.encode("latin-1", "replace"),
            headers=((b"content-disposition", disposition.encode()),),
            length=kept.shape["bytes"],
        )

    def delete(self, request: Request) -> Reply:
        """Give up a file."""
        kept = self._find(request.names[0])
        self._kept.remove(kept.shape["id"])
        kept.content.close()
        return Whole(msgspec.json.encode({"id": kept.shape["id"], "object": "file", "deleted": True}))

    def close(self) -> None:
        """Give up all files."""
        for kept in self._kept.all():
            self._kept.remove(kept.shape["id"])
            kept.content.close()

    def _find(self, name: str) -> KeptFile:
        kept = self._kept.find(name)
        if kept is None:
            raise not_found("File object", name, "id")
        return kept


def _blocks(kept: KeptFile) -> Iterator[Event]:
    # Each download seeks for itself: several may read the same file in turns.
    for start in range(0, kept.shape["bytes"], BLOCK):
        kept.content.seek(start)
        yield Event(kept.content.read(BLOCK), True)
