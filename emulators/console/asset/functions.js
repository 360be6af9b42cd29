"use strict";

// Columns of a row of the history: point in history.go.
const column = Object.fromEntries(["t", "rate", "errors", "p50", "p95", "p99", "starting", "serving", "draining", "inFlight", "capacity",
  "queued", "cpu", "memory", "rejected", "unavailable"].map((name, i) => [name, i]));
const one = new URLSearchParams(location.search).get("name");

const plans = [
  { title: "Invocations", kind: "area", unit: format.rate, series: [["rate", "requests", "blue"], ["errors", "errors 5xx", "red"]] },
  { title: "Latency", kind: "line", unit: format.time, series: [["p50", "p50", "teal"], ["p95", "p95", "amber"], ["p99", "p99", "red"]] },
  { title: "Instances", kind: "stacked", unit: format.count, min: 2, step: 1, series: [["serving", "serving", "green"], ["starting", "starting", "amber"], ["draining", "draining", "grey"]] },
  { title: "CPU", kind: "area", unit: format.part, min: 0.1, series: [["cpu", "cores", "violet"]] },
  { title: "In flight", kind: "area", unit: format.count, min: 2, step: 1, series: [["inFlight", "in flight", "blue"], ["queued", "waiting", "amber"]] },
  { title: "Memory", kind: "area", unit: format.bytes, min: 2 ** 20, base: 2 ** 20, series: [["memory", "all instances", "teal"]] },
  { title: "Refused", kind: "area", unit: format.rate, min: 1, series: [["rejected", "429", "amber"], ["unavailable", "503", "red"]] },
];

const area = $("#charts");
const charts = (area ? $$(".panel", area) : []).map((panel) => {
  const title = $("h2", panel).textContent, plan = plans.find((p) => p.title === title);
  const legend = $(".legend", panel), canvas = $(".chart", panel);
  const drawn = chart(canvas, { ...plan, legend, label: plan.title, series: plan.series.map(([, name, color]) => ({ name, color })) });
  const cut = (row) => [row[0], ...plan.series.map(([name]) => (plan.unit === format.time && !row[column.rate] ? null : row[column[name]]))];
  return { set: (rows) => drawn.set(rows.map(cut)), push: (row) => drawn.push(cut(row)) };
});

const rows = new Map($$("tr[data-href]").map((row) => [row.id, {
  row, dots: $(".dots", row), load: $(".load", row), loadText: $(".load-text", row),
  cell: Object.fromEntries(["rate", "p95", "errors", "cpu", "memory", "cold", "refused"].map((name) => [name, $("." + name, row)])),
  spark: chart($(".spark", row), { kind: "spark", span: 180, series: [{ name: "rate", color: "blue" }] }),
}]));

function dots(element, f) {
  const states = [...Array(f.serving).fill("serving"), ...Array(f.starting).fill("starting"), ...Array(f.draining).fill("draining")];
  const key = states.join();
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...states.slice(0, 12).map((state) => make("i", { class: "instance " + state, title: state })),
    make("small", { class: "faint" }, states.length ? `${states.length}/${f.max}` : "0"));
}

function refused(f) { return f.totalRejected || f.totalUnavailable ? format.count(f.totalRejected) + " · " + format.count(f.totalUnavailable) : "–"; }

function showRow(f, t) {
  const r = rows.get("f-" + f.name);
  if (!r) return;
  const alive = f.serving + f.starting + f.draining > 0, busy = f.rate > 0;
  dots(r.dots, f);
  r.load.firstElementChild.style.width = Math.min(100, f.capacity ? f.inFlight / f.capacity * 100 : 0) + "%";
  text(r.loadText, alive ? `${f.inFlight}${f.queued ? "+" + f.queued : ""}/${f.capacity}` : "");
  text(r.cell.rate, busy ? format.rate(f.rate) : "–");
  text(r.cell.p95, busy ? format.time(f.p95) : "–");
  text(r.cell.errors, f.errors > 0 ? format.rate(f.errors) : "–").classList.toggle("bad", f.errors > 0);
  text(r.cell.cpu, alive ? format.percent(f.cpu) : "–");
  text(r.cell.memory, alive ? format.bytes(f.memory) : "–");
  text(r.cell.cold, f.coldStarts ? format.count(f.coldStarts) : "–");
  text(r.cell.refused, refused(f)).classList.toggle("warn", f.totalRejected + f.totalUnavailable > 0);
  r.row.classList.toggle("idle", !alive);
  r.spark.push([t, f.rate]);
}

const bodies = $("#instances");
function showInstances(list, t) {
  const limit = Number(bodies.dataset.concurrency) || 1;
  text($("#instance-count"), list.length === 1 ? "1 instance" : list.length + " instances");
  const known = new Map($$("tr", bodies).map((row) => [row.dataset.id, row]));
  for (const i of list) {
    let row = known.get(i.id);
    known.delete(i.id);
    if (!row) {
      row = make("tr", { "data-id": i.id });
      row.innerHTML = '<td class="mono cut"></td><td></td><td><span class="load"><i></i></span><small class="load-text faint"></small></td>' +
        '<td class="number"></td><td class="number"></td><td class="number"></td><td class="number"></td><td class="number"></td>';
      bodies.append(row);
    }
    const cells = row.children;
    text(cells[0], i.id.slice(-12));
    const state = i.throttled ? i.state + ", CPU off" : i.state;
    if (cells[1].textContent !== state) cells[1].replaceChildren(make("span", { class: "badge " + ({ serving: "good", starting: "warn" }[i.state] || "") }, state));
    $("i", cells[2]).style.width = Math.min(100, i.inFlight / limit * 100) + "%";
    text($("small", cells[2]), String(i.inFlight));
    [format.count(i.requests), i.cpuSeconds.toFixed(1) + " s", format.bytes(i.memoryBytes), format.time(Math.max(1, Math.round(t - Date.parse(i.startedAt) / 1000))), i.pid || "–"]
      .forEach((value, n) => text(cells[n + 3], String(value)));
  }
  known.forEach((row) => row.remove());
}

function showOne(f) {
  text($("#v-rate"), format.rate(f.rate));
  text($("#v-p95"), f.rate > 0 ? format.time(f.p95) : "–");
  text($("#v-errors"), format.rate(f.errors)).className = f.errors > 0 ? "bad" : "";
  text($("#v-flight"), f.inFlight + " of " + f.capacity);
  text($("#v-queued"), String(f.queued)).className = f.queued > 0 ? "warn" : "";
  text($("#v-cold"), format.count(f.coldStarts));
  text($("#v-refused"), refused(f)).className = f.totalRejected + f.totalUnavailable > 0 ? "warn" : "";
  text($("#v-oom"), String(f.oomKills)).className = f.oomKills > 0 ? "bad" : "";
}

if (area) {
  live({
    history(h) {
      charts.forEach((c) => c.set(h.rows));
      for (const [name, points] of Object.entries(h.sparks || {})) rows.get("f-" + name)?.spark.set(points);
    },
    sample(s) {
      charts.forEach((c) => c.push(s.row));
      if (s.function) {
        showOne(s.function);
        showInstances(s.instances || [], s.row[0]);
      } else {
        s.functions.forEach((f) => showRow(f, s.row[0]));
      }
    },
  });
}

document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-href]");
  if (row && !event.target.closest("a")) location.href = row.dataset.href;
});
