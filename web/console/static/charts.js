// Draws each table of a chart above it, in the page's colours, and renews it while something runs and its tab is seen.
(() => {
  const HUES = ["--chart-1", "--chart-2", "--chart-3", "--chart-4", "--chart-5", "--chart-6"];
  const AGAIN_MS = 15000;
  const HEIGHT = 190;
  const drawn = new Map();

  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const read = (table) => {
    const rows = [...table.tBodies[0].rows];
    const at = rows.map((row) => Date.parse(row.querySelector("time").dateTime) / 1000);
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
    const values = names.map((_, n) => rows.map((row) => Number(row.cells[n + 1].dataset.value)));
    return { names, data: [at, ...values] };
  };

  const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hour12: false });
  const second = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", hour12: false });
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
  const moment = (at, withDay, withSecond = false) => {
    const then = new Date(at * 1000);
    if (withSecond) return second.format(then);
    return withDay ? `${day.format(then)}, ${hour.format(then)}` : hour.format(then);
  };

  const draw = (chart) => {
    drawn.get(chart)?.destroy();
    const place = chart.querySelector(".chart-drawn");
    const { names, data } = read(chart.querySelector("table"));
    const axis = { stroke: style("--soft"), grid: { stroke: style("--line"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const count = (_, values) => values.map((value) => (value === null ? "" : value.toLocaleString("en-GB")));
    const series = names.map((label, n) => ({
      label, stroke: style(HUES[n % HUES.length]), width: 2, points: { show: data[0].length < 3 },
      dash: n >= HUES.length ? [6, 4] : undefined,
      value: (_, value) => (value === null ? "–" : value.toLocaleString("en-GB")),
    }));
    const clock = { label: "Until", value: (_, at) => (at === null ? "–" : moment(at, true)) };
    const isLong = data[0].at(-1) - data[0][0] > 86400;
    const options = {
      width: place.clientWidth,
      height: HEIGHT,
      cursor: { drag: { x: false, y: false } },
      scales: { y: { range: (_, __, top) => [0, Math.max(1, top * 1.05)] } },
      series: [clock, ...series],
      axes: [
        { ...axis, space: 70, values: (_, ticks) => ticks.map((at) => moment(at, isLong, ticks[1] - ticks[0] < 60)) },
        { ...axis, size: 64, values: count },
      ],
    };
    drawn.set(chart, new uPlot(options, data, place));
  };

  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = target.closest("[data-chart]");
      if (target.clientWidth) drawn.get(chart)?.setSize({ width: target.clientWidth, height: HEIGHT });
    }
  });
  const drawNew = () => {
    for (const chart of drawn.keys()) if (!chart.isConnected) drawn.delete(chart);
    for (const chart of document.querySelectorAll("[data-chart]")) {
      if (drawn.has(chart) || !chart.querySelector(".chart-drawn").clientWidth) continue;
      draw(chart);
      widths.observe(chart.querySelector(".chart-drawn"));
    }
  };

  const fetched = async (address) => {
    try {
      const answer = await fetch(address, { headers: { "HX-Request": "true" }, cache: "no-store" });
      return answer.ok ? await answer.text() : "";
    } catch {
      return ""; // the server is away; what is drawn stays
    }
  };
  const renew = async () => {
    if (document.visibilityState !== "visible") return;
    for (const chart of document.querySelectorAll("[data-chart][data-again]")) {
      if (chart.contains(document.activeElement) || chart.querySelector("details[open]")) continue;
      const html = await fetched(chart.dataset.again);
      if (html) (chart.closest("[data-kept]") ?? chart).outerHTML = html;
    }
    for (const place of document.querySelectorAll("[data-place][data-load]:empty")) {
      place.innerHTML = await fetched(place.dataset.load);
    }
    document.dispatchEvent(new Event("live-shown"));
  };
  document.addEventListener("live-shown", drawNew);
  setInterval(renew, AGAIN_MS);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => [...drawn.keys()].forEach(draw));
  drawNew();
})();
