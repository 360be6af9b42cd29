"use strict";

const log = $("#log"), form = $("#filter"), follow = $("#follow");
const most = 500; // rows in the page while it follows
const mostStopped = 4000; // rows in the page while it does not
let following = true, fresh = true;

// The spacer stands for the rows that have been removed above: nothing moves when they are.
const spacer = make("div", { class: "log-spacer" });
let spacerHeight = 0;

// Members of an entry that have a place of their own in a row.
const known = new Set(["resource", "labels", "time", "severity", "message", "httpRequest", "logging.googleapis.com/trace",
  "logging.googleapis.com/spanId", "logging.googleapis.com/trace_sampled", "requestId"]);

function traceId(entry) { return (entry["logging.googleapis.com/trace"] || "").split("/").pop(); }

// summary returns the nodes that describe an entry in one line.
function summary(entry) {
  const nodes = [], request = entry.httpRequest;
  if (request) {
    const status = Number(request.status);
    nodes.push(make("b", { class: status >= 500 ? "bad" : status >= 400 ? "warn" : "good" }, String(request.status)), " ",
      make("span", {}, `${request.requestMethod} ${request.requestUrl}`), " ", make("span", { class: "faint" }, format.time(parseFloat(request.latency))));
  } else {
    nodes.push(entry.message || "");
  }
  for (const [name, value] of Object.entries(entry)) {
    if (known.has(name)) continue;
    nodes.push(" ", make("span", { class: "faint" }, name + "="), make("span", { class: "dim" }, typeof value === "object" ? JSON.stringify(value) : String(value)));
  }
  return nodes;
}

function row(entry) {
  const name = entry.resource?.labels?.service_name || "", trace = traceId(entry), level = (entry.severity || "").toLowerCase();
  const at = new Date(entry.time);
  const clock = at.toLocaleTimeString([], { hour12: false }) + "." + String(at.getMilliseconds()).padStart(3, "0");
  const element = make("div", { class: "entry " + level, tabindex: "-1", "data-row": true },
    make("time", { datetime: entry.time }, clock), make("span", { class: "level", title: entry.severity || "" }, { WARNING: "WARN", CRITICAL: "CRIT" }[entry.severity] || entry.severity || "–"),
    make("span", { class: "source cut" }, name), make("span", { class: "text cut" }, ...summary(entry)),
    trace ? make("a", { class: "trace-link mono", href: "/traces?id=" + trace, title: "Trace " + trace, tabindex: "-1" }, trace.slice(0, 8)) : make("span"));
  element.entry = entry;
  return element;
}

function add(batch) {
  if (fresh) {
    fresh = false;
    log.replaceChildren(spacer);
    setSpacer(0);
  }
  const room = following ? batch.entries.length : mostStopped - log.children.length;
  log.append(...batch.entries.slice(0, Math.max(room, 0)).map(row));
  if (following) { trim(); log.scrollTop = log.scrollHeight; }
  const shown = log.children.length - 1, left = (batch.left || 0) + batch.entries.length - Math.min(room, batch.entries.length);
  text($("#log-count"), shown === 1 ? "1 entry shown" : shown + " entries shown");
  if (left > 0) text($("#log-left"), `${format.count(left)} left out: many at once`);
  $("#no-entries").hidden = shown > 0;
}

function setSpacer(height) {
  spacerHeight = height;
  spacer.style.height = height + "px";
}

// trim removes the oldest rows.
function trim() {
  const surplus = [...log.children].slice(1, Math.max(1, log.children.length - most));
  if (!surplus.length) return;
  const next = surplus[surplus.length - 1].nextElementSibling;
  const height = next.offsetTop - surplus[0].offsetTop;
  surplus.forEach((old) => old.remove());
  setSpacer(spacerHeight + height > 8e6 ? 0 : spacerHeight + height);
}

function setFollowing(on) {
  following = on;
  follow.setAttribute("aria-pressed", on);
  if (on) log.scrollTop = log.scrollHeight;
}

if (log) {
  const reconnect = live({ entries: add });
  const apply = () => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    const search = query.size ? "?" + query : "";
    if (search === location.search) return;
    history.replaceState(null, "", "/logs" + search);
    fresh = true;
    text($("#log-left"), "");
    reconnect();
  };
  let typing;
  form.addEventListener("submit", (event) => { event.preventDefault(); apply(); });
  form.addEventListener("change", apply);
  form.addEventListener("input", (event) => {
    if (event.target.type !== "search") return;
    clearTimeout(typing);
    typing = setTimeout(apply, 250);
  });
  follow.addEventListener("click", () => setFollowing(!following));
  log.addEventListener("wheel", (event) => { if (event.deltaY < 0) setFollowing(false); }, { passive: true });
  log.addEventListener("scroll", () => {
    if (!following && log.scrollHeight - log.scrollTop - log.clientHeight < 4) setFollowing(true);
  });
  log.addEventListener("click", (event) => {
    const element = event.target.closest(".entry");
    if (!element || event.target.closest("a, pre")) return;
    setFollowing(false);
    const open = element.classList.toggle("open");
    $("pre", element)?.remove();
    if (open) element.append(make("pre", {}, JSON.stringify(element.entry, null, 2)));
  });
}
