"""Names that are never looked at, and their look-alikes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeldrop.files.litter import is_litter


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store", "._clip.mov", ".nfs0000000001", ".fuse_hidden0001", ".smbdeleteAAA1",
        ".syncthing.clip.mov.tmp", "~syncthing~clip.mov.tmp", ".clip.mov.Xy12Zz", "~$clip.docx",
        ".reeldrop", ".stfolder", ".@__thumb", ".Trashes", "Thumbs.db", "THUMBS.DB", "desktop.ini",
        "ehthumbs.db", "@eaDir", "#recycle", "#snapshot", "lost+found", "$RECYCLE.BIN",
        "System Volume Information", "__MACOSX", "clip.mov.part", "clip.mov.partial",
        "clip.mov.AbC123.partial", "clip.mov.tmp", "clip.mov.TEMP", "clip.mov.crdownload",
        "clip.mov.download", "clip.mov.filepart", "clip.mov.!qB", "clip.mov.aria2",
        "clip.mov.opdownload", "clip.mov.writing", "clip.mov.camelLock", "clip.mov.part.minio",
        "clip.mov~", "clip.mov.sb-0a1b2c3d-Xy12Zz",
    ],
)  # fmt: skip
def test_unfinished_and_system_names_are_litter(name: str) -> None:
    """Taking one of them would pay for half a clip, or for a desktop's thumbnail."""
    assert is_litter(name)


@pytest.mark.parametrize(
    "name",
    [
        "stfolder.mov", "my_thumbs.mov", "a._b.mov", "part.mov", "tmp.mp4", "clip.part.mov",
        "clip~.mov", "recycle.mov", "eaDir", "clip.sb-1.mov", "Thumbs.db.mov", "a~b", "clip",
    ],
)  # fmt: skip
def test_look_alikes_are_accepted(name: str) -> None:
    """A filter that matches too much loses clips silently."""
    assert not is_litter(name)


@given(
    st.text(st.characters(exclude_characters="/\0"), min_size=1).map(lambda stem: f"a{stem}.mov")
)
def test_a_video_name_that_begins_with_a_letter_is_never_litter(name: str) -> None:
    """Whatever is in the middle of a name, its end decides."""
    assert not is_litter(name)
