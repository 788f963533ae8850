"""Built files, as they are served: in the encoding that the client likes best, and not again where it has them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

ENCODINGS = {"br": ".br", "gzip": ".gz"}  # best first
MEDIA_TYPES = {".js": "text/javascript", ".html": "text/html", ".css": "text/css", ".svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"  # of files whose name changes with what is in them


@dataclass(frozen=True)
class Asset:
    """One built file, in every encoding it was prepared in."""

    media_type: str
    variants: dict[str, bytes]
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "etag", sha256(self.variants["identity"]).hexdigest()[:20])

    @classmethod
    def read(cls, path: Path) -> "Asset":
        variants = {"identity": path.read_bytes()}
        for encoding, suffix in ENCODINGS.items():
            prepared = path.with_name(path.name + suffix)
            if prepared.exists():
                variants[encoding] = prepared.read_bytes()
        return cls(MEDIA_TYPES[path.suffix], variants)


def preferred_encoding(accepted: str, offered: Iterable[str]) -> str:
    """The best of the offered encodings by the client's q-values, `identity` when it wants none of them."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameters = part.strip().partition(";")
        quality = parameters.strip().removeprefix("q=")
        try:
            weights[name.strip()] = float(quality) if quality else 1.0
        except ValueError:
            weights[name.strip()] = 0.0
    weighted = [(weights.get(name, weights.get("*", 0.0)), name) for name in offered if name != "identity"]
    best, encoding = max(weighted, key=lambda pair: pair[0], default=(0.0, "identity"))
    return encoding if best > 0 and best >= weights.get("identity", 0.0) else "identity"


def serve(request: Request, asset: Asset, cache: str, more: Mapping[str, str]) -> Response:
    """The asset as the client wants it, or that it has it already. `more` are headers."""
    encoding = preferred_encoding(request.headers.get("accept-encoding", ""), asset.variants)
    etag = f'"{asset.etag}-{encoding}"'
    headers = {**more, "cache-control": cache, "etag": etag, "vary": "Accept-Encoding"}
    seen = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in seen or "*" in seen:
        return Response(status_code=304, headers=headers)
    if encoding != "identity":
        headers["content-encoding"] = encoding
    return Response(asset.variants[encoding], headers=headers, media_type=asset.media_type)
