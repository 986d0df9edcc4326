"""An intake whose settings change: what it remembers of files stays, what it judges by does not."""

from dataclasses import replace

from engine.intake_desk import GOOD, Desk, desk, png_bytes, reasons, settings
from reeldrop.domain.lifecycle import State
from reeldrop.domain.path_map import PathMap, PathRule

__all__ = ["desk", "settings"]


async def test_a_time_out_that_was_lengthened_holds_for_what_waits_already(desk: Desk) -> None:
    """The sidecar is still being written: the clock goes on from when the clip was first seen."""
    desk.put("a.mov")
    looked = await desk.settled()
    assert "waiting for sidecar" in reasons(looked)["a.mov"]
    desk.intake.follow(replace(desk.watch, sidecar_timeout=3 * desk.watch.sidecar_timeout))
    desk.clock.time += 2 * desk.watch.sidecar_timeout
    looked = await desk.intake.look()
    assert "waiting for sidecar" in reasons(looked)["a.mov"]
    desk.intake.follow(desk.watch)
    await desk.intake.look()
    assert (await desk.jobs())["a.mov"].error is not None


async def test_files_settle_by_the_new_time(desk: Desk) -> None:
    """A share that turned out to be slow is given longer, from the next look on."""
    desk.intake.follow(replace(desk.watch, settle=500.0, settle_polling=500.0))
    desk.drop("a.mov")
    await desk.settled()
    assert not await desk.jobs()
    desk.intake.follow(desk.watch)
    await desk.intake.look()
    assert (await desk.jobs())["a.mov"].state is State.QUEUED


async def test_new_defaults_stand_under_sidecars_that_were_read_before(desk: Desk) -> None:
    """What was merged once, while a reference was missing, is not believed under other defaults."""
    desk.intake.follow(replace(desk.watch, defaults={**desk.watch.defaults, **GOOD}))
    desk.drop("a.mov", {"image_list": ["ref.png"]})
    looked = await desk.settled()
    assert "ref.png" in reasons(looked)["a.mov"]
    desk.put("ref.png", png_bytes())
    other = {**desk.watch.defaults, "prompt": "as an etching"}
    desk.intake.follow(replace(desk.watch, defaults=other))
    await desk.settled()
    assert (await desk.jobs())["a.mov"].params["prompt"] == "as an etching"


async def test_other_paths_stand_for_sidecars_that_were_read_before(desk: Desk) -> None:
    """What was looked for under one rule, and was not there, is looked for where the next one leads."""
    old, new = (PathMap((PathRule("P:", f"/in/{name}"),), ("/in",)) for name in ("old", "new"))
    desk.intake.follow(replace(desk.watch, paths=old))
    desk.drop("a.mov", {**GOOD, "image_list": ["P:\\ref.png"]})
    assert "old/ref.png" in reasons(await desk.settled())["a.mov"]
    desk.put("new/ref.png", png_bytes())
    desk.intake.follow(replace(desk.watch, paths=new))
    await desk.settled()
    assert (await desk.jobs())["a.mov"].state is State.QUEUED


async def test_the_way_of_files_is_that_of_the_moment_of_taking(desk: Desk) -> None:
    """A job that was taken goes on as it was."""
    desk.drop("a.mov")
    await desk.settled()
    desk.intake.follow(replace(desk.watch, upload="data_uri"))
    desk.drop("b.mov", {"prompt": "other"})
    await desk.settled()
    jobs = await desk.jobs()
    assert (jobs["a.mov"].upload, jobs["b.mov"].upload) == (desk.watch.upload, "data_uri")
