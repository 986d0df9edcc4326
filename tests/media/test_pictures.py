"""Posters and references, looked at by decoding them again."""

import struct
import zlib
from pathlib import Path

import av
import pytest

from reeldrop.domain.errors import ClipUnreadable, FileBusy
from reeldrop.domain.footage import Picture
from reeldrop.domain.references import Kind
from reeldrop.media.pictures import check_reference, poster
from reeldrop.simulator.footage import make_clip


def decode(image: Path) -> av.VideoFrame:
    with av.open(str(image)) as container:
        assert container.streams.video[0].codec_context.name == "mjpeg"
        return next(container.decode(video=0))


def image(to: Path, codec: str, size: tuple[int, int] = (64, 48)) -> Path:
    pixels = {"png": "rgb24", "mjpeg": "yuvj420p", "gif": "rgb8", "bmp": "bgr24", "tiff": "rgb24"}
    form = "gif" if codec == "gif" else "image2pipe"
    with av.open(str(to), "w", format=form) as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pixels.get(codec, "yuv420p")
        frame = av.VideoFrame(*size, "rgb24")
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        container.mux(stream.encode(None))
    return to


@pytest.mark.parametrize(
    "name", ["clip.mp4", "clip.mov", "clip.mkv", "clip.webm", "clip.avi", "clip.mxf"]
)
def test_a_poster_is_a_frame_in_the_clips_shape(clips: Path, tmp_path: Path, name: str) -> None:
    """It is what people see of a job in the folder and on the page."""
    poster(clips / name, tmp_path / "poster.jpg")
    frame = decode(tmp_path / "poster.jpg")
    assert (frame.width, frame.height) == (320, 180)
    assert max(bytes(frame.planes[0])) - min(bytes(frame.planes[0])) > 60


def test_a_poster_is_at_most_960_wide(tmp_path: Path) -> None:
    """A page with a hundred posters must open from a share."""
    make_clip(tmp_path / "big.mp4", seconds=0.2, width=1920, height=1080, audio=False)
    poster(tmp_path / "big.mp4", tmp_path / "poster.jpg")
    frame = decode(tmp_path / "poster.jpg")
    assert (frame.width, frame.height) == (960, 540)


@pytest.mark.parametrize(("width", "height"), [(2, 2), (16, 1000), (66, 34), (1000, 16)])
def test_tiny_and_odd_clips_have_posters(tmp_path: Path, width: int, height: int) -> None:
    """No shape of a paid result may keep it from being delivered."""
    clip = tmp_path / "odd.mkv"
    make_clip(
        clip, seconds=0.2, width=width, height=height, audio=False, codec="ffv1", pattern="noise"
    )
    poster(clip, tmp_path / "poster.jpg")
    frame = decode(tmp_path / "poster.jpg")
    assert (frame.width, frame.height) == (min(width, 960), min(height, 1920)) or width == 1000


def test_a_poster_is_taken_a_third_into_the_clip(clips: Path, tmp_path: Path) -> None:
    """Clips begin black; between two key frames the decoder has to go on to the frame wanted."""
    poster(clips / "clip.mp4", tmp_path / "poster.jpg")
    with av.open(str(clips / "clip.mp4")) as container:
        wanted = list(container.decode(video=0))[16]
    mean = [
        abs(a - b)
        for a, b in zip(
            bytes(decode(tmp_path / "poster.jpg").reformat(format="gray").planes[0]),
            bytes(wanted.reformat(width=320, height=180, format="gray").planes[0]),
            strict=True,
        )
    ]
    assert sum(mean) / len(mean) < 8


def test_what_has_no_pictures_has_no_poster(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "clip.mp4").write_text("no video at all")
    with pytest.raises(ClipUnreadable, match=r"clip\.mp4"):
        poster(tmp_path / "clip.mp4", tmp_path / "poster.jpg")


def test_a_poster_that_cannot_be_written_is_tried_again(clips: Path, tmp_path: Path) -> None:
    """A folder that is away now is no fault of the clip."""
    with pytest.raises(FileBusy, match=r"poster\.jpg"):
        poster(clips / "clip.mp4", tmp_path / "nowhere" / "poster.jpg")


@pytest.mark.parametrize("codec", ["png", "mjpeg", "gif", "bmp", "tiff", "libwebp"])
def test_images_are_references_whatever_they_are_called(tmp_path: Path, codec: str) -> None:
    """The content counts; names come from everywhere. What it is is held against the limits."""
    file = image(tmp_path / "image.bin", codec)
    name = {"mjpeg": "jpeg", "libwebp": "webp"}.get(codec, codec)
    expected = Picture(name, file.stat().st_size, 64, 48)
    assert expected == check_reference(file, Kind.IMAGE) == check_reference(file, Kind.ANY)


def test_videos_are_references(clips: Path) -> None:
    """Some models take a second clip."""
    assert check_reference(clips / "clip.mov", Kind.VIDEO) is None


def test_sounds_are_references(clips: Path, tmp_path: Path) -> None:
    """Some models take a voice or music."""
    to = tmp_path / "sound.wav"
    with av.open(str(clips / "clip.avi")) as old, av.open(str(to), "w") as new:
        voice = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(old.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = voice
                new.mux(packet)
    check_reference(to, Kind.SOUND)


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"", "empty"),
        (b"only words", "text"),
        (b"%PDF-1.4 ...............", "PDF"),
        (b"\x89PNG\r\n\x1a\n broken off here", "PNG"),
        (b"\xff\xd8\xff\xe0 broken off here", "JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text"),
        (b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n", "text"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "text"),
    ],
)
def test_other_files_are_no_references(tmp_path: Path, content: bytes, looks: str) -> None:
    """They would be uploaded, refused by the model, or worse: open other files of the host."""
    file = tmp_path / "reference.png"
    file.write_bytes(content)
    with pytest.raises(ClipUnreadable, match=rf"reference\.png.*{looks}"):
        check_reference(file, Kind.ANY)


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("clip.mp4", Kind.IMAGE, "clip.mp4 is a video; allowed: an image"),
        ("clip.mp4", Kind.SOUND, "clip.mp4 is a video; allowed: a sound"),
        ("still.png", Kind.VIDEO, "still.png is an image; allowed: a video"),
        ("text.png", Kind.IMAGE, "text.png looks like text and cannot be read"),
    ],
)
def test_a_reference_of_another_kind_is_refused(
    clips: Path, tmp_path: Path, name: str, kind: Kind, told: str
) -> None:
    """The model would refuse it, after an upload and perhaps for money."""
    image(tmp_path / "still.png", "png")
    (tmp_path / "text.png").write_text("no picture")
    folder = clips if name == "clip.mp4" else tmp_path
    with pytest.raises(ClipUnreadable) as refused:
        check_reference(folder / name, kind)
    assert refused.value.message.startswith(told)
    assert refused.value.message.endswith(f"allowed: {kind}")
    check_reference(clips / "clip.mp4", Kind.ANY)


def test_an_image_cut_short_before_its_pixels_is_no_reference(tmp_path: Path) -> None:
    """Its header opens; there is nothing to look at."""
    whole = image(tmp_path / "whole.png", "png", (640, 480)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[:40])
    with pytest.raises(ClipUnreadable, match="PNG"):
        check_reference(tmp_path / "cut.png", Kind.IMAGE)


def test_an_image_that_claims_to_be_huge_is_no_reference(tmp_path: Path) -> None:
    """Its header alone would have a gigabyte allocated."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 30000, 30000, 8, 6, 0, 0, 0)
    body = b"IDAT" + zlib.compress(bytes(1000))
    chunks = [
        struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (head, body)
    ]
    (tmp_path / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with pytest.raises(ClipUnreadable, match="PNG"):
        check_reference(tmp_path / "huge.png", Kind.IMAGE)
