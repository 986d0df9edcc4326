"""What the first bytes of a file say it is."""

HEAD = 4096
_ISO_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp"})
_EBML = b"\x1a\x45\xdf\xa3"
_MXF = bytes.fromhex("060e2b34020501010d010201")
SHORTEST = 12
"""Fewer bytes than this tell nothing."""

_KNOWN = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"ID3", "an MP3 sound"),
    (b"fLaC", "a FLAC sound"),
    (b"OggS", "an Ogg file"),
    (b"8BPS", "a Photoshop document"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"#!", "a script"),
)
_RIFF_KINDS = {b"WAVE": "a WAV sound", b"WEBP": "a WebP image"}
_IMAGE_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1"})


def family(head: bytes) -> str | None:
    """Return the container family that a file beginning with `head` belongs to, or None."""
    if head[4:8] in _ISO_BOXES and not is_still_image(head):
        return "MP4 or QuickTime"
    if head.startswith(_EBML):
        return "Matroska or WebM"
    if head[:4] == b"RIFF" and head[8:12] not in _RIFF_KINDS:
        return "AVI"
    if head.startswith(_MXF):
        return "MXF"
    return None


def is_still_image(head: bytes) -> bool:
    """Say whether `head` begins a HEIF or AVIF image, which shares its boxes with MP4."""
    return head[4:8] == b"ftyp" and head[8:12] in _IMAGE_BRANDS


def describe(head: bytes) -> str:
    """Return what a file beginning with `head` looks like, in words."""
    if container := family(head):
        return f"{'an' if container[0] in 'AM' else 'a'} {container} file"
    if is_still_image(head):
        return "a HEIF or AVIF image"
    if head[:4] == b"RIFF":
        return _RIFF_KINDS[head[8:12]]
    for beginning, words in _KNOWN:
        if head.startswith(beginning):
            return words
    return "text" if _is_text(head) else "a kind of file that Reeldrop does not know"


def _is_text(head: bytes) -> bool:
    """A character cut in two at the end of the head still makes it text."""
    text = head.decode("utf-8", "replace").rstrip("\ufffd")
    return (
        bool(text)
        and "\ufffd" not in text
        and not any(c < " " and c not in "\t\r\n\f" for c in text)
    )
