"""A person and a model write one text: what is kept of it, what the model would write next, the commands."""

from charlstm.writing.commands import Done, run_line, sweep, why
from charlstm.writing.desk import Desk
from charlstm.writing.reader import Reader

__all__ = ["Desk", "Done", "Reader", "run_line", "sweep", "why"]
