"""The media type that a data URI declares: what the content shows, else what the name stands for."""

from pathlib import Path

HEAD = 16
"""Bytes that are looked at."""
_BY_NAME = {
    "mp4": "video/mp4",
    "m4v": "video/x-m4v",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
    "mxf": "application/mxf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "heic": "image/heic",
    "avif": "image/avif",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
}
_BY_CONTENT = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypqt  ", "video/quicktime"),
    *((4, b"ftyp" + brand, "video/mp4") for brand in (b"isom", b"iso2", b"mp41", b"mp42", b"avc1")),
)
"""Where which bytes leave no doubt."""


def media_type(file: Path, head: bytes) -> str:
    """Return the media type of `file`, whose first HEAD bytes are `head`."""
    named = _BY_NAME.get(file.suffix.removeprefix(".").lower(), "application/octet-stream")
    shown = (kind for at, mark, kind in _BY_CONTENT if head[at:].startswith(mark))
    found = next(shown, named)
    # The brands of mp4 are those of its kin as well, which only their names tell apart.
    kin = found == "video/mp4" and named in ("video/x-m4v", "audio/mp4")
    return named if kin else found
