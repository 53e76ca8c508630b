// What the pages do in the browser: drawer, questions before a danger, choices that send themselves, time that runs on.
"use strict";
(() => {
  const chinese = document.documentElement.lang.startsWith("zh");

  // The side bar is a drawer on small screens.
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-drawer]")) document.body.classList.toggle("drawer-open");
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.removeAttribute("open");
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.body.classList.remove("drawer-open");
    for (const menu of document.querySelectorAll("details.menu[open]")) menu.removeAttribute("open");
  });

  // <form data-confirm="question"> and <button data-confirm="question"> ask before they send.
  const dialog = document.getElementById("ask");
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const button = event.submitter;
    const question = (button && button.dataset.confirm) || form.dataset.confirm;
    if (!question || form.dataset.confirmed || !dialog.showModal) return;
    event.preventDefault();
    dialog.querySelector("p").textContent = question;
    dialog.returnValue = "no";
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return;
      form.dataset.confirmed = "yes";
      form.requestSubmit(button || undefined);
      delete form.dataset.confirmed;
    };
    dialog.showModal();
  });

  // A link to a folded part (#step-accept) unfolds it and puts the cursor into its first question.
  const unfold = () => {
    const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!part || part.tagName !== "DETAILS") return;
    part.open = true;
    part.scrollIntoView({ block: "center" });
    const asked = [...part.querySelectorAll("input:not([type=hidden]), select, textarea, button")];
    const first = asked.find((control) => control.checkVisibility());
    if (first) first.focus({ preventScroll: true });
  };
  window.addEventListener("hashchange", unfold);
  window.addEventListener("load", unfold);

  // A form that was sent is not sent twice by a second click.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method === "dialog" || event.target.method === "get") return;
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // <form data-submit-on-change> sends itself when a choice is made.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form) form.requestSubmit();
  });

  // <time data-left> runs on while the page stays open.
  const units = [[48 * 60, 24 * 60, "天", "day"], [60, 60, "小时", "hour"], [1, 1, "分钟", "minute"]];
  const span = (minutes) => {
    const unit = units.find(([from]) => minutes >= from);
    if (!unit) return chinese ? "不到 1 分钟" : "less than a minute";
    const count = Math.floor(minutes / unit[1]);
    return chinese ? `${count} ${unit[2]}` : `${count} ${unit[3]}${count === 1 ? "" : "s"}`;
  };
  const tick = () => {
    for (const time of document.querySelectorAll("time[data-left]")) {
      const left = (new Date(time.dateTime) - Date.now()) / 60000;
      time.classList.toggle("left-over", left < 0);
      time.textContent = left >= 0
        ? (chinese ? `还有 ${span(left)}` : `${span(left)} left`)
        : (chinese ? `已超 ${span(-left)}` : `${span(-left)} over`);
    }
  };
  setInterval(tick, 30000);
})();
