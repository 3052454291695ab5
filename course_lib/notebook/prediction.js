// Show a question with a button for each choice, and what became of it. Python keeps the choice; see prediction.py.

let number = 0; // for ids that are unique on this page

function render({ model, el }) {
  const made = (tag, name) => Object.assign(document.createElement(tag), { className: name });
  const text = made("p", "course-question");
  text.id = `course-question-${(number += 1)}`;
  text.append(Object.assign(made("b", ""), { textContent: "Predict. " }), model.get("question"));
  const choices = made("div", "course-choices");
  choices.setAttribute("role", "group");
  choices.setAttribute("aria-labelledby", text.id);
  // Not radio buttons: there an arrow key chooses at once, so the third choice cannot be reached by keyboard.
  const buttons = model.get("choices").map((choice) => {
    const button = Object.assign(made("button", "course-choice"), { type: "button", textContent: choice });
    button.addEventListener("click", () => model.get("decided") || model.send({ choose: choice }));
    return button;
  });
  choices.append(...buttons);
  // A screen reader says what changes in it, so it must be there before.
  const said = made("div", "course-said");
  said.setAttribute("role", "status");
  const root = made("div", "course-widget");
  root.append(text, choices, said);
  el.classList.add("jupyter-widgets"); // which JupyterLab's settings of the course look for (tests/shortcuts.py)
  el.replaceChildren(root);

  function show() {
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.textContent === model.get("chosen")));
      // Not `disabled`: a disabled button loses the focus.
      button.setAttribute("aria-disabled", String(model.get("decided")));
    }
    if (said.innerHTML !== model.get("said")) said.innerHTML = model.get("said");
  }
  model.on("change", show);
  show();
  return () => model.off("change", show);
}

export default { render };
