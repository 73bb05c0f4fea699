"""`charlstm probe`, and what it shares with `charlstm explain`. Loads no torch until it runs."""

from charlstm.cli.probe.pairs import probe as probe
