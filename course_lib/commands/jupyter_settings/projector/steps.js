// `./course up --projector`: a click on the live picture is no step. Without this JupyterLab makes its cell the active one,
// and the place in the notebook is lost. The control that was clicked gets its click all the same: that comes later.
for (const kind of ["mousedown", "focusin"]) {
  document.addEventListener(kind, (event) => {
    if (event.target.closest(".jp-Cell-outputWrapper:has(.course-live)")) event.stopPropagation();
  }, true);
}
