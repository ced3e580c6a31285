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
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 } };
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

  const line = document.querySelector("[data-series]");
  if (line) {
    const samples = JSON.parse(line.dataset.series);
    const limit = rows.length ? rows[rows.length - 1].memory_limit : null;
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 } };
    const times = samples.map((sample) => sample[0]);
    const chart = (title, values, bound) => {
      const box = document.createElement("figure");
      const caption = document.createElement("figcaption");
      caption.textContent = title;
      box.append(caption);
      line.append(box);
      const options = {
        width: Math.max(line.clientWidth, 280),
        height: HEIGHT,
        cursor: { show: false },
        legend: { show: false },
        scales: { y: { range: (_, low, high) => [0, high * 1.1 || 1] } },
        axes: [axis, axis],
        series: [
          {},
          { stroke: colour("--main"), width: 2 },
          { stroke: colour("--bad"), width: 2, dash: [6, 4] },
        ],
      };
      new uPlot(options, [times, values, times.map(() => bound)], box);
    };
    chart("Memory over time, in MiB; the line is the limit", samples.map((sample) => sample[1] / 2 ** 20), limit);
    chart("CPU over time, in percent of one core", samples.map((sample) => sample[2]), null);
  }

  draw("Peak memory", "MiB", "memory", "memory_limit");
  draw("Time", "minutes", "minutes", "minutes_limit");
})();
