// What the page does beyond links and forms: the chart, completion, the live stream, and the keyboard.
"use strict";
(() => {
  document.documentElement.classList.add("scripted");
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- chart: articles over time, brushed to a range ---------------------------------------------------------------
  function draw(holder) {
    if (typeof uPlot === "undefined" || holder.dataset.drawn) return;
    const bucket = Number(holder.dataset.bucket);
    const given = new Map(JSON.parse(holder.dataset.volume));
    const starts = [...given.keys()].sort((a, b) => a - b);
    if (!starts.length) return;
    holder.dataset.drawn = "1";
    const times = [], counts = [];
    for (let at = starts[0]; at <= starts[starts.length - 1]; at += bucket) {
      times.push(at);
      counts.push(given.get(at) ?? 0);
    }
    const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const axis = { stroke: color("--dim"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
    const chart = new uPlot({
      width: holder.clientWidth, height: 120, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "Etc/UTC"),
      legend: { show: false }, cursor: { y: false, drag: { x: true, y: false, setScale: false } },
      scales: {
        x: { range: () => [times[0] - bucket / 2, times[times.length - 1] + 1.5 * bucket] },
        y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] },
      },
      axes: [{ ...axis, size: 26, space: 90, values: (_, marks, __, ___, step) => marks.map((at) => {
        const iso = new Date(at * 1000).toISOString();
        return step < 86400 ? (iso.slice(11, 16) === "00:00" ? iso.slice(5, 10) : iso.slice(11, 16)) : step < 31e6 ? iso.slice(0, 10) : iso.slice(0, 4);
      }) }, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000, 100000] }],
      series: [{}, { stroke: color("--bar"), fill: color("--bar"), width: 0, paths: uPlot.paths.bars({ size: [0.9], align: 1 }), points: { show: false } }],
      hooks: {
        setSelect: [(plot) => {
          if (plot.select.width < 3) return;
          const from = plot.posToVal(plot.select.left, "x"), to = plot.posToVal(plot.select.left + plot.select.width, "x");
          const first = Math.floor(from / bucket) * bucket, last = Math.ceil(to / bucket) * bucket;
          const address = new URL(holder.dataset.base, location.href);
          address.searchParams.set("since", new Date(first * 1000).toISOString().replace(".000", ""));
          address.searchParams.set("until", new Date(last * 1000).toISOString().replace(".000", ""));
          location.assign(address);
        }],
      },
    }, [times, counts], holder);
    new ResizeObserver(() => chart.setSize({ width: holder.clientWidth, height: 120 })).observe(holder);
    holder.dataset.ready = "1";
  }
  const drawAll = () => {
    all(".chart").forEach(draw);
    // Beside the results there is room for the first lists; above them there is not.
    if (matchMedia("(min-width: 60rem)").matches) all(".facets details.first").forEach((part) => { part.open = true; });
  };
  document.addEventListener("htmx:afterSettle", drawAll);
  drawAll();

  // --- completion of queries ---------------------------------------------------------------------------------------
  const box = one("[data-complete]"), list = one("#completions");
  if (box && list) {
    let found = [], start = 0, chosen = -1, asked = 0;
    box.setAttribute("role", "combobox");
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-controls", "completions");
    box.setAttribute("aria-expanded", "false");
    const close = () => {
      found = []; chosen = -1; asked++;
      list.hidden = true; list.replaceChildren();
      box.setAttribute("aria-expanded", "false");
      box.removeAttribute("aria-activedescendant");
    };
    const choose = (number) => {
      chosen = number;
      [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === number)));
      if (number >= 0) box.setAttribute("aria-activedescendant", `completion-${number}`);
    };
    const take = (number) => {
      // The server counts code points, the browser UTF-16 units.
      const points = [...box.value], cursor = [...box.value.slice(0, box.selectionStart)].length;
      const before = points.slice(0, start).join("") + found[number].insert;
      box.value = before + points.slice(cursor).join("").replace(/^ /, "");
      box.setSelectionRange(before.length, before.length);
      close();
      if (before.endsWith(":")) ask();
    };
    const show = (answer) => {
      found = answer.suggestions; start = answer.start; chosen = -1;
      if (!found.length) return close();
      list.replaceChildren(...found.map((item, number) => {
        const line = document.createElement("li"), label = document.createElement("span"), help = document.createElement("span");
        line.id = `completion-${number}`;
        line.setAttribute("role", "option");
        line.setAttribute("aria-selected", "false");
        label.textContent = item.label; help.textContent = item.help; help.dir = "auto";
        line.append(label, help);
        line.addEventListener("mousedown", (event) => { event.preventDefault(); take(number); });
        return line;
      }));
      list.hidden = false;
      box.setAttribute("aria-expanded", "true");
    };
    async function ask() {
      const mine = ++asked;
      const at = [...box.value.slice(0, box.selectionStart)].length;
      const answer = await fetch(`/api/v1/complete?q=${encodeURIComponent(box.value)}&at=${at}`).catch(() => null);
      if (mine === asked && answer && answer.ok) show(await answer.json());
    }
    box.addEventListener("input", ask);
    box.addEventListener("blur", close);
    box.addEventListener("keydown", (event) => {
      if (list.hidden) return;
      if (event.key === "ArrowDown") choose((chosen + 1) % found.length);
      else if (event.key === "ArrowUp") choose((chosen + found.length - 1) % found.length);
      else if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) take(chosen);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
    });
  }

  // --- live stream -------------------------------------------------------------------------------------------------
  const state = one("#live-state"), hits = one("#live-hits");
  if (state && hits) {
    const held = [];
    let paused = false, seen = 0;
    const button = one("[data-action=pause]");
    const say = () => { state.textContent = paused ? `Paused; ${held.length} waiting.` : `Watching; ${seen} since you came.`; };
    const add = (markup) => {
      // Made and escaped by our own server; scripts in it would not run under our policy, either.
      const holder = document.createElement("template");
      holder.innerHTML = markup;
      const hit = holder.content.firstElementChild;
      document.getElementById(hit.id)?.remove();
      hit.classList.add("new");
      hits.prepend(hit);
      seen++;
      while (hits.children.length > 200) hits.lastElementChild.remove();
    };
    const source = new EventSource(state.dataset.events);
    source.addEventListener("ready", () => { state.dataset.ready = "1"; say(); });
    source.addEventListener("message", (event) => {
      if (paused) { held.push(event.data); if (held.length > 200) held.shift(); } else add(event.data);
      say();
    });
    source.addEventListener("error", () => { state.textContent = "The connection is lost; trying again …"; });
    button.addEventListener("click", () => {
      paused = !paused;
      button.setAttribute("aria-pressed", String(paused));
      button.textContent = paused ? "Go on" : "Pause";
      if (!paused) held.splice(0).forEach(add);
      say();
    });
  }

  // --- keyboard ----------------------------------------------------------------------------------------------------
  const help = one("#help");
  one("[data-action=help]")?.addEventListener("click", () => help.showModal());
  let going = false;
  const move = (step) => {
    const items = all(".hit");
    if (!items.length) return;
    const at = items.findIndex((item) => item.classList.contains("here"));
    const next = items[Math.min(items.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    items.forEach((item) => item.classList.toggle("here", item === next));
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target.closest("input, textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (going) {
      going = false;
      const link = one(`[data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    const here = one(".hit.here");
    switch (event.key) {
      case "/": one("#q, #query")?.focus(); one("#q")?.select(); break;
      case "j": move(1); break;
      case "k": move(-1); break;
      case "o": if (here) location.assign(here.dataset.article); break;
      case "s": if (here?.dataset.story) location.assign(here.dataset.story); break;
      case "v": if (here?.dataset.outward) window.open(here.dataset.outward, "_blank", "noopener,noreferrer"); break;
      case "g": going = true; break;
      case "?": help.showModal(); break;
      default: return;
    }
    event.preventDefault();
  });
})();
