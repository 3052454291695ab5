"""Run notebooks again and write their outputs: `python -m tests.rerun notebooks/01_docker0.ipynb ...`.

This is how a changed chapter gets its committed outputs. The file comes out the same for the same outputs: cell
ids in order, no times, no widget state, nothing about the machine.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from course_lib.lab import images
from course_lib.lab.lifecycle import DEFAULT_ENGINE, from_environment

lab = from_environment()


def rerun(path: Path) -> None:
    """Run a notebook from top to bottom and write it; raises nbclient's CellExecutionError if a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = {key: cell.metadata[key] for key in ("tags", "nbgrader") if cell.metadata.get(key)}
    client = NotebookClient(
        notebook,
        timeout=120,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    lab.reset()  # what is committed says that nothing was removed
    client.execute()
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        # A saved notebook has no widget: without this a page shows an error in the place of the question.
        output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


if __name__ == "__main__":
    lab.up(DEFAULT_ENGINE, images.need_package)
    for name in sys.argv[1:]:
        rerun(Path(name))
        print(f"Run and written: {name}")
