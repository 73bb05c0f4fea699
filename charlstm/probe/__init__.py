"""Which cells track a long-range feature, and the proof. `probe.run.probe` is the whole of it."""
