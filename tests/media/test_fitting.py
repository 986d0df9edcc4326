"""Clips made to fit, looked at by decoding what has become of them."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import pytest
from tests.media.conftest import Remux
from tests.media.drawn import KEEP, Made, drawing, frames_of

from reeldrop.domain.errors import ClipUnreadable, DiskFull, FileBusy, Stopping
from reeldrop.domain.fit import Fit
from reeldrop.domain.job import MediaFacts
from reeldrop.media.facts import probe
from reeldrop.media.film import PictureDecoder, film
from reeldrop.media.fitting import fit
from reeldrop.simulator.footage import chord, pulled, write_clip


def ends(clip: Path) -> dict[str, float]:
    """When each stream, and the container, ends: in seconds."""
    with av.open(str(clip)) as container:
        found = {
            stream.type: float(
                ((stream.start_time or 0) + (stream.duration or 0)) * stream.time_base
            )
            for stream in container.streams
            if stream.time_base
        }
        return {**found, "container": (container.duration or 0) / 1_000_000}


KINDS = ["clip.mp4", "clip.mkv", "clip.ts", "prores.mov", "dnxhd.mxf", "hevc.mp4", "vp9.webm"]


@pytest.mark.parametrize("name", [*KINDS, "slow.avi"])
def test_whatever_comes_becomes_a_plain_mp4(sources: Path, made: Made, name: str) -> None:
    """It is what every model takes."""
    before, after = probe(sources / name), probe(made(sources / name))
    assert (after.container, after.facts.codec, after.sound) == ("mp4", "h264", "aac")
    assert after.plain
    facts = after.facts
    assert (facts.width, facts.height, facts.fps) == (
        before.facts.width,
        before.facts.height,
        before.facts.fps,
    )
    assert facts.seconds == pytest.approx(before.facts.seconds, abs=0.03)


def test_its_index_comes_first_and_its_profile_is_high(sources: Path, made: Made) -> None:
    """A server begins to read before it has the whole."""
    clip = made(sources / "prores.mov")
    data = clip.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(clip)) as container:
        assert container.streams.video[0].codec_context.profile == "High"


def test_size_rate_and_length_are_as_asked(sources: Path, made: Made) -> None:
    """They are what the model's limits allow."""
    clip = made(sources / "slow.avi", Fit(width=320, height=180, fps=24.0, seconds=0.75))
    facts = probe(clip).facts
    assert (facts.width, facts.height, facts.fps, facts.seconds) == (320, 180, 24.0, 0.75)
    assert len(frames_of(clip)) == 18


@pytest.mark.parametrize("seconds", [0.5, 0.51, 0.777])
@pytest.mark.parametrize("name", ["clip.mp4", "prores.mov", "clip.mkv", "vp9.webm"])
def test_nothing_reaches_beyond_the_cut(
    sources: Path, made: Made, name: str, seconds: float
) -> None:
    """A model that takes 10.05 s refuses 10.06 s, after the upload."""
    lengths = ends(made(sources / name, Fit(seconds=seconds)))
    assert lengths["audio"] <= seconds + 0.0005
    assert max(lengths.values()) <= seconds + 0.0005
    assert lengths["video"] > seconds - 1 / 24 - 0.001


def test_a_cut_beyond_the_end_cuts_nothing(sources: Path, made: Made) -> None:
    """The limit is the most that a clip may have, not what it must."""
    assert probe(made(sources / "clip.mp4", Fit(seconds=5.0))).facts.seconds == 1.0


def test_the_rate_of_television_is_kept_exactly(tmp_path: Path, made: Made) -> None:
    """23.976 is 24000/1001; a clip of 24 would drift from its sound."""
    clip = tmp_path / "ntsc.mov"
    source = islice(pulled(drawing("testsrc2=s=160x90:r=24")), 24)
    write_clip(clip, source, None, fps=Fraction(24000, 1001), codec="mpeg4")
    with av.open(str(made(clip))) as container:
        assert container.streams.video[0].average_rate == Fraction(24000, 1001)


def test_an_uneven_rate_is_made_constant(tmp_path: Path, made: Made) -> None:
    """Phones and screen recorders hold frames as long as it pleases them."""
    clip, times = tmp_path / "uneven.mp4", [0, 1, 2, 9, 10, 20, 47]
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 24)
        drawn = islice(pulled(drawing("testsrc2=s=160x90:r=24")), len(times))
        for at, frame in zip(times, drawn, strict=True):
            frame.pts, frame.time_base = at, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert not probe(clip).plain
    result = made(clip, Fit(fps=24.0))
    times = [frame.time for frame in frames_of(result)]
    assert times == pytest.approx([n / 24 for n in range(len(times))], abs=0.001)
    assert times[-1] == pytest.approx(47 / 24, abs=0.05)


def test_sound_stays_with_its_pictures(tmp_path: Path, made: Made) -> None:
    """Sound that begins later begins later in what is made, too."""
    clip = tmp_path / "late.mov"
    sound = _late(chord(1.0), 0.5)
    write_clip(clip, pulled(drawing("testsrc2=s=160x90:r=24:d=1.5")), sound, fps=Fraction(24))
    with av.open(str(made(clip, Fit(fps=30.0, seconds=1.4)))) as container:
        loud = [
            frame.time or 0.0
            for frame in container.decode(audio=0)
            if max(map(abs, memoryview(bytes(frame.planes[0])).cast("f"))) > 0.02
        ]
    assert min(loud) == pytest.approx(0.5, abs=0.05)


def _late(sound: Iterator[av.AudioFrame], seconds: float) -> Iterator[av.AudioFrame]:
    for frame in sound:
        frame.pts = (frame.pts or 0) + round(seconds * 48_000)
        yield frame


def test_a_clip_without_sound_has_none(sources: Path, made: Made) -> None:
    """Silence is not a track."""
    assert probe(made(sources / "silent.mp4", Fit(seconds=0.5))).sound is None


@pytest.mark.parametrize("allowed", [150_000, 60_000])
def test_it_stays_within_its_bytes(sources: Path, made: Made, allowed: int) -> None:
    """Noise is the worst that can come; a clip that is too large is refused after the upload."""
    clip = made(sources / "noise.mp4", Fit(bytes=allowed))
    assert allowed / 3 < clip.stat().st_size <= allowed


def test_what_cannot_be_made_small_enough_is_refused(sources: Path, made: Made) -> None:
    """The message says both numbers."""
    with pytest.raises(ClipUnreadable, match=r"noise\.mp4 .* 9000 bytes"):
        made(sources / "noise.mp4", Fit(bytes=9000))


@pytest.mark.parametrize("name", ["clip.mkv", "clip.ts", "clip.mp4", "hevc.mp4"])
def test_a_copy_has_the_same_pictures(sources: Path, made: Made, name: str) -> None:
    """Only the container changes: nothing is lost, and it takes a moment."""
    clip = made(sources / name, Fit(copy=True))
    old, new = frames_of(sources / name), frames_of(clip)
    assert [bytes(f.planes[0]) for f in new] == [bytes(f.planes[0]) for f in old]
    first = new[0].time
    assert first < 0.1
    assert [f.time - first for f in new] == pytest.approx(
        [f.time - old[0].time for f in old], abs=0.002
    )
    assert probe(clip).sound == "aac"
    assert probe(clip).container == "mp4"


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(24000, 1001), Fraction(60)])
def test_a_copy_is_as_long_as_its_pictures_are(tmp_path: Path, made: Made, rate: Fraction) -> None:
    """Matroska rounds times to 1 ms: a clip of 3 s came out with 2.999 s, below what a model takes."""
    clip = tmp_path / "rounded.mkv"
    source = islice(pulled(drawing("testsrc2=s=160x90:r=24")), 72)
    write_clip(clip, source, None, fps=rate)
    result = made(clip, Fit(copy=True))
    with av.open(str(clip)) as old, av.open(str(result)) as new:
        sizes = [
            [packet.size for packet in each.demux(video=0) if packet.size] for each in (old, new)
        ]
        assert sizes[0] == sizes[1]
        assert new.streams.video[0].average_rate == rate
        assert ends(result)["video"] == pytest.approx(float(72 / rate), abs=0.0001)


def test_pictures_at_another_rate_than_is_told_keep_their_own(tmp_path: Path, made: Made) -> None:
    """They would be shown too fast, and run away from their sound."""
    clip = tmp_path / "other.mkv"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 25)
        for number, frame in enumerate(islice(pulled(drawing("testsrc2=s=160x90:r=25")), 50)):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert ends(made(clip, Fit(copy=True)))["video"] == pytest.approx(2.0, abs=0.05)


def test_sound_that_mp4_does_not_hold_is_encoded(sources: Path, tmp_path: Path, made: Made) -> None:
    """Matroska holds everything."""
    clip = tmp_path / "pcm.mkv"
    source = islice(pulled(drawing("testsrc2=s=160x90:r=24")), 24)
    with av.open(str(sources / "vp9.webm")) as opus, av.open(str(clip), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        voice = container.add_stream_from_template(opus.streams.audio[0])
        for number, frame in enumerate(source):
            frame.pts, frame.time_base = number, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for packet in opus.demux(audio=0):
            if packet.dts is not None:
                packet.stream = voice
                container.mux(packet)
    after = probe(made(clip, Fit(copy=True)))
    assert (after.facts.codec, after.sound, after.facts.seconds) == ("h264", "aac", 1.0)


def test_what_an_edit_list_hides_stays_hidden(sources: Path, tmp_path: Path, made: Made) -> None:
    """Trimmed exports hide samples instead of removing them."""
    clip, options = tmp_path / "trimmed.mov", {"avoid_negative_ts": "disabled"}
    with av.open(str(sources / "clip.mp4")) as old, av.open(str(clip), "w", options=options) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None and packet.pts is not None:
                shift = round(0.5 / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = stream
                new.mux(packet)
    shown = [bytes(f.planes[0]) for f in frames_of(clip)]
    for how in (KEEP, Fit(copy=True)):
        result = made(clip, how)
        assert len(frames_of(result)) == len(shown) == 12
        assert probe(result).facts.seconds == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", ["prores.mov", "clip.mp4", "hevc.mp4", "vp9.webm"])
def test_a_clip_that_stops_decoding_says_where(
    sources: Path, tmp_path: Path, made: Made, name: str
) -> None:
    """Half a clip that is submitted is paid for in full."""
    data = bytearray((sources / name).read_bytes())
    for at, size in _packets(sources / name)[6:]:
        data[at + 8 : at + size] = b"\xa5" * (size - 8)
    clip = tmp_path / f"damaged-{name}"
    clip.write_bytes(data)
    with pytest.raises(ClipUnreadable, match=rf"damaged-{name} stops decoding at 0\.\d+ s"):
        made(clip)
    assert not (tmp_path / "made.mp4").exists()


def _packets(clip: Path) -> list[tuple[int, int]]:
    with av.open(str(clip)) as container:
        return [(p.pos or 0, p.size) for p in container.demux(video=0) if p.size]


def test_an_old_file_is_replaced(sources: Path, tmp_path: Path, made: Made) -> None:
    """What a run before the last left behind is of no use."""
    (tmp_path / "made.mp4").write_bytes(b"old" * 100_000)
    assert made(sources / "silent.mp4").stat().st_size < 300_000


def test_a_source_that_has_gone_may_come_back(made: Made, tmp_path: Path) -> None:
    """A share that is away is no fault of the clip."""
    with pytest.raises(FileBusy, match=r"gone\.mov"):
        made(tmp_path / "gone.mov")


def test_a_folder_that_is_away_is_no_fault_of_the_clip(sources: Path, tmp_path: Path) -> None:
    """The outbox may lie on a share too."""
    with pytest.raises(FileBusy, match=r"made\.mp4"):
        fit([sources / "clip.mp4"], tmp_path / "away" / "made.mp4", KEEP, threading.Event())


@pytest.mark.parametrize("how", [KEEP, Fit(copy=True)])
def test_a_full_disk_is_said_to_be_full(sources: Path, tmp_path: Path, how: Fit) -> None:
    """Every clip would meet the same; the queue waits, and this clip is not refused."""
    (tmp_path / "made.mp4").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match=r"made\.mp4"):
        fit([sources / "noise.mp4"], tmp_path / "made.mp4", how, threading.Event())


def test_work_that_nobody_waits_for_is_not_begun(sources: Path, tmp_path: Path) -> None:
    """It would hold up what is asked next."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopping):
        fit([sources / "clip.mp4"], tmp_path / "made.mp4", KEEP, stop)
    assert not (tmp_path / "made.mp4").exists()


def test_the_facts_are_those_of_what_was_made(sources: Path, tmp_path: Path) -> None:
    """The record shows what the model was given."""
    facts = fit([sources / "vp9.webm"], tmp_path / "made.mp4", KEEP, threading.Event())
    size = (tmp_path / "made.mp4").stat().st_size
    assert facts == MediaFacts("made.mp4", size, None, 1.0, 160, 90, 24.0, "h264")


# ---------------------------------------------------------------- whose fault it is


def _lost(clip: Path) -> None:
    """Let every later read of `clip` by this process fail: what it has open becomes a folder."""
    folder = os.open("/", os.O_RDONLY)
    (held,) = [
        int(entry.name)
        for entry in Path("/proc/self/fd").iterdir()
        if os.path.realpath(entry) == str(clip)
    ]
    os.dup2(folder, held)
    os.close(folder)


@pytest.mark.parametrize("name", ["noise.mkv", "noise.ts", "noise.mov", "clip.avi", "clip.mxf"])
def test_a_share_that_fails_in_mid_read_is_no_fault_of_the_clip(
    clips: Path, tmp_path: Path, remux: Remux, name: str
) -> None:
    """To FFmpeg that is the end of the file, or damage; the clip may be whole."""
    clip = Path(shutil.copy(clips / name, tmp_path)) if name.startswith("clip") else remux(name)
    with pytest.raises(FileBusy, match=rf"{name} cannot be read: Is a directory"):
        _read_and_lose(clip)


def _read_and_lose(clip: Path) -> None:
    """Decode `clip` to its end, with its file lost after the first frame."""
    lost = False
    with film(clip, threading.Event()) as source:
        decoder = PictureDecoder(source)
        for packet in source.packets():
            if packet.stream is source.picture and any(decoder.decode(packet)) and not lost:
                _lost(clip)
                lost = True
        decoder.check_end()


def test_an_outbox_that_is_locked_is_no_fault_of_the_clip(sources: Path, tmp_path: Path) -> None:
    """An administrator's lock says "operation not permitted", as the muxer says of a packet."""
    outbox = tmp_path / "outbox"
    outbox.mkdir()
    if subprocess.run(["chattr", "+i", outbox], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be locked here")
    try:
        for how in (KEEP, Fit(copy=True)):
            with pytest.raises(FileBusy, match=r"made\.mp4 cannot be written: Operation not perm"):
                fit([sources / "clip.mp4"], outbox / "made.mp4", how, threading.Event())
    finally:
        subprocess.run(["chattr", "-i", outbox], check=True)


def _damaged(clip: Path, to: Path, count: int) -> Path:
    """Copy `clip` with its first `count` pictures made unreadable."""
    data = bytearray(clip.read_bytes())
    for at, size in _packets(clip)[:count]:
        data[at + 4 : at + size] = b"\xa5" * (size - 4)
    to.write_bytes(data)
    return to


def test_a_beginning_that_does_not_decode_is_not_padded_with_a_still(
    tmp_path: Path, made: Made
) -> None:
    """It would be paid for as if it were the clip."""
    source = islice(pulled(drawing("testsrc2=s=160x90:r=24")), 36)
    intra = tmp_path / "intra.mov"
    write_clip(intra, source, None, fps=Fraction(24), codec="mpeg4", options={"g": "1"})
    clip = _damaged(intra, tmp_path / "torn.mov", 18)
    with pytest.raises(
        ClipUnreadable, match=r"torn\.mov begins at 0\.00 s, .* decodes is at 0\.75 s"
    ):
        fit([clip], tmp_path / "made.mp4", KEEP, threading.Event())
    assert made(_damaged(intra, tmp_path / "cut.mov", 6)).exists()


def test_sound_that_ends_in_noise_makes_no_shorter_clip(tmp_path: Path, made: Made) -> None:
    """What comes out is held against what the clip says that it has."""
    clip = tmp_path / "long.mp4"
    source = islice(pulled(drawing("testsrc2=s=160x90:r=24")), 24)
    write_clip(clip, source, chord(3.0), fps=Fraction(24), codec="mpeg4")
    assert probe(made(clip, Fit(seconds=2.5))).facts.seconds == pytest.approx(2.5, abs=0.1)
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        for packet in list(container.demux(audio=0))[40:]:
            data[packet.pos or 0 : (packet.pos or 0) + packet.size] = b"\xa5" * packet.size
    clip.write_bytes(data)
    with pytest.raises(ClipUnreadable, match=r"long\.mp4 ends too early: of 2\.50 s only \d"):
        made(clip, Fit(seconds=2.5))


def test_a_track_that_is_left_away_may_be_longer(sources: Path, tmp_path: Path, made: Made) -> None:
    """Only the first sound is taken over; a commentary that runs on is no fault of the film."""
    clip, long = tmp_path / "two.mov", tmp_path / "long.mov"
    source = islice(pulled(drawing("testsrc2=s=160x90:r=24")), 12)
    write_clip(long, source, chord(4.0), fps=Fraction(24), codec="mpeg4")
    with (
        av.open(str(sources / "clip.mp4")) as old,
        av.open(str(long)) as more,
        av.open(str(clip), "w") as new,
    ):
        taken = [*old.streams, more.streams.audio[0]]
        made_of = {stream: new.add_stream_from_template(stream) for stream in taken}
        for container in (old, more):
            for packet in container.demux([s for s in taken if s.container is container]):
                if packet.dts is not None:
                    packet.stream = made_of[packet.stream]
                    new.mux(packet)
    assert probe(clip).facts.seconds == pytest.approx(4.0, abs=0.1)
    assert probe(made(clip)).facts.seconds == pytest.approx(1.0, abs=0.1)
