"use strict";

const svg = $(".graph");
const labels = new Map($$(".value", svg).map((e) => [e.dataset.edge, e]));

// label writes the numbers of an edge: parts are [text, class].
function label(id, parts) {
  const element = labels.get(id);
  if (!element) return;
  const key = parts.map((p) => p.join("|")).join("·");
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...parts.map(([content, name], i) => {
    const span = document.createElementNS("http://www.w3.org/2000/svg", "tspan");
    if (name) span.setAttribute("class", name);
    span.textContent = (i ? " " : "") + content;
    return span;
  }));
}

function mark(element, name, on) {
  if (element && element.classList.contains(name) !== on) element.classList.toggle(name, on);
}

const places = svg.dataset.dots.trim().split(" ");

// showDots draws a dot for each instance of a function, as far as there are places.
function showDots(element, states) {
  const dots = element.getElementsByClassName("dot");
  while (dots.length > states.length) dots[dots.length - 1].remove();
  states.slice(0, places.length).forEach((state, i) => {
    let dot = dots[i];
    if (!dot) {
      dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      for (const [name, value] of [["cx", places[i]], ["cy", "10.5"], ["r", "2.6"]]) dot.setAttribute(name, value);
      element.append(dot);
    }
    if (dot.getAttribute("class") !== "dot " + state) dot.setAttribute("class", "dot " + state);
  });
}

function showFunction(f) {
  const element = document.getElementById("f-" + f.name);
  if (!element) return;
  const states = [...Array(f.serving).fill("serving"), ...Array(f.starting).fill("starting"), ...Array(f.draining).fill("draining")];
  showDots(element, states);
  mark(element, "busy", f.rate > 0);
  mark(element, "failing", f.errors > 0);
  mark(element, "full", f.queued > 0 || f.rejected > 0);
  const edge = document.getElementById("h-" + f.name);
  if (!edge) return;
  mark(edge, "busy", f.rate > 0);
  mark(edge, "failing", f.errors > 0);
  const parts = [];
  if (f.rate > 0) parts.push([format.rate(f.rate)], [format.time(f.p95), "quiet"]);
  if (f.errors > 0) parts.push([format.rate(f.errors), "bad"]);
  label("h-" + f.name, parts);
}

function showSubscription(s) {
  const id = "e-" + s.name, edge = document.getElementById(id);
  if (!edge) return;
  mark(edge, "busy", s.rate > 0);
  mark(edge, "failing", s.fails > 0 || s.dead > 0);
  const parts = [];
  if (s.rate > 0) parts.push([format.rate(s.rate)], [format.time(s.latency), "quiet"]);
  if (s.fails > 0) parts.push([format.rate(s.fails), "bad"]);
  if (s.backlog > 0) parts.push(["▪" + format.count(s.backlog), "warn"]);
  if (s.dead > 0) parts.push(["▪" + format.count(s.dead), "bad"]);
  label(id, parts);
}

const sum = (list, name) => (list || []).reduce((total, item) => total + item[name], 0);

live({
  sample(s) {
    const functions = s.functions || [], t = s.total;
    functions.forEach(showFunction);
    (s.subscriptions || []).forEach(showSubscription);
    for (const topic of s.topics || []) {
      mark(document.getElementById("t-" + topic.name), "busy", topic.rate > 0);
      label("t-" + topic.name, topic.rate > 0 ? [[format.rate(topic.rate)]] : []);
    }
    $$(".edge.publish", svg).forEach((e) => {
      const from = document.getElementById(e.dataset.from), to = document.getElementById(e.dataset.to);
      mark(e, "busy", from.classList.contains("busy") && to.classList.contains("busy"));
    });
    $$(".edge.database", svg).forEach((e) => mark(e, "busy", document.getElementById(e.dataset.from).classList.contains("busy")));
    if (!functions.length) return;
    const http = functions.filter((f) => document.getElementById("h-" + f.name));
    text($("#g-rate"), format.rate(sum(http, "rate")));
    text($("#s-rate"), format.rate(t.rate));
    text($("#s-errors"), format.rate(t.errors)).className = t.errors > 0 ? "bad" : "";
    text($("#s-p95"), t.rate > 0 ? format.time(t.p95) : "–");
    text($("#s-instances"), String(t.serving + t.starting + t.draining));
    text($("#s-flight"), String(t.inFlight));
    const backlog = sum(s.subscriptions, "backlog"), dead = sum(s.subscriptions, "dead");
    text($("#s-backlog"), format.count(backlog)).className = backlog > 100 ? "warn" : "";
    text($("#s-dead"), format.count(dead)).className = dead > 0 ? "bad" : "";
  },
});

// The graph has its own size, at which names can be read, and scrolls.
$("#fit").addEventListener("click", (event) => {
  event.currentTarget.setAttribute("aria-pressed", String(svg.classList.toggle("fit")));
});

// A node under the pointer or with the focus shows its edges and its neighbours only.
function focusOn(node) {
  svg.classList.toggle("focused", Boolean(node));
  $$(".on", svg).forEach((e) => e.classList.remove("on"));
  if (!node) return;
  node.classList.add("on");
  for (const edge of $$(".edge", svg)) {
    if (edge.dataset.from !== node.id && edge.dataset.to !== node.id) continue;
    edge.classList.add("on");
    labels.get(edge.id)?.classList.add("on");
    document.getElementById(edge.dataset.from).classList.add("on");
    document.getElementById(edge.dataset.to).classList.add("on");
  }
}
for (const node of $$(".node", svg)) {
  node.addEventListener("pointerenter", () => focusOn(node));
  node.addEventListener("pointerleave", () => focusOn(null));
  node.addEventListener("focus", () => { if (node.matches(":focus-visible")) focusOn(node); });
  node.addEventListener("blur", () => focusOn(null));
}
