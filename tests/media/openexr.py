"""A writer of OpenEXR files, as plain as the format allows: one part, half floats, no compression."""

import struct
from pathlib import Path


def write_exr(
    to: Path,
    red: float,
    green: float,
    blue: float,
    size: tuple[int, int] = (64, 48),
    layer: str = "",
) -> Path:
    """Write a picture of one colour, in linear light, its channels in `layer`."""
    width, height = size
    values = {f"{layer}B": blue, f"{layer}G": green, f"{layer}R": red}
    channels = b"".join(
        name.encode() + b"\0" + struct.pack("<iBxxxii", 1, 0, 1, 1) for name in values
    )
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    header = b"v/1\x01" + struct.pack("<I", 2)
    for name, kind, value in (
        ("channels", "chlist", channels + b"\0"),
        ("compression", "compression", b"\0"),
        ("dataWindow", "box2i", window),
        ("displayWindow", "box2i", window),
        ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1.0)),
        ("screenWindowCenter", "v2f", struct.pack("<2f", 0.0, 0.0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1.0)),
    ):
        header += f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value
    line = b"".join(struct.pack("<e", value) * width for value in values.values())
    first = len(header) + 1 + 8 * height
    table = b"".join(struct.pack("<Q", first + y * (8 + len(line))) for y in range(height))
    lines = b"".join(struct.pack("<ii", y, len(line)) + line for y in range(height))
    to.write_bytes(header + b"\0" + table + lines)
    return to
