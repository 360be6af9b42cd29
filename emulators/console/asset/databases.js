"use strict";

// rates returns what counters grew by in a second, null without an earlier point.
let before = null;
function rates(point, names) {
  const seconds = before ? point.at - before.at : 0;
  return names.map((name) => (seconds > 0 ? Math.max(0, point.counters[name] - before.counters[name]) / seconds : null));
}

const plans = [
  { title: "Connections", kind: "line", unit: format.count, min: 4, step: 1, series: [["open", "open", "blue"], ["running", "busy", "amber"]], values: (p) => p.connections },
  { title: "Statements", kind: "line", unit: format.rate, min: 1, series: [["selects", "SELECT", "teal"], ["writes", "writes", "violet"], ["commits", "COMMIT", "green"]] },
  { title: "Conflicts", kind: "line", unit: format.rate, min: 1, series: [["lockWaits", "waits", "amber"], ["deadlocks", "deadlocks", "red"], ["rollbacks", "ROLLBACK", "grey"]] },
  { title: "Disk", kind: "line", unit: format.rate, min: 1, series: [["logFsyncs", "log fsyncs", "violet"], ["pageMisses", "page reads", "accent"]] },
];
// The panels are in the page, in the order of plans, so that nothing moves.
const charts = $$("#charts .panel").map((panel, i) => {
  const plan = plans[i];
  const drawn = chart($(".chart", panel), { ...plan, span: 300, legend: $(".legend", panel), label: plan.title, series: plan.series.map(([, name, color]) => ({ name, color })) });
  return (point) => drawn.push([point.at, ...(plan.values ? plan.values(point) : rates(point, plan.series.map(([name]) => name)))]);
});

live({
  point: (point) => { charts.forEach((push) => push(point)); before = point; },
  state: (html) => patch($("#database-state"), html),
  logins: (html) => patch($("#logins"), html),
  statements: (html) => patch($("#statements"), html),
  tables: (html) => patch($("#tables"), html),
});

document.addEventListener("click", (event) => {
  const row = event.target.closest("tr.statement");
  if (!row || getSelection().toString()) return;
  row.nextElementSibling.hidden = !row.nextElementSibling.hidden;
  row.toggleAttribute("data-open", !row.nextElementSibling.hidden);
});
