"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const plot = byId("placement");
  const { views, nodes, links, theme } = data;
  const CLEAR = "rgba(255,255,255,0)";
  const state = { view: views.length - 1, layer: null, picked: null, hidden: new Set() };

  // -- small helpers -------------------------------------------------------------------------------------------

  /** Typed arrays travel as base64, in the form Plotly reads too. */
  function unpack(spec) {
    const types = { f4: Float32Array, f8: Float64Array, i1: Int8Array, u1: Uint8Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array };
    const raw = atob(spec.bdata);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return new types[spec.dtype](bytes.buffer);
  }
  for (const group of [nodes, links, ...views.map((v) => v.nodes)]) {
    for (const key of Object.keys(group)) {
      if (group[key] && group[key].bdata !== undefined) group[key] = unpack(group[key]);
    }
  }

  /** An element with text that is never read as markup: names come from netlists. */
  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key in made && key !== "list") made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }
  const number = (value, digits = 6) => Number(value.toPrecision(digits)).toLocaleString("en-US", { maximumFractionDigits: 6 });
  const percent = (value) => (100 * value).toFixed(Math.abs(value) < 0.0995 ? 2 : 1) + " %";

  /** The end of a hierarchical name tells siblings apart; the whole of it is in the tooltip. */
  function shorten(name, limit = 52) {
    if (name.length <= limit) return name;
    const tail = name.slice(-limit), cut = tail.indexOf("/");
    return "…" + (cut >= 0 && cut < limit - 8 ? tail.slice(cut) : tail);
  }

  function facts(i) {
    const v = views[state.view].nodes;
    const rows = [
      ["Kind", data.kinds[nodes.kind[i]] + (nodes.fixed[i] ? " (fixed)" : "")],
      ["Size", `${number(v.w[i])} × ${number(v.h[i])} µm`],
      ["Orientation", data.orientations[v.orient[i]]],
      ["Centre", `${number(v.x[i])}, ${number(v.y[i])} µm`],
    ];
    if (v.wirelength) {
      rows.push(["Share of wirelength", percent(v.wirelength[i])]);
      rows.push(["Share of density", percent(v.density[i])]);
      if (v.congestion) rows.push(["Share of congestion", percent(v.congestion[i])]);
      rows.push(["Share of proxy cost", percent(v.proxy[i])]);
    }
    const list = element("dl");
    for (const [term, text] of rows) list.append(element("dt", {}, term), element("dd", {}, text));
    return list;
  }

  // -- the drawing ---------------------------------------------------------------------------------------------

  const isMap = (t) => t.type === "heatmap" && t.meta !== "crowd";
  for (const t of views.flatMap((v) => v.data).filter((one) => one.type === "heatmap")) {
    const [rows, columns] = t.z.shape.split(",").map(Number), flat = unpack(t.z);
    t.z = Array.from({ length: rows }, (_, r) => flat.subarray(r * columns, (r + 1) * columns));
  }

  // Drawing thousands of objects takes Plotly a while, so only what moves or hides objects draws them anew. A map is
  // there all the time and only changes its opacity; the style sheet clears the objects' fill while a map is on; and
  // flylines are shapes, which are drawn apart from traces.
  const opacity = (t) => (isMap(t) ? Number(t.meta === state.layer) : Number(state.layer === null));

  function traces() {
    return views[state.view].data.map((t) => {
      if (isMap(t)) return { ...t, visible: true, opacity: opacity(t) };
      const shown = { ...t, visible: !state.hidden.has(t.name) };
      return t.type === "heatmap" ? { ...shown, opacity: opacity(t) } : shown;
    });
  }

  /** Flylines of the picked object in three strengths, and a frame around it. */
  function shapes() {
    const k = state.picked;
    if (k === null) return data.layout.shapes;
    const v = views[state.view].nodes;
    const paths = ["", "", ""];
    const position = links.at[k];
    const from = position < 0 ? 0 : links.ptr[position], to = position < 0 ? 0 : links.ptr[position + 1];
    const top = to > from ? links.weight[from] : 0;
    for (let e = from; e < to; e++) {
      const j = links.neighbour[e];
      if (!v.placed[j]) continue;
      const part = top > 0 ? links.weight[e] / top : 0;
      paths[part > 0.5 ? 2 : part > 0.15 ? 1 : 0] += `M${v.x[k]},${v.y[k]}L${v.x[j]},${v.y[j]}`;
    }
    const made = paths.map((path, strength) => ({
      type: "path", path, layer: "above", opacity: [0.4, 0.65, 0.95][strength], fillcolor: CLEAR,
      line: { color: theme.flyline, width: [0.7, 1.3, 2.4][strength] },
    })).filter((shape) => shape.path);
    const pad = data.pad;
    made.push({
      type: "rect", layer: "above", line: { color: theme.flyline, width: 3 },
      x0: v.x[k] - v.w[k] / 2 - pad, x1: v.x[k] + v.w[k] / 2 + pad, y0: v.y[k] - v.h[k] / 2 - pad, y1: v.y[k] + v.h[k] / 2 + pad,
    });
    return data.layout.shapes.concat(made);
  }

  /** What is seen now as a picture of its own, where no style sheet helps. */
  function download() {
    const seen = traces().map((t) => (state.layer && t.type === "bar" ? { ...t, marker: { ...t.marker, color: CLEAR } } : t));
    const range = { xaxis: plot.layout.xaxis, yaxis: plot.layout.yaxis };
    const options = { format: "png", filename: data.file, scale: 2, width: plot.clientWidth, height: plot.clientHeight };
    Plotly.downloadImage({ data: seen, layout: { ...layout, ...range, shapes: shapes() } }, options);
  }

  const coarse = matchMedia("(pointer: coarse)").matches;
  const config = {
    displaylogo: false, responsive: true, doubleClick: "reset",
    modeBarButtons: [
      [{ name: "picture", title: "Download as PNG", icon: Plotly.Icons.camera, click: download }],
      ["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"],
    ],
  };
  const layout = { ...data.layout, uirevision: "keep", dragmode: coarse ? false : "zoom" };
  document.documentElement.style.setProperty("--aspect", String(Math.min(1.8, Math.max(0.7, data.aspect))));

  const draw = () => Plotly.react(plot, traces(), { ...layout, shapes: shapes() }, config);
  const drawPicked = () => Plotly.relayout(plot, { shapes: shapes() });

  function drawLayer() {
    const heat = plot.data.map((t, k) => k).filter((k) => plot.data[k].type === "heatmap");
    plot.classList.toggle("mapped", state.layer !== null);
    return Plotly.restyle(plot, { opacity: heat.map((k) => opacity(plot.data[k])) }, heat);
  }

  // -- controls ------------------------------------------------------------------------------------------------

  function segmented(box, options, current, choose) {
    box.replaceChildren(...options.map(([value, label]) => {
      const button = element("button", { type: "button" }, label);
      button.setAttribute("aria-pressed", String(value === current));
      button.dataset.value = String(value);
      button.addEventListener("click", () => {
        for (const other of box.children) other.setAttribute("aria-pressed", String(other === button));
        choose(value);
      });
      return button;
    }));
  }

  function showScale() {
    byId("scale").hidden = state.layer === null;
    if (state.layer === null) return;
    const map = views[state.view].data.find((t) => isMap(t) && t.meta === state.layer);
    const about = data.layers.find((l) => l.key === state.layer);
    byId("scale-title").textContent = about.label;
    byId("scale-unit").textContent = about.unit;
    byId("ramp").style.background = `linear-gradient(to right, ${map.colorscale.map((s) => s[1]).join(",")})`;
    const more = about.peak > map.zmax * 1.001 ? "≥ " : "";
    byId("ticks").replaceChildren(...[0, map.zmax / 2, map.zmax].map(
      (value, k) => element("span", {}, (k === 2 ? more : "") + number(value, 2))));
  }

  function showLegend() {
    const items = [];
    views[state.view].data.forEach((t, k) => {
      if (isMap(t)) return;
      const swatch = element("span", { className: "swatch" });
      if (t.type === "bar") {
        swatch.style.background = t.marker.color;
        swatch.style.borderColor = t.marker.line.color;
      } else if (t.meta === "crowd") {
        swatch.style.background = t.colorscale[2][1];
        swatch.style.borderColor = t.colorscale[4][1];
      } else if (t.mode === "markers") {
        swatch.classList.add("dot");
        swatch.style.background = t.marker.color;
      } else if (t.fill) {
        swatch.style.background = t.fillcolor;
        swatch.style.borderColor = t.line.color;
      } else {
        swatch.classList.add("line");
        swatch.style.borderColor = t.line.color;
      }
      const box = element("input", { type: "checkbox", checked: !state.hidden.has(t.name) });
      box.addEventListener("change", () => {
        if (box.checked) state.hidden.delete(t.name); else state.hidden.add(t.name);
        draw();
      });
      const label = views[state.view].labels[k];
      const row = element("label", { title: label.text }, box, swatch, element("span", { className: "text" }, label.text));
      if (label.count) row.append(element("span", { className: "count" }, label.count.toLocaleString("en-US")));
      items.push(element("li", {}, row));
    });
    byId("legend").replaceChildren(...items);
  }

  function showDetails() {
    const box = byId("details"), k = state.picked;
    byId("hint").hidden = k !== null;
    box.hidden = k === null;
    if (k === null) return;
    box.replaceChildren(element("p", { className: "name" }, nodes.name[k]), facts(k));
    const position = links.at[k];
    const from = position < 0 ? 0 : links.ptr[position], to = position < 0 ? 0 : links.ptr[position + 1];
    const rest = position < 0 ? 0 : links.left_out[position];
    if (to > from) {
      const rows = [];
      for (let e = from; e < Math.min(to, from + 8); e++) {
        const j = links.neighbour[e];
        const go = element("button", { type: "button", className: "link", title: nodes.name[j] }, shorten(nodes.name[j]));
        go.addEventListener("click", () => pick(j));
        rows.push(element("tr", {}, element("td", {}, go), element("td", {}, String(links.nets[e])), element("td", {}, number(links.weight[e], 3))));
      }
      const head = element("tr", {}, element("th", {}, "Strongest connections"), element("th", {}, "nets"), element("th", {}, "weight"));
      box.append(element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
    }
    const said = to > from ? `${(to - from).toLocaleString("en-US")} flylines` + (rest ? `, ${rest.toLocaleString("en-US")} weaker connections not drawn` : "") : "No connections.";
    const clear = element("button", { type: "button", className: "clear" }, "Clear selection");
    clear.addEventListener("click", () => pick(null));
    box.append(element("p", { className: "small" }, said), clear);
  }

  function pick(k) {
    state.picked = k;
    showDetails();
    return drawPicked();
  }

  // -- hovering and clicking -----------------------------------------------------------------------------------

  const tip = byId("tip");
  let hovered = false;

  function place(mouse) {
    tip.hidden = false;
    const size = tip.getBoundingClientRect();
    const x = mouse.clientX + 16 + size.width < innerWidth ? mouse.clientX + 16 : mouse.clientX - size.width - 16;
    const y = mouse.clientY + 16 + size.height < innerHeight ? mouse.clientY + 16 : mouse.clientY - size.height - 16;
    tip.style.left = Math.max(4, x) + "px";
    tip.style.top = Math.max(4, y) + "px";
  }

  function overObject(event) {
    const point = event.points.find((p) => p.data.meta === "objects") || event.points.find((p) => typeof p.customdata === "string");
    if (!point || !event.event) return;
    hovered = true;
    if (typeof point.customdata === "string") tip.replaceChildren(element("div", { className: "name" }, point.customdata));
    else tip.replaceChildren(element("div", { className: "name" }, nodes.name[point.customdata]), facts(point.customdata));
    place(event.event);
  }

  /** Between objects the map itself answers. */
  function overMap(mouse) {
    if (hovered) return;
    tip.hidden = true;
    const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
    const x = xaxis.p2d(mouse.clientX - box.x - xaxis._offset), y = yaxis.p2d(mouse.clientY - box.y - yaxis._offset);
    const map = state.layer && views[state.view].data.find((t) => isMap(t) && t.meta === state.layer);
    if (!map) return;
    const column = Math.floor((x - map.x0) / map.dx + 0.5), row = Math.floor((y - map.y0) / map.dy + 0.5);
    const value = map.z[row] && map.z[row][column];
    if (value === undefined) return;
    const list = element("dl");
    list.append(element("dt", {}, map.name), element("dd", {}, number(value, 3)));
    list.append(element("dt", {}, "At"), element("dd", {}, `${number(x, 5)}, ${number(y, 5)} µm`));
    list.append(element("dt", {}, "Gcell"), element("dd", {}, `column ${column}, row ${row}`));
    tip.replaceChildren(list);
    place(mouse);
  }

  // -- cost over time and the small maps -----------------------------------------------------------------------

  function drawCurve() {
    const box = byId("curve");
    if (!box || !data.curve) return;
    Plotly.newPlot(box, data.curve.data, data.curve.layout, { ...config, displayModeBar: false });
  }

  function drawMaps() {
    for (const about of data.layers) {
      const box = byId("map-" + about.key);
      const map = views[state.view].data.find((t) => isMap(t) && t.meta === about.key);
      if (!box || !map) continue;
      const axis = { visible: false, fixedrange: true, constrain: "domain" };
      byId("peak-" + about.key).textContent = number(views[state.view].peaks[about.key], 4);
      box.style.height = Math.round(box.clientWidth / data.aspect) + "px";
      Plotly.react(box, [{ ...map, visible: true, opacity: 1, hoverinfo: "z" }], {
        margin: { l: 0, r: 0, t: 0, b: 0 }, xaxis: axis, yaxis: { ...axis, scaleanchor: "x" }, paper_bgcolor: "#fff",
        plot_bgcolor: theme.ground, font: data.layout.font, dragmode: false,
      }, { ...config, displayModeBar: false, doubleClick: false });
    }
  }

  // -- begin ---------------------------------------------------------------------------------------------------

  if (views.length > 1) {
    segmented(byId("states"), views.map((v, k) => [k, v.label]), state.view, (value) => {
      state.view = value;
      showScale();
      showLegend();
      showDetails();
      draw();
      drawMaps();
    });
  }
  if (data.layers.length) {
    const options = [[null, "Objects"], ...data.layers.map((l) => [l.key, l.label])];
    segmented(byId("layers"), options, null, (value) => {
      state.layer = value;
      showScale();
      drawLayer();
    });
  }
  const index = new Map(nodes.name.map((name, i) => [name, i]));
  const limit = Math.min(nodes.drawn, 5000);
  byId("names").replaceChildren(...nodes.name.slice(0, limit).map((name) => element("option", { value: name })));
  // A whole name picks at once (that is also what choosing a suggestion does); a part of one picks on Enter.
  byId("find").addEventListener("input", (event) => {
    if (index.has(event.target.value)) pick(index.get(event.target.value));
  });
  byId("find").addEventListener("change", (event) => {
    const text = event.target.value;
    let k = index.get(text);
    if (k === undefined && text) k = nodes.name.findIndex((name) => name.toLowerCase().includes(text.toLowerCase()));
    pick(k === undefined || k < 0 ? null : k);
  });
  for (const v of views) {
    for (const t of v.data) if (t.visible === "legendonly") state.hidden.add(t.name);
  }
  showLegend();
  Plotly.newPlot(plot, traces(), layout, config).then(() => {
    plot.on("plotly_hover", overObject);
    plot.on("plotly_unhover", () => { hovered = false; tip.hidden = true; });
    plot.on("plotly_click", (event) => {
      const hit = event.points.find((p) => p.data.meta === "objects");
      if (hit) pick(hit.customdata === state.picked ? null : hit.customdata);
    });
    plot.addEventListener("mousemove", overMap);
    plot.addEventListener("mouseleave", () => { hovered = false; tip.hidden = true; });
    drawCurve();
    drawMaps();
    document.body.dataset.ready = "true";
  });
})();
