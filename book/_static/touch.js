/* What readers can hear and touch. Everything stands in the page already: without this script the tables, the first
   picture and plain players remain. No framework, no network. */
"use strict";

/* Receptive fields: five controls choose a row of the table; the picture and the sentence are that row's. */
function explorer(root) {
  const rows = [...root.querySelectorAll("tbody tr")];
  const controls = [...root.querySelectorAll(".controls [name]")];
  const svg = root.querySelector("svg");
  const said = root.querySelector(".said");
  const before = svg.querySelector(".half").cloneNode();
  before.setAttribute("class", "before");
  before.setAttribute("visibility", "hidden");
  svg.append(before);
  let current = rows[0];

  const valueOf = (control) =>
    control.type === "range" ? control.dataset.values.split(" ")[control.value] : control.value;
  const lay = (element, box) =>
    ["x", "y", "width", "height"].forEach((name, i) => element.setAttribute(name, box.split(" ")[i]));

  function show(row, asked) {
    if (row !== current) {
      lay(before, current.dataset.half);
      before.setAttribute("visibility", "visible");
    }
    current.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    current = row;
    svg.querySelector("image").setAttribute("href", row.dataset.picture);
    lay(svg.querySelector("image"), row.dataset.box);
    lay(svg.querySelector(".half"), row.dataset.half);
    lay(svg.querySelector(".most"), row.dataset.most);
    for (const control of controls) {
      const value = row.dataset[control.name];
      if (control.type === "range") {
        control.value = control.dataset.values.split(" ").indexOf(value);
        control.setAttribute("aria-valuetext", value);
        control.nextElementSibling.textContent = value;
      } else {
        control.value = value;
      }
    }
    const nearest = asked ? "There is no run of that combination; the nearest: " : "";
    said.textContent = nearest + row.dataset.said;
  }

  /* The control that was moved keeps its value; of the rows that have it, the one that shares most with the others. */
  function choose(moved) {
    const wanted = controls.map((control) => [control.name, valueOf(control)]);
    const shared = (row) => wanted.filter(([name, value]) => row.dataset[name] === value).length;
    const those = rows.filter((row) => row.dataset[moved.name] === valueOf(moved));
    const best = those.reduce((a, b) => (shared(b) > shared(a) ? b : a));
    show(best, shared(best) < controls.length);
  }

  for (const control of controls) control.addEventListener("input", () => choose(control));
  root.querySelector(".controls").hidden = false;
  show(current, false);
}

/* Points: the nearest one to the pointer, or the one that the arrow keys reach, says what it is. */
function points(root) {
  const svg = root.querySelector("svg.plot");
  const all = [...svg.querySelectorAll(".point")];
  const rows = [...root.querySelectorAll("tbody tr")];
  const said = root.querySelector(".said");
  const curve = root.querySelector(".curve");
  let current = null;

  function show(point) {
    if (point === current) return;
    for (const part of current ? [current, rows[all.indexOf(current)]] : []) part.removeAttribute("aria-current");
    current?.setAttribute("tabindex", "-1");
    current?.setAttribute("aria-selected", "false");
    current = point;
    point.setAttribute("tabindex", "0");
    point.setAttribute("aria-selected", "true");
    point.setAttribute("aria-current", "true");
    rows[all.indexOf(point)].setAttribute("aria-current", "true");
    said.textContent = point.dataset.said;
    curve?.setAttribute("d", point.dataset.curve);
  }

  function nearest(event) {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const far = (point) => (point.dataset.x - place.x) ** 2 + (point.dataset.y - place.y) ** 2;
    return all.reduce((a, b) => (far(b) < far(a) ? b : a));
  }

  svg.querySelectorAll(".point title").forEach((title) => title.remove()); // the sentence below says it
  svg.removeAttribute("role");
  const marks = svg.querySelector(".marks");
  marks.setAttribute("role", "listbox");
  marks.setAttribute("aria-label", svg.getAttribute("aria-label"));
  svg.removeAttribute("aria-label");
  for (const point of all) {
    point.setAttribute("role", "option");
    point.setAttribute("aria-selected", "false");
    point.setAttribute("tabindex", "-1");
    point.addEventListener("focus", () => show(point));
  }
  all[0].setAttribute("tabindex", "0");
  svg.addEventListener("pointermove", (event) => show(nearest(event)));
  svg.addEventListener("click", (event) => nearest(event).focus());
  svg.addEventListener("keydown", (event) => {
    const at = all.indexOf(document.activeElement);
    const last = all.length - 1;
    const steps = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, Home: 0, End: last };
    if (at < 0 || !(event.key in steps)) return;
    event.preventDefault();
    const next = all[Math.min(last, Math.max(0, steps[event.key]))];
    next.focus();
  });
  const hint = "Point at a mark, or move to the plot with the Tab key and along it with the arrow keys.";
  said.textContent = [said.textContent, hint].filter(Boolean).join(". ");
}

/* A sound: of its devices one is heard at a time; a switch goes on from the same place. */
function player(root, number) {
  const devices = [...root.querySelectorAll(".device")];
  const box = document.createElement("fieldset");
  box.append(Object.assign(document.createElement("legend"), { textContent: "heard through" }));
  let current = devices[0];

  function choose(device) {
    const from = current.querySelector("audio");
    const to = device.querySelector("audio");
    const goes = !from.paused;
    from.pause();
    to.currentTime = from.currentTime;
    to.volume = from.volume;
    to.muted = from.muted;
    if (goes) to.play();
    for (const other of devices) other.hidden = other !== device;
    current = device;
  }

  for (const device of devices) {
    const input = Object.assign(document.createElement("input"), { type: "radio", name: `repro-player-${number}` });
    const label = document.createElement("label");
    label.append(input, device.dataset.name);
    box.append(label);
    input.checked = device === current;
    input.addEventListener("change", () => choose(device));

    const audio = device.querySelector("audio");
    const stage = Object.assign(document.createElement("div"), { className: "stage" });
    const head = Object.assign(document.createElement("span"), { className: "head" });
    const picture = device.querySelector("img");
    picture.before(stage);
    stage.append(picture, head);
    const follow = () => {
      head.style.left = `${(100 * audio.currentTime) / (audio.duration || 1)}%`;
      if (!audio.paused) requestAnimationFrame(follow);
    };
    for (const name of ["play", "seeked", "pause"]) audio.addEventListener(name, follow);
  }
  root.querySelector(".title").after(box);
  root.classList.add("one");
  choose(current);
}

/* What the theme and the bibliography get wrong for screen readers: controls without a name, or with one that is not
   what can be read on them; a list whose entries are none. */
function mend() {
  const all = (selector, act) => document.querySelectorAll(selector).forEach(act);
  all("summary[aria-label], .search-button__button", (element) => element.removeAttribute("aria-label"));
  all(".toctree-toggle", (element) => element.parentNode.setAttribute("aria-label", "Pages of this section"));
  all(".citation-list", (element) => element.removeAttribute("role"));
  all(".bibtex-citation a", (element) => element.removeAttribute("title")); // its preview says it
  all(".theme-switch", (icon) => {
    for (const name of ["title", "aria-labelledby", "role"]) icon.removeAttribute(name);
    icon.setAttribute("aria-hidden", "true");
    icon.querySelector("title")?.remove(); // where the icon has become an SVG already
  });
}

document.addEventListener("DOMContentLoaded", () => {
  mend();
  document.querySelectorAll(".repro-touch.explorer").forEach(explorer);
  document.querySelectorAll(".repro-touch.points").forEach(points);
  document.querySelectorAll(".repro-touch .player").forEach(player);
  /* One sound at a time. */
  document.addEventListener("play", (event) => {
    for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
  }, true);
});
window.addEventListener("load", mend);
