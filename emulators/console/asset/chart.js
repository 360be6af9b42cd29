"use strict";

// chart draws time series into an element as SVG and returns an object with
//   set(rows)   replaces all rows; a row is [seconds, value, value, …], null for no value
//   push(row)   adds a row
// options: series: [{name, color}], color is a name of console.css; kind: "line", "area",
// "stacked" or "spark"; unit: a function of `format`; span: the most seconds shown, of which a
// short history fills a part (spans); limit: a line; min: the least upper bound of the axis;
// step: the least step of the axis; base: its unit, such as 2 ** 20; legend: an element.
function chart(element, options) {
  const o = { kind: "line", span: 900, unit: format.count, min: 0, step: 0, base: 1, ...options };
  const spans = o.kind === "spark" ? [] : [60, 180, 420].filter((s) => s < o.span);
  const spark = o.kind === "spark";
  const space = spark ? { top: 2, right: 1, bottom: 2, left: 1 } : { top: 8, right: 4, bottom: 20, left: 44 };
  const svg = shape("svg", { role: "img", "aria-label": o.label || o.series.map((s) => s.name).join(", ") });
  element.replaceChildren(svg);
  let rows = [], width = 0, height = 0, wanted = false, visible = true, pointer = null;
  const tip = make("div", { class: "tip", hidden: true });

  function shape(tag, attributes = {}, ...children) {
    const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
    e.append(...children);
    return e;
  }

  const grid = svg.appendChild(shape("g"));
  const marks = o.series.map((s) => {
    const group = svg.appendChild(shape("g", { class: "c-" + s.color }));
    const filled = o.kind !== "line";
    return {
      area: filled ? group.appendChild(shape("path", { class: o.kind === "stacked" ? "area stacked" : "area" })) : null,
      line: o.kind === "stacked" ? null : group.appendChild(shape("path", { class: "line" })),
    };
  });
  const limit = o.limit ? svg.appendChild(shape("line", { class: "limit" })) : null;
  const cursor = svg.appendChild(shape("line", { class: "cursor", visibility: "hidden" }));

  if (o.legend) {
    o.legend.replaceChildren(...o.series.map((s) => make("span", { class: "c-" + s.color }, make("i"), s.name)));
  }
  if (!spark) {
    element.append(tip);
    element.addEventListener("pointermove", (event) => { pointer = event.clientX - element.getBoundingClientRect().left; draw(); });
    element.addEventListener("pointerleave", () => { pointer = null; draw(); });
  }

  // ticks returns round values from 0 to at least max.
  function ticks(max, count) {
    const base = max > o.base ? o.base : 1, raw = max / count / base, size = 10 ** Math.floor(Math.log10(raw));
    const step = Math.max([1, 2, 5, 10].find((m) => m * size >= raw * 0.999) * size * base, o.step);
    const values = [];
    for (let v = 0; v < max + step * 0.999; v += step) values.push(v);
    return values;
  }

  // heights returns the lower and upper value of each series in a row.
  function heights(row) {
    let sum = 0;
    return o.series.map((_, i) => {
      const value = row[i + 1];
      if (o.kind !== "stacked") return [0, value];
      const from = sum;
      sum += value || 0;
      return [from, sum];
    });
  }

  function draw() {
    if (wanted) return;
    wanted = true;
    requestAnimationFrame(() => { wanted = false; if (visible && width) render(); });
  }

  function render() {
    const end = rows.length ? rows[rows.length - 1][0] : Date.now() / 1000;
    const age = rows.length ? end - rows[0][0] : 0;
    const span = spans.find((s) => age <= s) || o.span, begin = end - span;
    let first = rows.findIndex((row) => row[0] >= begin);
    if (first > 0) first--;
    const shown = first < 0 ? [] : rows.slice(first);
    const bounds = shown.map(heights);
    let max = o.min || 0;
    for (const row of bounds) for (const [, upper] of row) if (upper > max) max = upper;
    if (o.limit && max > o.limit * 0.5) max = Math.max(max, o.limit * 1.05);
    if (!max) max = 1;
    const steps = spark ? [max] : ticks(max, height > 120 ? 4 : 3);
    max = steps[steps.length - 1];
    const x = (t) => space.left + (t - begin) / span * (width - space.left - space.right);
    const y = (v) => height - space.bottom - v / max * (height - space.top - space.bottom);
    if (!spark) axes(steps, begin, end, x, y);
    marks.forEach((mark, i) => {
      let line = "", area = "", open = [];
      const close = () => {
        if (!open.length) return;
        line += "M" + open.map((p) => p[0] + " " + p[2]).join("L");
        area += "M" + open.map((p) => p[0] + " " + p[2]).join("L") + "L" + open.reverse().map((p) => p[0] + " " + p[1]).join("L") + "Z";
        open = [];
      };
      shown.forEach((row, n) => {
        const [lower, upper] = bounds[n][i];
        if (upper == null) { close(); return; }
        open.push([x(Math.max(row[0], begin)).toFixed(1), y(lower).toFixed(1), y(upper).toFixed(1)]);
      });
      close();
      if (mark.line) mark.line.setAttribute("d", line);
      if (mark.area) mark.area.setAttribute("d", area);
    });
    if (limit) {
      for (const [name, value] of [["x1", space.left], ["x2", width - space.right], ["y1", y(o.limit)], ["y2", y(o.limit)]]) limit.setAttribute(name, value);
    }
    point(shown, x);
  }

  function axes(steps, begin, end, x, y) {
    const parts = [];
    for (const v of steps) {
      parts.push(shape("line", { class: "grid", x1: space.left, x2: width - space.right, y1: y(v), y2: y(v) }));
      parts.push(shape("text", { class: "axis", x: space.left - 7, y: y(v) + 3.5, "text-anchor": "end" }, o.unit(v)));
    }
    const every = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800].find((s) => (end - begin) / s <= Math.max(2, width / 110)) || 3600;
    const zone = new Date().getTimezoneOffset() * 60;
    for (let t = Math.ceil((begin - zone) / every) * every + zone; t <= end; t += every) {
      const at = x(t);
      if (at < space.left + 14 || at > width - space.right - 18) continue;
      const clock = new Date(t * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: every < 60 ? "2-digit" : undefined, hour12: false });
      parts.push(shape("text", { class: "axis", x: at, y: height - 4, "text-anchor": "middle" }, clock));
    }
    grid.replaceChildren(...parts);
  }

  // point shows the values below the pointer.
  function point(shown, x) {
    const on = pointer != null && shown.length > 0;
    cursor.setAttribute("visibility", on ? "visible" : "hidden");
    tip.hidden = !on;
    if (!on) return;
    const row = shown.reduce((best, r) => Math.abs(x(r[0]) - pointer) < Math.abs(x(best[0]) - pointer) ? r : best);
    const at = x(row[0]);
    for (const [name, value] of [["x1", at], ["x2", at], ["y1", space.top], ["y2", height - space.bottom]]) cursor.setAttribute(name, value);
    tip.replaceChildren(make("b", {}, format.clock(row[0])), ...o.series.map((s, i) => make("span", {}, s.name, make("strong", {}, o.unit(row[i + 1])))));
    tip.style.left = (at > width / 2 ? at - tip.offsetWidth - 10 : at + 10) + "px";
  }

  new ResizeObserver(([entry]) => {
    width = entry.contentRect.width;
    height = entry.contentRect.height;
    draw();
  }).observe(element);
  new IntersectionObserver(([entry]) => { visible = entry.isIntersecting; draw(); }).observe(element);

  return {
    set(all) { rows = all.slice(); draw(); },
    push(row) {
      rows.push(row);
      while (rows.length > 2 && rows[1][0] < row[0] - o.span) rows.shift();
      draw();
    },
  };
}
