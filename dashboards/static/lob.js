// Alters the page in place: `lob.apply` takes the changes of one tick, see dashboards/board.py.
"use strict";

const lob = (() => {
  const SIGNS = { warn: "▲ ", bad: "■ " };

  function cell(id, [text, title, state]) {
    const element = document.getElementById(id);
    if (!element) return;
    element.textContent = (SIGNS[state] || "") + text;
    element.title = title;
    element.dataset.state = state;
  }

  function bar(id, [width, state]) {
    const element = document.getElementById(id);
    if (!element) return;
    element.style.setProperty("--share", width === null ? "0%" : `${width}%`);
    element.dataset.bar = width === null ? "none" : state;
  }

  function value(id, text) {
    const element = document.getElementById(id);
    if (element && !element.matches(":active")) element.value = text; // not while it is being dragged
  }

  function columnsOf(holder) {
    return JSON.parse(holder.dataset.columns);
  }

  function makeTable(holder) {
    const [columns, caption] = columnsOf(holder);
    const table = document.createElement("table");
    if (caption) table.createCaption().textContent = caption;
    const row = table.createTHead().insertRow();
    for (const [title, align] of columns) {
      const head = document.createElement("th");
      head.scope = "col";
      head.textContent = title;
      head.className = align;
      row.append(head);
    }
    table.createTBody();
    holder.replaceChildren(table);
    return table;
  }

  function put(place, value, align) {
    const found = value !== null && typeof value === "object" ? value : { text: value };
    const none = found.text === null || found.text === undefined;
    const state = found.state || (none ? "none" : "ok");
    const text = (SIGNS[state] || "") + (none ? "–" : found.text);
    if (found.href && /^(https?:\/\/|\/(?!\/)|#)/.test(found.href)) {
      let link = place.firstElementChild;
      if (!link || link.tagName !== "A") place.replaceChildren((link = document.createElement("a")));
      if (link.textContent !== text) link.textContent = text;
      if (link.getAttribute("href") !== found.href) link.setAttribute("href", found.href);
    } else if (place.textContent !== text || place.firstElementChild) {
      place.textContent = text;
    }
    if (place.title !== (found.title || "")) place.title = found.title || "";
    if (place.className !== align) place.className = align;
    place.dataset.state = state;
    const share = typeof found.share === "number" ? `${Math.round(found.share * 1000) / 10}%` : "";
    if (place.style.getPropertyValue("--share") !== share) place.style.setProperty("--share", share);
  }

  function rows(id, [lines, keys, empty]) {
    const holder = document.getElementById(id);
    if (!holder) return;
    const [columns] = columnsOf(holder);
    const body = (holder.querySelector("table") || makeTable(holder)).tBodies[0];
    if (lines.length === 0) {
      const place = document.createElement("td");
      place.colSpan = columns.length;
      place.className = "empty";
      place.textContent = empty;
      const row = document.createElement("tr");
      row.append(place);
      body.replaceChildren(row);
      return;
    }
    if (body.querySelector(".empty")) body.replaceChildren();
    while (body.rows.length > lines.length) body.deleteRow(-1);
    while (body.rows.length < lines.length) {
      const row = body.insertRow();
      columns.forEach(() => row.insertCell());
    }
    lines.forEach((line, number) => {
      const row = body.rows[number];
      if (keys[number] !== undefined) row.dataset.key = keys[number];
      line.forEach((value, place) => put(row.cells[place], value, columns[place][1]));
    });
  }

  function text(place, found) {
    if (place.textContent !== found) place.textContent = found;
  }

  function makeLadder(holder, heads) {
    const table = document.createElement("table");
    table.createCaption().textContent = holder.dataset.caption;
    const row = table.createTHead().insertRow();
    for (const title of heads) {
      const head = document.createElement("th");
      head.scope = "col";
      const word = document.createElement("span");
      word.textContent = title || "forecast";
      if (!title) word.className = "unseen";
      head.append(word);
      row.append(head);
    }
    table.createTBody();
    holder.replaceChildren(table);
    return table;
  }

  function rung(row, [side, own, size, share, price, mark]) {
    const [ours, sizes, prices, marks] = row.cells;
    if (row.className !== side) row.className = side;
    text(ours, own);
    text(sizes, size);
    sizes.style.setProperty("--share", `${share}%`);
    text(prices, price);
    text(marks, mark);
    row.toggleAttribute("data-own", own !== "");
  }

  function ladder(id, [heads, rungs, middle, title]) {
    const holder = document.getElementById(id);
    if (!holder) return;
    const body = (holder.querySelector("table") || makeLadder(holder, heads)).tBodies[0];
    if (holder.title !== title) holder.title = title;
    while (body.rows.length > rungs.length + 1) body.deleteRow(-1);
    while (body.rows.length < rungs.length + 1) {
      const row = body.insertRow();
      heads.forEach(() => row.insertCell());
    }
    const asks = rungs.filter(([side]) => side === "ask").length;
    rungs.forEach((found, number) => rung(body.rows[number < asks ? number : number + 1], found));
    rung(body.rows[asks], ["mid", "", "", 0, middle === null ? "–" : middle, ""]);
  }

  function chart(id, option) {
    const element = getElement(Number(id));
    if (!element || !element.chart) {
      setTimeout(() => chart(id, option), 100); // it is made a moment after the page
      return;
    }
    if (charts.get(id) !== element.chart) {
      charts.set(id, element.chart);
      recolour(element.chart, element.options || {});
      element.chart.lobOptions = element.options || {};
    }
    element.chart.setOption(option);
  }

  // Words in a chart are drawn on a canvas and know no variables: they are coloured when it is made, and with the theme.
  function recolour(chart, made) {
    const color = getComputedStyle(document.documentElement).getPropertyValue("--text-soft").trim();
    const label = { axisLabel: { color }, nameTextStyle: { color } };
    const found = { textStyle: { color } };
    for (const axis of ["xAxis", "yAxis"]) {
      if (made[axis]) found[axis] = Array.isArray(made[axis]) ? made[axis].map(() => label) : label;
    }
    if (made.legend) found.legend = { textStyle: { color } };
    chart.setOption(found);
  }

  const KINDS = { c: cell, b: bar, r: rows, v: value, l: ladder, x: chart };
  const charts = new Map();
  let ticks = 0;

  function apply(changes) {
    ticks += 1;
    heardMs = Date.now();
    if (lost !== null) find();
    if (ticks === 1) showPlace();
    for (const [kind, id, value] of changes) KINDS[kind](id, value);
    document.documentElement.dataset.ticks = ticks;
  }

  // The dashboard speaks at least once a second. When it does not, nobody but this page can say so.
  const LOST_MS = 3000;
  let heardMs = Date.now();
  let lost = null;

  function showPlace() {
    // On a narrow window the navigation is one line that scrolls.
    const nav = document.querySelector(".top nav");
    const here = nav && nav.querySelector("[aria-current]");
    if (here) nav.scrollLeft = here.offsetLeft - nav.clientWidth / 2;
  }

  function lose() {
    const fresh = document.querySelector("[data-testid=freshness]");
    const banner = document.querySelector("[data-testid=banner]");
    if (!fresh || !banner) return;
    lost = [fresh, banner].map((place) => [place, place.textContent, place.dataset.state]);
    const told = "■ Not connected: the dashboard itself does not answer. What is shown is what was last known.";
    ["■ DISCONNECTED", told].forEach((words, number) => {
      lost[number][0].textContent = words;
      lost[number][0].dataset.state = "bad";
    });
  }

  function find() {
    for (const [place, words, state] of lost) {
      place.textContent = words;
      place.dataset.state = state;
    }
    lost = null;
  }

  setInterval(() => {
    if (ticks > 0 && lost === null && Date.now() - heardMs > LOST_MS) lose();
  }, 500);

  function setTheme(dark) {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    try {
      localStorage.setItem("lob-theme", dark ? "dark" : "light");
    } catch (error) {
      // Without storage the choice lasts as long as the page.
    }
    if (window.Quasar) window.Quasar.Dark.set(dark);
    for (const chart of charts.values()) if (!chart.isDisposed()) recolour(chart, chart.lobOptions);
  }

  function isDark() {
    let kept = null;
    try {
      kept = localStorage.getItem("lob-theme");
    } catch (error) {
      kept = null;
    }
    return kept === null ? !matchMedia("(prefers-color-scheme: light)").matches : kept === "dark";
  }

  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  document.addEventListener("DOMContentLoaded", () => setTimeout(() => setTheme(isDark()), 0));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action=theme]");
    if (button) setTheme(document.documentElement.dataset.theme !== "dark");
  });

  return { apply, setTheme };
})();
window.lob = lob;
