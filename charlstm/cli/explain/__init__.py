"""`charlstm explain`: one sub-command a view, and what they share. Loads no torch."""

from charlstm.cli.explain.distance import distance
from charlstm.cli.explain.gradient import gradient
from charlstm.cli.explain.memory import memory
from charlstm.cli.explain.step import step
from charlstm.cli.explain.switches import switches
from charlstm.cli.explain.walk import walk
from charlstm.cli.explain.wiring import wiring
from charlstm.cli.groups import CommandGroup

EXPLAIN = CommandGroup(
    """See the gates work, character by character.

    Each view is a command with options of its own.

    Without a command it is walk: charlstm explain "a text" is charlstm explain walk "a text".

        charlstm explain "A menina que o João viu está cansada."
        charlstm explain memory --help
    """,
    {
        "walk": walk,
        "step": step,
        "memory": memory,
        "gradient": gradient,
        "distance": distance,
        "switches": switches,
        "wiring": wiring,
    },
    moved={
        "--at": "charlstm explain step TEXT --at N",
        "--memory": "charlstm explain memory",
        "--gradient": "charlstm explain gradient",
        "--distance": "charlstm explain distance",
        "--switches": "charlstm explain switches",
        "--svg": "--figure FILE, which ends in .svg, .png or .pdf",
    },
)
