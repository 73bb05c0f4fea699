"""The notebook runs, in a kernel, from its first cell to its last; a warning in it is an error."""

import json
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

DOCS = Path(__file__).parents[1] / "docs"
TOUR = DOCS / "tour.ipynb"
# run before its first cell
STRICT = """
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", module="ipykernel")  # it warns of itself when it is told to stop
import sys
sys.path.insert(0, {root!r})
"""


def outputs_of(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the client's libraries; those of the notebook are errors in its kernel
def test_the_tour_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel takes its own
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    spec = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}
    kernels = tmp_path / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text(json.dumps({**spec, "display_name": "Python 3"}))
    notebook = nbformat.read(TOUR, as_version=4)
    first = nbformat.v4.new_code_cell(STRICT.format(root=str(DOCS.parent)))
    notebook.cells.insert(0, first)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(DOCS)}}).execute()
    outputs = outputs_of(notebook)
    assert not [output for output in outputs if output.output_type == "error"]
    words = "".join(str(output.get("text", "")) + str(output.get("data", {})) for output in outputs)
    assert words.count("text/html") >= 4
    assert "image/png" in words
    for part in ("LanguageModel 'english'", "bits/char", "Walk of cell 73 of layer 2", "ProbeResult", "<span style="):
        assert part in words, part
    assert not (DOCS / "checkpoints").exists()


def test_the_tour_is_kept_without_outputs() -> None:
    notebook = nbformat.read(TOUR, as_version=4)
    nbformat.validate(notebook)
    assert outputs_of(notebook) == []
    assert all(cell.get("execution_count") is None for cell in notebook.cells)
