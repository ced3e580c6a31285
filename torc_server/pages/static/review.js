// The keys of the review: everything they do can be done with the mouse, or with Tab and Space.
"use strict";
(() => {
  const form = document.getElementById("review");
  if (!form) return;
  const entries = [...form.querySelectorAll(".entry")];
  const filter = document.getElementById("filter");
  const shown = document.getElementById("shown");
  const before = []; // choices as they were, the newest last: u brings them back
  let place = -1;

  const visible = () => entries.filter((entry) => !entry.hidden);
  const chosen = (entry) => entry.querySelector(".choice input:checked");
  const current = () => {
    const entry = document.activeElement.closest(".entry");
    return entry || (place >= 0 && !entries[place].hidden ? entries[place] : null);
  };

  function mark(entry) {
    const choice = chosen(entry);
    entry.dataset.choice = choice ? choice.value : "";
  }

  function go(entry) {
    if (!entry) return;
    place = entries.indexOf(entry);
    entry.focus();
    entry.scrollIntoView({ block: "nearest" });
  }

  function step(by) {
    const list = visible();
    const at = list.indexOf(current());
    go(list[at < 0 ? 0 : Math.min(Math.max(at + by, 0), list.length - 1)]);
  }

  function choose(value) {
    const entry = current();
    const input = entry && entry.querySelector(`.choice input[value="${value}"]`);
    if (!input) return;
    const old = chosen(entry);
    before.push([entry, old ? old.value : null]);
    input.checked = true;
    mark(entry);
    step(1);
  }

  // Chooses the same for every entry that is shown and has no choice yet; u brings each of them back.
  function chooseAll(value) {
    for (const entry of visible()) {
      const input = entry.querySelector(`.choice input[value="${value}"]`);
      if (!input || chosen(entry)) continue;
      before.push([entry, null]);
      input.checked = true;
      mark(entry);
    }
  }

  function undo() {
    const last = before.pop();
    if (!last) {
      const button = document.getElementById("undo");
      if (button) button.focus();
      return;
    }
    const [entry, value] = last;
    for (const input of entry.querySelectorAll(".choice input")) input.checked = input.value === value;
    mark(entry);
    go(entry);
  }

  function edit() {
    const entry = current();
    const details = entry && entry.querySelector(".edit");
    if (!details) return;
    details.open = true;
    details.querySelector("input").focus();
  }

  function narrow() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const entry of entries) {
      const text = entry.textContent.toLowerCase();
      entry.hidden = !words.every((word) => text.includes(word));
    }
    shown.textContent = words.length ? `${visible().length} of ${entries.length} shown` : "";
  }

  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    a: () => choose("accept"),
    r: () => choose("retry"),
    f: () => choose("fail"),
    x: () => choose("leave_out"),
    A: () => chooseAll("accept"),
    R: () => chooseAll("retry"),
    F: () => chooseAll("fail"),
    X: () => chooseAll("leave_out"),
    e: edit,
    u: undo,
    "/": () => filter.focus(),
  };

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const writes = target.matches("input:not([type=radio]):not([type=checkbox]), textarea, select");
    if (event.key === "Escape" && writes) {
      event.preventDefault();
      go(target.closest(".entry") || visible()[Math.max(place, 0)] || visible()[0]);
      return;
    }
    if (event.key === "Enter" && target === filter) {
      event.preventDefault(); // the filter is no choice: Enter must not send the form
      go(visible()[0]);
      return;
    }
    if (writes || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });

  form.addEventListener("change", (event) => {
    const entry = event.target.closest(".entry");
    if (entry) mark(entry);
  });
  form.addEventListener("click", (event) => {
    if (!event.target.matches(".choice input")) return;
    const entry = event.target.closest(".entry");
    before.push([entry, entry.dataset.choice || null]);
  });
  filter.addEventListener("input", narrow);
  entries.forEach(mark); // a browser that goes back keeps the choices
})();
