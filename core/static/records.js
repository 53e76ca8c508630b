// What the forms and lists of records do in the browser. Without it everything can still be filled in and sent.
"use strict";
(() => {
  const chinese = document.documentElement.lang.startsWith("zh");
  const token = () => (document.querySelector("input[name=csrf_token]") || {}).value || "";
  const later = (act, wait) => { let timer; return (...args) => { clearTimeout(timer); timer = setTimeout(() => act(...args), wait); }; };
  const ask = async (address) => {
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      return answer.ok ? await answer.json() : [];
    } catch { return []; }
  };

  // <input data-look-up="address" list="...">: what was typed is looked up, and offered.
  const lookUp = later(async (input) => {
    const from = input.dataset.branchFrom && document.getElementById(input.dataset.branchFrom);
    const branch = (from && from.value) || input.dataset.branch;
    const found = await ask(`${input.dataset.lookUp}?branch=${encodeURIComponent(branch)}&q=${encodeURIComponent(input.value)}`);
    const list = document.getElementById(input.getAttribute("list"));
    list.replaceChildren(...found.map(({ value, label }) => {
      const option = document.createElement("option");
      option.value = value;
      option.label = label ? `${value} · ${label}` : value;
      return option;
    }));
  }, 200);
  document.addEventListener("input", (event) => { if (event.target.dataset.lookUp) lookUp(event.target); });
  document.addEventListener("focusin", (event) => {
    if (event.target.dataset && event.target.dataset.lookUp && !event.target.value) lookUp(event.target);
  });

  // <input data-day-only>: the moment beside it is a day without an hour.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-day-only]")) return;
    const input = event.target.closest(".moment").querySelector("[data-moment]");
    const value = input.value;
    input.type = event.target.checked ? "date" : "datetime-local";
    input.value = event.target.checked ? value.slice(0, 10) : value && `${value.slice(0, 10)}T09:00`;
  });

  // [data-shown-if]: a question that is asked only when others are answered so; the server judges again.
  const word = (form, name) => {
    const control = form.elements[name];
    const value = control ? control.value : "";
    return { "": "empty", true: "yes", false: "no" }[value] || value;
  };
  const showQuestions = () => {
    for (const field of document.querySelectorAll("[data-shown-if]")) {
      const form = field.closest("form");
      const shown = JSON.parse(field.dataset.shownIf).every(([name, wanted, values]) => {
        if (!form.elements[name] && !form.querySelector(`[data-field="${name}"]`)) return true;
        return values.includes(word(form, name)) === wanted;
      });
      field.hidden = !shown;
      for (const control of field.querySelectorAll("input, select, textarea")) control.disabled = !shown;
    }
  };
  document.addEventListener("change", showQuestions);
  showQuestions();

  // <input type=checkbox data-opens="id">: the part of the form that makes another record.
  const openParts = () => {
    for (const box of document.querySelectorAll("[data-opens]")) {
      const part = document.getElementById(box.dataset.opens);
      part.hidden = !box.checked;
      for (const control of part.querySelectorAll("input, select, textarea")) control.disabled = !box.checked;
      const chosen = box.closest("form").elements[box.name.replace(/\.new$/, "")];
      if (chosen) chosen.disabled = box.checked;
    }
  };
  document.addEventListener("change", openParts);
  openParts();

  // [data-alike]: those that look like the record about to be made.
  const alike = later(async (made) => {
    const name = made.dataset.for;
    const box = made.querySelector("[data-opens]");
    const query = new URLSearchParams();
    for (const control of made.querySelectorAll(".made-fields [name]")) query.set(control.name.slice(name.length + 1), control.value);
    const found = box.checked ? await ask(`${made.dataset.alike}?${query}`) : [];
    const place = made.querySelector("[data-alike-list]");
    place.hidden = !found.length;
    place.querySelector("ul").replaceChildren(...found.map((text) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-light btn-sm";
      button.dataset.use = text;
      button.textContent = chinese ? "选用" : "Use this one";
      item.append(`${text} `, button);
      return item;
    }));
  }, 300);
  document.addEventListener("input", (event) => {
    const made = event.target.closest("[data-alike]");
    if (made && event.target.closest(".made-fields")) alike(made);
  });
  document.addEventListener("click", (event) => {
    const text = event.target.dataset && event.target.dataset.use;
    if (!text) return;
    const made = event.target.closest(".made");
    const box = made.querySelector("[data-opens]");
    box.checked = false;
    openParts();
    made.querySelector("[data-alike-list]").hidden = true;
    const input = event.target.closest("form").elements[box.name.replace(/\.new$/, "")];
    input.value = text;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // [data-pick-all]: every row of the list.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-pick-all]")) return;
    for (const box of document.querySelectorAll("td.pick input")) box.checked = event.target.checked;
  });

  // <form data-draft="key">: what is typed is kept, in this browser at once and, where the form has an address for it,
  // on the server a little later; so it outlives a closed window and an ended session.
  const place = (key) => `draft:${document.documentElement.dataset.person}:${key}`; // another person may sign in here
  const store = {
    get: (key) => { try { return JSON.parse(sessionStorage.getItem(place(key))); } catch { return null; } },
    set: (key, value) => { try { sessionStorage.setItem(place(key), JSON.stringify(value)); } catch { /* full or forbidden */ } },
    drop: (key) => { try { sessionStorage.removeItem(place(key)); } catch { /* forbidden */ } },
  };
  const NOT_KEPT = ["csrf_token", "branch"]; // revision and seen are: what others save meanwhile is then told
  const NOT_TYPED = ["revision", "seen"];
  const same = (one, other) => {
    const texts = (values) => JSON.stringify(values.filter(([name]) => !NOT_TYPED.includes(name)));
    return texts(one) === texts(other);
  };
  const typed = (form) => [...new FormData(form)].filter(([name, value]) => !NOT_KEPT.includes(name) && typeof value === "string");
  const keep = later(async (form) => {
    const data = new FormData();
    for (const [name, value] of typed(form)) data.append(name, value);
    data.append("_key", form.dataset.draft);
    data.append("_title", form.dataset.title || "");
    data.append("csrf_token", token());
    const told = form.querySelector("[data-draft-told]");
    try {
      const answer = await fetch(form.dataset.draftUrl, { method: "POST", body: data, headers: { Accept: "application/json" } });
      const at = new Date().toTimeString().slice(0, 5);
      told.textContent = answer.ok
        ? (chinese ? `草稿已保存 ${at}` : `Draft kept at ${at}`)
        : (chinese ? "草稿只保存在本浏览器" : "The draft is kept in this browser only");
    } catch { told.textContent = chinese ? "草稿只保存在本浏览器" : "The draft is kept in this browser only"; }
  }, 1500);
  const changed = (event) => {
    const form = event.target.closest("form[data-draft]");
    if (!form) return;
    store.set(form.dataset.draft, typed(form));
    if (form.dataset.draftUrl) keep(form);
  };
  document.addEventListener("input", changed);
  document.addEventListener("change", changed);
  const restore = (form, values) => {
    for (const box of form.querySelectorAll("input[type=checkbox]")) box.checked = values.some(([name, value]) => name === box.name && value === box.value);
    openParts();
    for (const [name, value] of values) {
      const control = form.elements[name];
      if (!control || control.type === "checkbox" || control.type === "file") continue;
      if (control.type === "datetime-local" && value.length === 10) control.type = "date";
      control.value = value;
    }
    showQuestions();
  };
  const saved = document.querySelector("[data-saved]");
  if (saved && saved.dataset.saved) store.drop(saved.dataset.saved);
  for (const form of document.querySelectorAll("form[data-draft]")) {
    const values = store.get(form.dataset.draft);
    const refused = document.querySelector(".wrong, .told-red");
    if (!values || refused) continue;
    if (same(values, typed(form))) continue;
    const notice = document.querySelector("[data-own-draft]");
    if (!form.dataset.draftUrl) { // the small forms of a page: what was typed is simply there again
      restore(form, values);
      if (form.closest("details.step")) form.closest("details.step").open = true;
      continue;
    }
    notice.hidden = false;
    notice.querySelector("[data-restore]").addEventListener("click", () => { restore(form, values); notice.hidden = true; });
    notice.querySelector("[data-forget]").addEventListener("click", () => { store.drop(form.dataset.draft); notice.hidden = true; });
  }
})();
