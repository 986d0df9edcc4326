"""The workshop: what happens to a clip, in order. No I/O of its own, only ports."""
