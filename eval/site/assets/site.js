"use strict";
// Draws the figures, sorts tables, hides what filters exclude. Nothing is loaded from anywhere.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const config = { responsive: true, displaylogo: false, displayModeBar: false };
  const drawn = [];
  for (const [name, figure] of Object.entries(figures)) {
    const place = document.getElementById(name);
    if (place) drawn.push(Plotly.newPlot(place, figure.data, figure.layout, config));
  }

  function value(cell) {
    if (!cell) return null;
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    const text = cell.textContent.trim();
    const number = Number(text.replace(/,/g, ""));
    return text && Number.isFinite(number) ? number : text;
  }

  // Empty cells stay at the end whichever way a column is sorted.
  function order(a, b, sign) {
    const none = (v) => v === null || v === "" || Number.isNaN(v);
    if (none(a) || none(b)) return none(a) - none(b);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
  }

  for (const heading of document.querySelectorAll("th")) {
    heading.firstElementChild?.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = heading.closest("table").tBodies[0];
      const rows = [...body.rows];
      rows.sort((a, b) => order(value(a.cells[heading.cellIndex]), value(b.cells[heading.cellIndex]), down ? -1 : 1));
      body.append(...rows);
    });
  }

  const boxes = [...document.querySelectorAll("input[data-filter]")];
  function apply() {
    const hidden = {};
    for (const box of boxes) {
      const set = (hidden[box.dataset.filter] ??= new Set());
      if (!box.checked) set.add(box.value);
    }
    for (const [name, values] of Object.entries(hidden)) {
      for (const element of document.querySelectorAll(`[data-${name}]`)) {
        element.dataset[name + "Off"] = values.has(element.dataset[name]) ? "1" : "";
      }
    }
    for (const element of document.querySelectorAll("[data-design], [data-method], [data-outcome]")) {
      element.hidden = Object.keys(hidden).some((name) => element.dataset[name + "Off"] === "1");
    }
    const off = hidden.method ?? new Set();
    for (const row of document.querySelectorAll("tr[data-other]")) row.hidden ||= off.has(row.dataset.other);
    for (const place of document.querySelectorAll(".js-plotly-plot")) {
      const seen = place.data.map((trace) => (trace.meta === undefined ? true : !off.has(trace.meta)));
      if (place.data.some((trace) => trace.meta !== undefined)) Plotly.restyle(place, { visible: seen });
    }
  }
  for (const box of boxes) box.addEventListener("change", apply);
  Promise.all(drawn).then(() => { document.body.dataset.ready = "1"; });
})();
