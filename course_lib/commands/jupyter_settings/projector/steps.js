// `./course up --projector`: keep the active cell when the live picture is clicked. Otherwise JupyterLab makes the picture's
// cell the active one, and the place in the notebook is lost. The control that was clicked still gets its click event.
for (const kind of ["mousedown", "focusin"]) {
  document.addEventListener(kind, (event) => {
    if (event.target.closest(".jp-Cell-outputWrapper:has(.course-live)")) event.stopPropagation();
  }, true);
}
