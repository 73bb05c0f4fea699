"""Which cells track a long-range feature, and the proof. `probe.pipeline.probe` is the whole of it."""
