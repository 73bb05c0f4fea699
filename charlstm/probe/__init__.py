"""Which cells track a long-range feature, and the proof. `probe.run.probe` is the whole of it."""

from collections.abc import Callable

OnProgress = Callable[[str, int, int], None]  # what is being done, how much of it is done, of how much
