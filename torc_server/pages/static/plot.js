// Draws what the attempts of a job used beside their limits; the table below holds the same numbers.
"use strict";
(() => {
  const HEIGHT = 220;
  const place = document.querySelector("[data-plot]");
  if (!place || !window.uPlot) return;
  const rows = JSON.parse(place.dataset.plot);
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const attempts = rows.map((_, index) => index + 1);

  function draw(title, unit, used, limit) {
    if (!rows.some((row) => row[used] !== null)) return;
    const box = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = `${title} by attempt, in ${unit}; the line is the limit`;
    box.append(caption);
    place.append(box);
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line") } };
    const options = {
      width: Math.max(place.clientWidth, 280),
      height: HEIGHT,
      cursor: { show: false },
      legend: { show: false },
      scales: { x: { time: false, range: [0.5, rows.length + 0.5] }, y: { range: (_, low, high) => [0, high * 1.1 || 1] } },
      axes: [{ ...axis, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? tick : "")) }, axis],
      series: [
        {},
        { label: title, stroke: colour("--main"), fill: colour("--main"), paths: uPlot.paths.bars({ size: [0.5, 60] }) },
        { label: "limit", stroke: colour("--bad"), width: 2, dash: [6, 4], points: { show: true } },
      ],
    };
    new uPlot(options, [attempts, rows.map((row) => row[used]), rows.map((row) => row[limit])], box);
  }

  draw("Peak memory", "MiB", "memory", "memory_limit");
  draw("Time", "minutes", "minutes", "minutes_limit");
})();
