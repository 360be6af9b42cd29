"use strict";

const $ = (id) => document.getElementById(id);
const tabs = [...document.querySelectorAll("[role=tab]")];
let messages = []; // newest first
let chosen = 0;
let view = "html";

function render() {
  const wanted = $("search").value.trim().toLowerCase();
  const shown = messages.filter((m) => [m.subject, ...m.to].join(" ").toLowerCase().includes(wanted));
  $("empty").hidden = shown.length > 0;
  $("list").replaceChildren(...shown.map(row));
}

function row(m) {
  const [item, button, subject, line, to, at] = ["li", "button", "strong", "small", "span", "time"].map((tag) => document.createElement(tag));
  button.type = "button";
  button.setAttribute("aria-current", m.id === chosen);
  button.addEventListener("click", () => choose(m.id));
  subject.textContent = m.subject || "(no subject)";
  to.textContent = m.to.join(", ");
  at.textContent = new Date(m.receivedAt).toLocaleTimeString();
  line.append(to, at);
  button.append(subject, line);
  item.append(button);
  return item;
}

async function choose(id) {
  chosen = id;
  location.hash = id;
  render();
  await show();
}

async function show() {
  const m = messages.find((other) => other.id === chosen);
  $("mail").hidden = !m;
  if (!m) return;
  $("subject").textContent = m.subject || "(no subject)";
  $("from").textContent = m.from;
  $("to").textContent = m.to.join(", ");
  $("at").textContent = new Date(m.receivedAt).toLocaleString();
  tabs.forEach((tab) => tab.setAttribute("aria-selected", tab.dataset.view === view));
  $("html").hidden = view !== "html";
  $("plain").hidden = view === "html";
  if (view === "html") {
    $("html").src = `api/messages/${m.id}/html`;
    return;
  }
  const response = await fetch(`api/messages/${m.id}` + (view === "source" ? "/source" : ""));
  const text = view === "source" ? await response.text() : (await response.json()).text;
  if (chosen === m.id) $("plain").textContent = text;
}

// follow polls for new mail with long requests.
async function follow() {
  for (;;) {
    try {
      const after = messages.length ? messages[0].id : 0;
      const response = await fetch(`api/messages?after=${after}&wait=25`);
      const { items } = await response.json();
      if (items.length === 0) continue;
      messages = [...items, ...messages];
      if (!chosen) chosen = Number(location.hash.slice(1)) || messages[0].id;
      render();
      if ($("mail").hidden) await show();
    } catch {
      await new Promise((done) => setTimeout(done, 2000)); // the system may be restarting
    }
  }
}

$("search").addEventListener("input", render);
$("clear").addEventListener("click", async () => {
  await fetch("api/messages", { method: "DELETE" });
  messages = [];
  chosen = 0;
  render();
  await show();
});
tabs.forEach((tab) => tab.addEventListener("click", () => { view = tab.dataset.view; show(); }));
follow();
