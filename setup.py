"""The build: a wheel gets a copy of the model that ships, which in a clone lies beside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

SHIPPED = {  # what lies where in a clone -> in `charlstm/shipped/` of a wheel
    "checkpoints/README.md": "README.md",
    "checkpoints/portuguese/LICENSE": "portuguese/LICENSE",
    "checkpoints/portuguese/best.safetensors": "portuguese/best.safetensors",
    "checkpoints/portuguese/metrics.jsonl": "portuguese/metrics.jsonl",
    "checkpoints/portuguese/probe.json": "portuguese/probe.json",
    "checkpoints/comparison/lstm.safetensors": "comparison/lstm.safetensors",
    "checkpoints/comparison/rnn.safetensors": "comparison/rnn.safetensors",
}


class BuildWithModel(build_py):
    """`build_py`, and then the model; an editable install finds it where it lies."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        shipped = Path(self.build_lib) / "charlstm" / "shipped"
        shutil.rmtree(shipped, ignore_errors=True)  # an earlier build may have left what ships no more
        for source, copy in SHIPPED.items():
            if not Path(source).is_file():
                raise SystemExit(f"{source} is missing: the sources are not complete")
            (shipped / copy).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, shipped / copy)


setup(cmdclass={"build_py": BuildWithModel})
