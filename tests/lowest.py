"""Print the lowest version that pyproject.toml allows of each dependency, as pip's constraints; for `make lowest`."""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def lowest_versions(requirements: list[str]) -> list[str]:
    """`name>=1.2,<3` -> `name==1.2`. Raises ValueError for a requirement without a lower bound."""
    found = [re.fullmatch(r"([A-Za-z0-9._-]+)>=([0-9.]+)(,<[0-9.]+)?", requirement) for requirement in requirements]
    if None in found:
        raise ValueError(f"no lower bound: {requirements[found.index(None)]}")
    return [f"{match[1]}=={match[2]}" for match in found if match is not None]


def main() -> None:
    """The lines, with those of the command line (`torch==2.13.0`) in place of the lowest."""
    instead = {line.partition("==")[0]: line for line in sys.argv[1:]}
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    for line in lowest_versions(project["dependencies"]):
        print(instead.get(line.partition("==")[0], line))


if __name__ == "__main__":
    main()
