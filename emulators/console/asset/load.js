"use strict";

const plans = [
  { title: "Throughput", kind: "area", unit: format.rate, series: [["requestsPerSecond", "requests", "blue"], ["confirmedPerSecond", "confirmed", "green"], ["errorsPerSecond", "errors", "red"]] },
  { title: "Latency", kind: "line", unit: format.time, series: [["p50", "p50", "teal"], ["p95", "p95", "amber"], ["p99", "p99", "red"]] },
  { title: "Orders", kind: "line", unit: format.count, min: 10, series: [["confirmed", "confirmed", "green"], ["rejected", "rejected", "amber"], ["undecided", "undecided", "violet"]] },
  { title: "Stock", kind: "area", unit: format.count, min: 10, series: [["remaining", "in stock", "blue"]] },
];

// values returns what the charts show of a point.
function values(p) {
  const o = p.orders, busy = p.requestsPerSecond > 0;
  return {
    ...p, p50: busy ? p.latencyMs.p50 / 1e3 : null, p95: busy ? p.latencyMs.p95 / 1e3 : null, p99: busy ? p.latencyMs.p99 / 1e3 : null,
    confirmed: o.confirmed, rejected: o.rejected, undecided: o.placed - o.confirmed - o.rejected, remaining: p.stock.remaining,
  };
}

const area = $("#charts");
const charts = !area ? [] : plans.map((plan) => {
  const legend = make("div", { class: "legend end" }), canvas = make("div", { class: "chart" });
  area.append(make("section", { class: "panel" }, make("header", {}, make("h2", {}, plan.title), legend), make("div", { class: "body" }, canvas)));
  const drawn = chart(canvas, { ...plan, span: 300, legend, label: plan.title, series: plan.series.map(([, name, color]) => ({ name, color })) });
  const cut = (p) => [p.at, ...plan.series.map(([name]) => values(p)[name])];
  return { set: (points) => drawn.set(points.map(cut)), push: (p) => drawn.push(cut(p)) };
});

function show(state) {
  const running = state.running !== "", mine = state.running.startsWith("load"), last = state.points.at(-1);
  document.body.dataset.running = state.running;
  if ("trusted" in document.body.dataset) {
    $("#start").disabled = running;
    $("#stop").disabled = !mine;
  }
  const settling = last && mine && last.elapsedSeconds > last.durationSeconds + 1;
  text($("#v-state"), mine ? (settling ? "settling" : "running") : running ? state.running : state.failure ? "failed" : state.result ? "done" : "idle");
  if (!last) return;
  text($("#v-rate"), format.rate(last.requestsPerSecond));
  text($("#v-p50"), format.time(last.latencyMs.p50 / 1e3));
  text($("#v-p99"), format.time(last.latencyMs.p99 / 1e3));
  text($("#v-errors"), format.rate(last.errorsPerSecond)).classList.toggle("bad", last.errorsPerSecond > 0);
  showOrders(state, last.orders, last.stock);
}

function showOrders(state, orders, stock) {
  const sells = state.scenario !== "browse";
  text($("#v-confirmed"), sells ? format.count(orders.confirmed) : "–");
  text($("#v-rejected"), sells ? format.count(orders.rejected) : "–");
  text($("#v-stock"), sells ? format.count(stock.remaining) : "–");
}

let shown = null;
function showResult(state) {
  const key = state.number + (state.result ? "+" : "") + state.failure;
  if (key === shown) return;
  shown = key;
  const outcome = $("#outcome"), body = $("#operations"), r = state.result;
  if (!r) {
    outcome.replaceChildren(...(state.failure ? [make("span", { class: "badge bad" }, "failed")] : []));
    if (state.failure) text($("#remains"), state.failure);
    return;
  }
  outcome.replaceChildren(make("span", { class: "badge " + (state.addsUp ? "good" : "bad") }, state.addsUp ? "the stock adds up" : "the stock does not add up"));
  body.replaceChildren(...r.operations.map((o) => {
    const cell = (value) => make("td", { class: "number" }, value), ms = (value) => cell(format.time(value / 1e3));
    return make("tr", {}, make("td", { class: "mono" }, o.name), cell(format.count(o.count)), cell(format.count(o.failed)), cell(format.rate(o.perSecond)),
      ms(o.latencyMs.p50), ms(o.latencyMs.p95), ms(o.latencyMs.p99), ms(o.latencyMs.max));
  }));
  showOrders(state, r.orders, r.stock);
  const parts = state.scenario === "browse" ? [] : [
    `${r.orders.placed} orders placed, ${r.orders.confirmed} confirmed, ${r.orders.rejected} rejected. ` +
    `Of ${r.stock.initial} units ${r.stock.initial - r.stock.remaining} are sold and ${r.stock.confirmed} are in confirmed orders.`];
  parts.push(...(r.problems || []), ...Object.entries(r.failures || {}).map(([kind, count]) => `Failed: ${count} × ${kind}.`));
  parts.push("In the system remain: " + (r.remains || []).join(", ") + ".");
  text($("#remains"), parts.join(" "));
}

if (area) {
  live({
    load(state) {
      if (state.first === 0) charts.forEach((c) => c.set(state.points));
      else for (const p of state.points) charts.forEach((c) => c.push(p));
      show(state);
      showResult(state);
    },
  });
  $("#stop").addEventListener("click", () => act("load/stop"));
} else live({});
