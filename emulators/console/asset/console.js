"use strict";

// What all pages share: live events, actions, keys and formats of numbers.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

const format = {
  // count writes a number with at most three digits before its unit.
  count(n) {
    if (n == null || !isFinite(n)) return "–";
    for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e4]]) {
      if (Math.abs(n) >= size) { const v = n / (unit === "k" ? 1e3 : size); return v.toFixed(v < 10 ? 1 : 0) + unit; }
    }
    return String(Math.abs(n) < 9.95 ? Number(n.toFixed(1)) : Math.round(n));
  },
  // rate writes events per second.
  rate(n) { return n == null ? "–" : n === 0 ? "0/s" : n < 0.1 ? "<0.1/s" : format.count(n) + "/s"; },
  // part writes a number below ten with two digits behind the point.
  part(n) { return n == null ? "–" : n === 0 ? "0" : n < 10 ? n.toFixed(2) : format.count(n); },
  // time writes seconds.
  time(s) {
    if (s == null || !isFinite(s)) return "–";
    if (s === 0) return "0 s";
    if (s < 0.001) return Math.round(s * 1e6) + " µs";
    if (s < 0.01) return (s * 1e3).toFixed(1) + " ms";
    if (s < 1) return Math.round(s * 1e3) + " ms";
    if (s < 60) return s.toFixed(s < 10 ? 1 : 0) + " s";
    if (s < 3600) return Math.round(s / 60) + " min";
    return (s / 3600).toFixed(1) + " h";
  },
  bytes(n) {
    if (n == null || !isFinite(n)) return "–";
    for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
      if (n >= size) return (n / size).toFixed(n / size < 10 ? 1 : 0) + " " + unit;
    }
    return n + " B";
  },
  percent(n) { return n == null || !isFinite(n) ? "–" : (n * 100).toFixed(n && n < 0.1 ? 1 : 0) + " %"; },
  clock(t) { return new Date(t * 1000).toLocaleTimeString([], { hour12: false }); },
};

// text sets the text of an element only if it changes, and returns the element.
function text(element, value) {
  if (element && element.textContent !== value) element.textContent = value;
  return element;
}

// make creates an element: make("td", {class: "number"}, "12").
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// isRendered reports whether an element has the content of HTML already. The first event after a page
// has loaded often does: a click at that moment must not meet elements that are being replaced.
function isRendered(element, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.innerHTML.trim() === element.innerHTML.trim();
}

// patch replaces the content of an element by HTML that the server has rendered, if it has
// changed. Rows with data-key keep the focus and stay open.
function patch(element, html) {
  if (!element || element.patched === html) return;
  const isSame = element.patched === undefined && isRendered(element, html);
  element.patched = html;
  if (isSame) return;
  const focused = element.contains(document.activeElement) && document.activeElement.closest("[data-key]");
  const open = $$("[data-key][data-open]", element).map((row) => row.dataset.key);
  element.innerHTML = html;
  for (const row of $$("[data-key]", element)) {
    if (focused && row.dataset.key === focused.dataset.key) row.focus({ preventScroll: true });
    if (open.includes(row.dataset.key)) {
      row.toggleAttribute("data-open", true);
      if (row.nextElementSibling) row.nextElementSibling.hidden = false;
    }
  }
  lock(element);
}

// live receives the events of this page while it is visible: live({name: (data) => …}).
// The query of the page is that of the events; it returns a function that reconnects.
function live(handlers, query = () => location.search) {
  let source = null, retry = 0;
  const state = (name, label) => {
    const element = $("#state");
    if (element) { element.dataset.state = name; text(element, label); }
  };
  const open = () => {
    close();
    source = new EventSource("/" + document.body.dataset.page + "/events" + query());
    source.onopen = () => state("live", "live");
    source.onerror = () => {
      state("lost", "reconnecting");
      // A response with an error ends the attempts of the browser.
      if (source && source.readyState === EventSource.CLOSED) retry = setTimeout(open, 5000);
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        handle(JSON.parse(event.data));
        document.body.dataset.events = Number(document.body.dataset.events || 0) + 1;
      });
    }
  };
  const close = () => { clearTimeout(retry); if (source) source.close(); source = null; };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { close(); state("", "paused"); } else open();
  });
  addEventListener("pagehide", close);
  if (!document.hidden) open();
  return open;
}

// act performs an action and shows its result. It resolves to whether it succeeded.
async function act(path, values = {}) {
  let message, ok = false;
  try {
    const response = await fetch("/actions/" + path, { method: "POST", body: new URLSearchParams(values) });
    ok = response.ok;
    message = (await response.json()).message;
  } catch (error) {
    message = "The console does not respond: " + error.message;
  }
  if (message) toast(message, !ok);
  return ok;
}

function toast(message, failed) {
  const element = make("div", { class: failed ? "toast failed" : "toast" }, message);
  $("#toasts").append(element);
  setTimeout(() => element.remove(), failed ? 12000 : 5000);
}

// A form with data-action performs an action: <form data-action="pubsub/replay">. Buttons of
// actions are disabled without the token.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.dataset.action) return;
  event.preventDefault();
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
  const button = event.submitter;
  const values = new URLSearchParams(new FormData(form, button)); // without the value of a disabled button
  if (button) button.disabled = true;
  const ok = await act(form.dataset.action, values);
  if (button) button.disabled = false;
  form.dispatchEvent(new CustomEvent("acted", { detail: { ok }, bubbles: true }));
});
function lock(root) {
  if ("trusted" in document.body.dataset) return;
  $$("form[data-action] button, button[data-act]", root).forEach((button) => {
    button.disabled = true;
    button.title = "Open the link that souk up prints";
  });
}
lock(document);

// A click on a row with data-href follows its link.
document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-href]");
  if (row && !event.target.closest("a, button, input") && !getSelection().toString()) location.href = row.dataset.href;
});

function toggleTheme() {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark" ||
    (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const theme = dark ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  document.cookie = `souk_theme_${location.port}=${theme}; path=/; max-age=31536000; samesite=strict`;
}
$("#theme").addEventListener("click", toggleTheme);
$("#keys").addEventListener("click", () => $("#help").showModal());

// step moves the focus among the rows of the page that can be opened.
function step(by) {
  const rows = $$("main tr[tabindex], main [data-row]").filter((row) => row.offsetParent);
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement.closest("tr[tabindex], [data-row]"));
  const row = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)];
  row.focus();
  row.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  const typing = event.target.matches("input, select, textarea, [contenteditable]");
  if (event.key === "Escape" && typing) { event.preventDefault(); event.target.blur(); return; }
  if (typing) return;
  const link = $$(".nav a").find((a) => $("kbd", a).textContent === event.key);
  if (link) link.click();
  else if (event.key === "/") { const field = $("main input[type=search], main input:not([type=hidden])"); if (field) { event.preventDefault(); field.focus(); field.select(); } }
  else if (event.key === "j") step(1);
  else if (event.key === "k") step(-1);
  else if (event.key === "t") toggleTheme();
  else if (event.key === "?") $("#help").showModal();
  else if (event.key === "Enter" && event.target.matches("tr[tabindex], [data-row]")) event.target.click();
});
