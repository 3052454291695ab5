// Show a picture that Python drew: select a part of it, zoom and pan, go back in time, play a journey.
// `shown` and `controls` are described in frame.py and panel.py. Only what needs Python is sent there, by `ask`.

const STEP = 1600; // milliseconds of one step of a journey at speed 1
const WIDEST = 1160; // pixels of the widest picture that Python is asked for
const PAN = 60; // pixels
let number = 0; // for ids that are unique on this page

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const button = (words, act, properties = {}) =>
  make("button", { type: "button", class: "course-button", text: words, onclick: act, ...properties });
// A label before its control, not around it: else the control's name would hold all that a list offers.
const label = (words, control) => {
  control.id ||= `course-control-${(number += 1)}`;
  return make("span", { class: "course-label" }, make("label", { for: control.id, text: words }), control);
};

// Set what a list offers, if that has changed; keep what was chosen.
function offer(select, values, names = values) {
  const before = select.value;
  if ([...select.options].map((each) => each.value + each.text).join("\n") !== values.map((v, i) => v + names[i]).join("\n"))
    select.replaceChildren(...values.map((value, i) => make("option", { value, text: names[i] })));
  if (values.includes(before)) select.value = before;
}

function render({ model, el }) {
  const id = `course-${(number += 1)}`;
  const ask = (message) => model.send(message);
  let parts = {}; // by id: the elements that draw it
  let chosen = ""; // the id of the part that is asked about
  let scale = 0; // screen pixels for each pixel of the picture; 0: the whole width
  let step = 0; // the last step of a journey that is shown
  let told = ""; // the sentences of all its steps
  let timer = 0;
  let wide = 0; // how wide Python was asked to draw

  // ---- what there is on the page
  const picture = make("div", { class: "course-picture", tabindex: "0", role: "group" });
  const hint = make("div", { class: "course-hint", "aria-hidden": "true", hidden: "" });
  const name = make("b");
  const evidence = make("pre");
  const from = button("Send from here", () => start(origin), { class: "course-button course-asks" });
  const to = button("Send to here", () => start(target), { class: "course-button course-asks" });
  const close = button("×", () => choose(""), { "aria-label": "Close", title: "Close (Escape)" });
  const why = make("div", { class: "course-why", role: "region", "aria-label": "Why is this here?", "aria-live": "polite", hidden: "" },
    make("div", { class: "course-row" }, name, close), evidence, make("div", { class: "course-row" }, from, to));
  const stage = make("div", { class: "course-stage" }, picture, hint, why);

  const back = button("Back", () => move(-1));
  const forward = button("Forward", () => move(1));
  const slider = make("input", { type: "range", min: "0", step: "1", oninput: () => go(Number(slider.value)) });
  const live = button("Live", () => ask({ do: "view", paused: following(), back: 0 }), { title: "Follow the lab, or hold this picture" });
  const play = button("Play", () => (timer ? stop() : begin()));
  const speed = make("select", {}, ...["0.5", "1", "2", "4"].map((value) => make("option", { value, text: `${value}×` })));
  speed.value = "1";
  speed.addEventListener("change", () => timer && begin());
  const speeds = label("Speed", speed);
  const journey = button("Journey", () => ask({ do: "journey", on: !model.get("controls").plays }),
    { class: "course-button course-asks", title: "Play the last journey here, or show the network again" });
  const time = make("div", { class: "course-row", role: "group", "aria-label": "Time" },
    live, back, slider, forward, play, speeds, journey);

  const pans = [["←", "left", -1, 0], ["→", "right", 1, 0], ["↑", "up", 0, -1], ["↓", "down", 0, 1]].map(([words, way, x, y]) =>
    button(words, () => pan(x, y), { "aria-label": `Move the picture: ${way}`, class: "course-button course-pan" }));
  const view = make("div", { class: "course-row", role: "group", "aria-label": "View" },
    button("−", () => zoom(1 / 1.25), { "aria-label": "Smaller", title: "Smaller (key -)" }),
    button("+", () => zoom(1.25), { "aria-label": "Larger", title: "Larger (key +)" }),
    button("Fit", () => fit(), { title: "The whole width (key 0)" }), ...pans);
  const part = make("select", { onchange: () => choose(part.value) });
  view.append(label("Part", part));

  const network = make("select", { onchange: () => ask({ do: "view", network: network.value }) });
  const ticks = Object.entries({ rules: "Rules", veths: "Veth pairs", stopped: "Stopped containers", folded: "Fold alike containers" }).map(([key, words]) => {
    const box = make("input", { type: "checkbox", onchange: () => ask({ do: "view", [key]: box.checked }) });
    return [key, box, make("label", { class: "course-label" }, box, words)];
  });
  const show = make("div", { class: "course-row course-asks", role: "group", "aria-label": "What is shown" },
    label("Show", network), ...ticks.map(([, , each]) => each),
    button("Save PNG", () => ask({ do: "save", kind: "png" })), button("Save SVG", () => ask({ do: "save", kind: "svg" })),
    button("Close", () => ask({ do: "close" })));

  const origin = make("select");
  const target = make("select", { onchange: () => suggest() });
  const known = make("datalist", { id: `${id}-ports` });
  const port = make("input", { type: "text", size: "7", list: `${id}-ports`, inputmode: "numeric", placeholder: "ping" });
  const send = make("form", { class: "course-row course-asks", "aria-label": "Send one real request" },
    label("Send from", origin), label("to", target), label("port", port), known,
    make("button", { type: "submit", class: "course-button", text: "Send" }));
  send.addEventListener("submit", (event) => {
    event.preventDefault();
    say(`Sending from ${origin.value} to ${target.value} …`);
    ask({ do: "send", origin: origin.value, target: target.value, port: port.value });
  });

  const status = make("div", { class: "course-status", role: "status", "aria-live": "polite" });
  const saved = make("div", { class: "course-saved", text: "Saved, as it was. Run the cell again to use it." });
  const twin = make("pre", { class: "course-twin", tabindex: "0" });
  const folded = make("details", { class: "course-words" }, make("summary", { text: "The same in words" }), twin);
  const root = make("div", { class: "course-frame" }, saved, time, make("div", { class: "course-rows" }, view, show), status, stage, send, folded);
  el.classList.add("jupyter-widgets"); // which JupyterLab's settings of the course look for (tests/shortcuts.py)
  el.replaceChildren(root);

  // ---- the picture
  const svg = () => picture.querySelector("svg");
  const natural = () => svg().viewBox.baseVal.width;
  const room = () => picture.clientWidth;
  const fitting = () => Math.min(room() / natural(), 1.25);

  function draw() {
    const { svg: drawn, alt, words, parts: known_parts, steps } = model.get("shown");
    if (!drawn) return;
    const focused = picture.contains(document.activeElement) && (document.activeElement.dataset.part ?? "");
    const [left, top] = [picture.scrollLeft, picture.scrollTop];
    picture.innerHTML = drawn;
    parts = {};
    for (const element of picture.querySelectorAll("[data-part]")) (parts[element.dataset.part] ??= []).push(element);
    picture.setAttribute("aria-label", alt);
    if (twin.textContent !== words) twin.textContent = words;
    size();
    [picture.scrollLeft, picture.scrollTop] = [left, top];
    if (typeof focused === "string") (button_of(focused) ?? picture).focus({ preventScroll: true });
    const ids = Object.keys(known_parts);
    offer(part, ["", ...ids], ["(choose)", ...ids.map((each) => known_parts[each][0])]);
    if (chosen && !known_parts[chosen]) choose("", `${name.textContent} is no longer in the picture.`);
    else choose(chosen);
    if (told !== steps.join("\n")) { // else it is the same journey, drawn for another width
      told = steps.join("\n");
      step = steps.length;
      stop();
    }
    shown_step();
  }

  const button_of = (each) => (parts[each] ?? []).find((element) => element.getAttribute("role"));

  function size() {
    if (!svg()) return;
    const now = scale || fitting();
    svg().style.width = `${Math.floor(natural() * now)}px`;
    svg().style.height = "auto";
    const larger = natural() * now > room() + 1;
    // What is larger than its place moves inside it, and the page below stays where it is.
    picture.style.maxHeight = scale > fitting() ? `${Math.max(320, svg().viewBox.baseVal.height * fitting())}px` : "";
    root.classList.toggle("course-moves", larger);
    place();
  }

  function zoom(factor, x = room() / 2, y = picture.clientHeight / 2) {
    const before = svg().getBoundingClientRect().width / natural();
    const after = Math.min(6, Math.max(Math.min(fitting(), 0.25), before * factor));
    const [left, top] = [(picture.scrollLeft + x) / before, (picture.scrollTop + y) / before];
    scale = after;
    size();
    [picture.scrollLeft, picture.scrollTop] = [left * after - x, top * after - y];
    place();
  }

  function fit() {
    scale = 0;
    size();
  }

  function pan(x, y) {
    picture.scrollBy({ left: x * PAN, top: y * PAN });
    place();
  }

  // ---- what is chosen
  function choose(each, otherwise = "") {
    const [words, lines, related] = model.get("shown").parts[each] ?? ["", "", []];
    chosen = words ? each : "";
    root.classList.toggle("course-asking", Boolean(chosen));
    for (const element of picture.querySelectorAll(".course-hit, .course-belongs"))
      element.classList.remove("course-hit", "course-belongs");
    for (const element of picture.querySelectorAll("[aria-pressed]")) element.removeAttribute("aria-pressed");
    for (const other of related) for (const element of parts[other] ?? []) element.classList.add("course-belongs");
    for (const element of parts[chosen] ?? []) element.classList.add("course-hit");
    button_of(chosen)?.setAttribute("aria-pressed", "true");
    if (part.value !== chosen) part.value = chosen;
    why.hidden = !chosen;
    if (name.textContent !== words && chosen) name.textContent = words;
    if (evidence.textContent !== lines) evidence.textContent = lines;
    const where = origin_of(chosen);
    from.hidden = send.hidden || !where || !offers(origin, where);
    to.hidden = send.hidden || !where || !offers(target, where);
    hint.hidden = true;
    if (otherwise) say(otherwise);
    place();
  }

  // Which place for a request a part is, and the port that it names.
  const origin_of = (each) => {
    const [kind, which] = each.split("/");
    return { container: which, endpoint: which, port: which, client: "client", interface: "host" }[kind];
  };
  const offers = (select, value) => [...select.options].some((each) => each.value === value);

  function start(select) {
    select.value = origin_of(chosen);
    if (select === target) {
      suggest();
      if (chosen.startsWith("port/")) port.value = chosen.split("/").slice(2).join("/");
    }
    choose("");
    (select === origin ? target : port).focus();
  }

  function suggest() {
    const ports = model.get("controls")?.ports[target.value] ?? [];
    known.replaceChildren(...ports.map((value) => make("option", { value })));
    port.value = ports[0] ?? "";
  }

  // Put the evidence next to the part: on the right of it, or where there is room.
  function place() {
    const element = parts[chosen]?.[0];
    if (!element) return;
    const [box, frame] = [element.getBoundingClientRect(), stage.getBoundingClientRect()];
    const right = box.right - frame.left + 10, left = box.left - frame.left - why.offsetWidth - 10;
    const beside = right + why.offsetWidth <= frame.width ? right : left >= 0 ? left : null;
    const x = beside ?? Math.max(0, Math.min(box.left - frame.left, frame.width - why.offsetWidth));
    const below = box.bottom - frame.top + 8, above = box.top - frame.top - why.offsetHeight - 8;
    const y = beside !== null ? box.top - frame.top : below + why.offsetHeight <= frame.height ? below : above;
    why.style.left = `${x}px`;
    why.style.top = `${Math.max(0, Math.min(y, frame.height - why.offsetHeight))}px`;
  }

  function tell(element, x, y) {
    const words = element && model.get("shown").parts[element.dataset.part]?.[0];
    hint.hidden = !words || element.dataset.part === chosen;
    if (hint.hidden) return;
    hint.textContent = words;
    const frame = stage.getBoundingClientRect();
    hint.style.left = `${Math.max(0, Math.min(x - frame.left + 12, frame.width - hint.offsetWidth))}px`;
    hint.style.top = `${y - frame.top + 18}px`;
  }

  // ---- time: the states of the network, or the steps of a journey
  const playing = () => model.get("shown").steps?.length > 0;
  const following = () => { const now = model.get("controls"); return !now.paused && !now.back; };
  const say = (words) => { if (status.textContent !== words) status.textContent = words; };

  function go(to) {
    if (playing()) { stop(); step = to; shown_step(); }
    else ask({ do: "view", back: model.get("controls").last - to });
  }

  const move = (by) => go(Math.min(Number(slider.max), Math.max(Number(slider.min), Number(slider.value) + by)));

  function shown_step() {
    const { steps } = model.get("shown");
    if (!steps.length) return;
    for (const kind of ["line", "step"])
      for (let each = 1; each <= steps.length; each += 1)
        for (const element of parts[`${kind}/${each}`] ?? []) {
          element.classList.toggle("course-later", each > step);
          element.classList.toggle("course-now", each === step && step < steps.length);
        }
    slider.setAttribute("aria-valuetext", steps[step - 1]);
    slider.value = step;
    say(steps[step - 1]);
  }

  function begin() {
    clearInterval(timer);
    const { steps } = model.get("shown");
    if (step === steps.length) { step = 1; shown_step(); }
    timer = setInterval(() => {
      step += 1;
      shown_step();
      if (step >= steps.length || !root.isConnected) stop();
    }, STEP / Number(speed.value));
    play.textContent = "Pause";
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
  }

  // ---- what the controls show
  function control() {
    const now = model.get("controls"), steps = model.get("shown").steps ?? [];
    const follows = now?.last !== undefined && !now.closed;
    root.classList.toggle("course-live", now?.last !== undefined);
    root.classList.toggle("course-closed", Boolean(now?.closed));
    show.hidden = !follows || playing(); // it is about the network, not about a journey
    send.hidden = !follows;
    journey.hidden = !follows;
    live.hidden = !follows || playing();
    time.classList.toggle("course-asks", !playing()); // the states are kept by Python, the steps of a journey here
    play.hidden = speeds.hidden = !playing();
    time.hidden = !playing() && now?.last === undefined;
    slider.min = playing() ? 1 : 0;
    slider.max = playing() ? steps.length : now?.last ?? 0;
    slider.setAttribute("aria-label", playing() ? "Step of the journey" : "State of the network, the newest on the right");
    if (playing()) { slider.value = step; }
    if (now?.last === undefined) return;
    if (!playing()) {
      slider.value = now.last - now.back;
      slider.setAttribute("aria-valuetext", now.back ? `${now.back} before the newest` : "the newest");
    }
    live.setAttribute("aria-pressed", String(following()));
    journey.setAttribute("aria-pressed", String(now.plays));
    journey.disabled = !now.journey;
    offer(network, ["", ...now.networks], ["all networks", ...now.networks]);
    network.value = now.network;
    for (const [key, box] of ticks) box.checked = now[key];
    const before = target.value;
    offer(origin, now.places);
    offer(target, now.places);
    if (target.value !== before || !before) suggest();
    if (!playing() || !now.plays || step === steps.length) say(now.said);
  }

  // ---- mouse, touch and keys
  const touching = new Map(); // by pointer: where it is
  let dragged = false, spread = 0;
  picture.addEventListener("pointerdown", (event) => {
    touching.set(event.pointerId, event);
    dragged = false;
    spread = 0;
  });
  picture.addEventListener("pointermove", (event) => {
    const before = touching.get(event.pointerId);
    if (!before) { tell(event.target.closest?.("[data-part]"), event.clientX, event.clientY); return; }
    const [x, y] = [event.clientX - before.clientX, event.clientY - before.clientY];
    if (touching.size === 1 && event.pointerType !== "touch") { // a finger pans by itself
      if (!dragged && Math.hypot(x, y) < 4) return;
      dragged = true;
      picture.setPointerCapture(event.pointerId);
      picture.scrollBy({ left: -x, top: -y });
      place();
    }
    touching.set(event.pointerId, event);
    if (touching.size === 2) {
      dragged = true;
      const [one, other] = [...touching.values()], frame = picture.getBoundingClientRect();
      const now = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      if (spread) zoom(now / spread, (one.clientX + other.clientX) / 2 - frame.left, (one.clientY + other.clientY) / 2 - frame.top);
      spread = now;
    }
  });
  for (const kind of ["pointerup", "pointercancel", "pointerleave"])
    picture.addEventListener(kind, (event) => { touching.delete(event.pointerId); spread = 0; hint.hidden = true; });
  picture.addEventListener("click", (event) => {
    if (dragged) { dragged = false; return; }
    const each = event.target.closest("[data-part]")?.dataset.part;
    choose(each === chosen ? "" : each ?? "");
    (button_of(chosen) ?? picture).focus({ preventScroll: true });
  });
  // The wheel scrolls the page, until somebody works with the picture; a pinch on a touchpad is a wheel with Ctrl.
  picture.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !picture.contains(document.activeElement)) return;
    event.preventDefault();
    const frame = picture.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 500)), event.clientX - frame.left, event.clientY - frame.top);
  }, { passive: false });
  picture.addEventListener("focusin", (event) => {
    const box = event.target.getBoundingClientRect();
    if (event.target !== picture && event.target.matches(":focus-visible")) tell(event.target, box.left, box.bottom - 14);
  });
  picture.addEventListener("focusout", () => { hint.hidden = true; });
  picture.addEventListener("scroll", () => place());

  const KEYS = { "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(1 / 1.25), 0: () => fit(),
    ArrowLeft: () => pan(-1, 0), ArrowRight: () => pan(1, 0), ArrowUp: () => pan(0, -1), ArrowDown: () => pan(0, 1) };
  // What is typed here is no command of JupyterLab. Left to it are Shift+Enter, what is typed with Ctrl or Alt, and
  // Escape, unless that ends a choice.
  root.addEventListener("keydown", (event) => {
    const held = event.ctrlKey || event.metaKey || event.altKey || (event.key === "Enter" && event.shiftKey);
    if (event.key === "Escape") hint.hidden = true;
    if (held || (event.key === "Escape" && !chosen)) return;
    event.stopPropagation();
    if (event.key === "Escape") { leave(); return; }
    if (!picture.contains(event.target)) return;
    if (KEYS[event.key]) KEYS[event.key]();
    else if (["Enter", " "].includes(event.key) && event.target.dataset.part)
      choose(event.target.dataset.part === chosen ? "" : event.target.dataset.part);
    else return;
    event.preventDefault();
  });

  // Clear the choice; the focus goes to what was chosen, not to nowhere.
  function leave() {
    const element = button_of(chosen);
    const inside = why.contains(document.activeElement);
    choose("");
    if (inside) (element ?? picture).focus({ preventScroll: true });
  }

  // A picture is drawn for the room that there is; it is asked for in steps, not at each pixel.
  const watch = new ResizeObserver(() => {
    const now = Math.min(WIDEST, Math.floor(room() / 20) * 20);
    if (now && now !== wide && (room() < wide || now >= wide + 40)) ask({ do: "view", room: (wide = now) });
    size();
  });
  watch.observe(picture);
  const redraw = () => { draw(); control(); };
  model.on("change:shown", redraw);
  model.on("change:controls", control);
  redraw();
  return () => { stop(); watch.disconnect(); model.off("change:shown", redraw); model.off("change:controls", control); };
}

export default { render };
