"""A clip is taken whole or not at all: torn, reserved and damaged files, really made."""

import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeldrop.domain.errors import ClipUnreadable, FileBusy, NotWhole, ReeldropError
from reeldrop.media.source import busy
from reeldrop.media.wholeness import check_whole

CONTAINERS = ["clip.mp4", "clip.mov", "clip.mkv", "clip.webm", "clip.avi", "clip.mxf"]
MUXERS = {
    "index at the end": ("a.mp4", {}),
    "index at the start": ("a.mp4", {"movflags": "faststart"}),
    "one fragment": ("a.mp4", {"movflags": "frag_keyframe+empty_moov"}),
    "fragments": ("a.mp4", {"movflags": "empty_moov", "frag_duration": "300000"}),
    "fragments without a trailer": (
        "a.mp4",
        {"movflags": "empty_moov+skip_trailer", "frag_duration": "300000"},
    ),
    "fragments with an index": (
        "a.mp4",
        {"movflags": "delay_moov+dash+global_sidx", "frag_duration": "300000"},
    ),
    "hybrid": ("a.mp4", {"movflags": "hybrid_fragmented"}),
    "quicktime": ("a.mov", {}),
    "matroska": ("a.mkv", {}),
    "live matroska": ("a.mkv", {"live": "1", "cluster_time_limit": "300"}),
}


def torso(whole: Path, to: Path, share: float = 0.6) -> Path:
    to.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
    return to


def shell(whole: Path, to: Path, share: float = 0.3) -> Path:
    """A file of the full size of which only the beginning has been written."""
    size = whole.stat().st_size
    with to.open("wb") as file:
        file.write(whole.read_bytes()[: int(size * share)])
        file.truncate(size)
    return to


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_whole_clip_of_any_container_is_whole(clips: Path, name: str) -> None:
    """A clip that is refused for ever is as bad as one that is lost."""
    check_whole(clips / name)


@pytest.mark.parametrize("muxer", MUXERS)
def test_a_clip_is_whole_however_it_was_muxed(remux: Callable[..., Path], muxer: str) -> None:
    """Cameras, recorders and exporters all lay their files out in their own way."""
    name, options = MUXERS[muxer]
    check_whole(remux(name, **options))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_torso_is_not_whole(clips: Path, tmp_path: Path, name: str, share: float) -> None:
    """Half a clip that is submitted is paid for in full."""
    with pytest.raises(NotWhole):
        check_whole(torso(clips / name, tmp_path / name, share))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("muxer", MUXERS)
def test_a_torso_is_not_whole_however_it_was_muxed(
    remux: Callable[..., Path], muxer: str, share: float
) -> None:
    """The beginning of a fast-start or fragmented file opens with the full duration."""
    name, options = MUXERS[muxer]
    whole = remux(name, **options)
    with pytest.raises(NotWhole):
        check_whole(torso(whole, whole.with_name(f"torso-{name}"), share))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("muxer", MUXERS)
def test_a_reserved_file_is_not_whole_until_it_is_filled(
    remux: Callable[..., Path], muxer: str, share: float
) -> None:
    """Samba, Explorer and rclone give a file its final size with the first byte."""
    name, options = MUXERS[muxer]
    whole = remux(name, **options)
    with pytest.raises(NotWhole):
        check_whole(shell(whole, whole.with_name(f"shell-{name}"), share))


@pytest.mark.parametrize("name", CONTAINERS)
def test_an_allocated_file_is_not_whole_until_it_is_filled(
    clips: Path, tmp_path: Path, name: str
) -> None:
    """`fallocate` reserves real blocks, which hold zeros until they are written."""
    whole, to = clips / name, tmp_path / name
    size = whole.stat().st_size
    with to.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
        file.write(whole.read_bytes()[: size // 3])
    with pytest.raises(NotWhole):
        check_whole(to)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", CONTAINERS)
def test_written_zeros_are_seen_where_the_file_system_tells_no_holes(
    clips: Path, tmp_path: Path, name: str, share: float
) -> None:
    """On SMB and NFS a reserved file has no holes to ask for, only zeros."""
    data = (clips / name).read_bytes()
    kept = int(len(data) * share)
    (tmp_path / name).write_bytes(data[:kept] + bytes(len(data) - kept))
    with pytest.raises(NotWhole):
        check_whole(tmp_path / name)


def test_the_message_tells_how_much_has_arrived(clips: Path, tmp_path: Path) -> None:
    """It is what a person reads in the folder while a copy is under way."""
    with pytest.raises(NotWhole, match=r"^noise\.mp4 is not a whole video: \d+ of \d+ kB"):
        check_whole(torso(clips / "noise.mp4", tmp_path / "noise.mp4"))


@pytest.mark.parametrize(
    "tail", [b"garbage", b"some text that an editor left behind", os.urandom(5000), bytes(5000)]
)
def test_a_tail_that_is_no_box_does_not_matter(clips: Path, tmp_path: Path, tail: bytes) -> None:
    """Some cameras and download tools leave bytes behind the film; players do not mind."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((clips / "clip.mp4").read_bytes() + tail)
    check_whole(clip)


@pytest.mark.parametrize("wide", [False, True])
def test_a_hole_in_padding_does_not_matter(clips: Path, tmp_path: Path, wide: bool) -> None:
    """Nothing lies in a `free` box, so nothing can be missing there; its size may have 64 bits."""
    clip, gap = tmp_path / "clip.mp4", 1 << 20
    with clip.open("wb") as file:
        file.write((clips / "clip.mp4").read_bytes())
        header = (
            struct.pack(">I4sQ", 1, b"free", gap) if wide else struct.pack(">I4s", gap, b"free")
        )
        file.write(header)
        file.truncate(file.tell() + gap - len(header))
    check_whole(clip)


def test_a_box_that_goes_to_the_end_is_whole_where_its_packets_are(
    clips: Path, tmp_path: Path
) -> None:
    """Size 0 means "to the end of the file": only the index tells what must be there."""
    data = (clips / "clip.mp4").read_bytes()
    at = data.index(b"mdat") - 4
    data = data[:at] + bytes(4) + data[at + 4 :]
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(data)
    check_whole(clip)
    clip.write_bytes(data[: int(len(data) * 0.8)])
    with pytest.raises(NotWhole):
        check_whole(clip)


@pytest.mark.parametrize("size", [0, 1, 8, 11])
def test_a_file_too_short_to_tell_is_still_arriving(clips: Path, tmp_path: Path, size: int) -> None:
    """Finder and many tools make an empty file first and fill it later."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes((clips / "clip.mp4").read_bytes()[:size])
    with pytest.raises(NotWhole):
        check_whole(clip)


def test_a_file_of_zeros_is_still_arriving(tmp_path: Path) -> None:
    """It was reserved, and its first byte has not come."""
    clip = tmp_path / "clip.mov"
    with clip.open("wb") as file:
        file.truncate(1 << 20)
    with pytest.raises(NotWhole, match="zeros"):
        check_whole(clip)


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"x" * 100, "PNG"),
        (b"just a few words, and then some more", "text"),
        (b"%PDF-1.7 and so on and on", "PDF"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\0" * 100, "WAV"),
        (b"\x7fELF" + b"\x02" * 60, "program"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\nfile:///etc/passwd\n", "text"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "HEIF"),
        (b"\xfe\x01\x02\x03" * 40, "does not know"),
    ],
)
def test_what_is_no_video_says_what_it_looks_like(
    tmp_path: Path, content: bytes, looks: str
) -> None:
    """A wrong extension is a mistake that waiting does not mend; a playlist must not be followed."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(content)
    with pytest.raises(ClipUnreadable, match=looks):
        check_whole(clip)


def test_a_sound_in_a_video_container_is_no_video(
    remux: Callable[..., Path], clips: Path, tmp_path: Path
) -> None:
    """An .m4a renamed to .mp4 opens and has no pictures."""
    to = tmp_path / "sound.mp4"
    with av.open(str(clips / "clip.mp4")) as old, av.open(str(to), "w") as new:
        voice = new.add_stream_from_template(old.streams.audio[0])
        for packet in old.demux(old.streams.audio[0]):
            if packet.dts is not None:
                packet.stream = voice
                new.mux(packet)
    with pytest.raises(ClipUnreadable, match="no pictures"):
        check_whole(to)


def test_a_file_that_has_gone_may_come_back(tmp_path: Path) -> None:
    """A file is often renamed between a scan and a look."""
    with pytest.raises(FileBusy, match=r"gone\.mp4"):
        check_whole(tmp_path / "gone.mp4")


def test_a_file_that_is_not_for_us_says_who_we_are(clips: Path, tmp_path: Path) -> None:
    """Who looks into the folder has to know whom to let in; only another user can show it."""
    clip = tmp_path / "mine.mp4"
    clip.write_bytes((clips / "clip.mp4").read_bytes())
    clip.chmod(0o000)
    error = PermissionError(errno.EACCES, "Permission denied")
    told = busy(clip, error).message
    who = f"uid {os.geteuid()} gid {os.getegid()}"
    owner = f"owner {os.getuid()}:{clip.stat().st_gid}"
    assert f"mine.mp4 cannot be read: permission denied for {who} (mode 0000, {owner})" == told


def test_a_pipe_named_like_a_clip_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    """Opening a pipe that nobody writes to would hold the thread for ever."""
    os.mkfifo(tmp_path / "clip.mov")
    with pytest.raises(ClipUnreadable, match="regular file"):
        check_whole(tmp_path / "clip.mov")


def test_names_of_any_bytes_can_be_opened(clips: Path, tmp_path: Path) -> None:
    """Names come from every system there is; some look like addresses."""
    for name in ("concat:a|b.mp4", "-i.mp4", "Schön\n%d.mp4", os.fsdecode(b"\xff\xfe.mp4")):
        clip = tmp_path / name
        clip.write_bytes((clips / "clip.mp4").read_bytes())
        check_whole(clip)


@pytest.mark.parametrize(
    "content",
    [
        struct.pack(">I4sQ", 1, b"ftyp", (1 << 64) - 1) + bytes(64),
        struct.pack(">I4sQ", 1, b"ftyp", 3) + bytes(64),
        struct.pack(">I4s", 16, b"ftyp") + b"isomisom" + struct.pack(">I4s", 7, b"moov"),
        struct.pack(">I4s", 8, b"free") * 5000,
        struct.pack(">I4s", 0, b"moov") * 2000,
        b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67\xff" + b"\x1f\x43\xb6\x75\xff" * 5000,
        b"\x1a\x45\xdf\xa3\x08" + b"\xff" * 64,
        b"RIFF\xff\xff\xff\xffAVI " + b"LIST\xff\xff\xff\xffmovi" * 500,
        bytes.fromhex("060e2b34020501010d01020101020400ff") + b"\xff" * 64,
        bytes.fromhex("060e2b34020501010d0102010102040000") * 500,
    ],
)
def test_sizes_that_lie_make_nothing_loop_or_allocate(tmp_path: Path, content: bytes) -> None:
    """Everybody may write into an inbox."""
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(content)
    with pytest.raises((NotWhole, ClipUnreadable)):
        check_whole(clip)


def test_a_claim_of_more_samples_than_bytes_is_not_believed(clips: Path, tmp_path: Path) -> None:
    """A decoder would make room for each of them: gigabytes for a file of a few."""
    data = bytearray((clips / "clip.mp4").read_bytes())
    at = data.index(b"stsz") + 8
    data[at : at + 8] = struct.pack(">II", 1, 0x7FFFFFF)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(data)
    with pytest.raises(NotWhole):
        check_whole(clip)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_damage_ends_in_a_plain_error_or_none(
    clips: Path, tmp_path: Path, data: st.DataObject
) -> None:
    """Whatever bytes a file holds, the answer is a verdict, never a crash."""
    name = data.draw(st.sampled_from(CONTAINERS))
    content = bytearray((clips / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, min(len(content) - 1, 4000)))
        content[at] = data.draw(st.integers(0, 255))
    clip = tmp_path / name
    clip.write_bytes(content)
    verdict = f"{name} is whole"
    try:
        check_whole(clip)
    except ReeldropError as error:
        verdict = error.message
    assert name in verdict
