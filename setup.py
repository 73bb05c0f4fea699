"""The build: a wheel gets a copy of the model that ships, which in a clone lies beside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

MODEL = Path("checkpoints") / "portuguese"


class BuildWithModel(build_py):
    """`build_py`, and then the model; an editable install finds it where it lies."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            copy = Path(self.build_lib) / "charlstm" / "shipped" / MODEL.name
            shutil.copytree(MODEL, copy, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithModel})
