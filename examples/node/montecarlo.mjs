// SPDX-License-Identifier: Apache-2.0
// A year of a portfolio, simulated 10,000 times, a task a year; the same market and targets as the examples in Go and
// Python. The program is caller and worker: workers run it again, which `starburst` says in the environment.
import { fileURLToPath } from "node:url";

import { serve } from "../../clients/node/worker.mjs";

const [START, DAYS, MEAN, SD] = [100_000, 252, 0.0003, 0.02]; // daily returns are normal

/** Final value, deepest fall from a peak, and Sharpe ratio of one year. */
export function year(random) {
  let [value, peak, fall, sum, squares] = [START, 0, 0, 0, 0];
  for (let day = 0; day < DAYS; day++) {
    const daily = MEAN + SD * random.normal();
    value *= 1 + daily;
    peak = Math.max(peak, value);
    fall = Math.min(fall, value / peak - 1);
    sum += daily;
    squares += daily * daily;
  }
  const mean = sum / DAYS;
  return [value, fall, (mean / Math.sqrt((squares - DAYS * mean * mean) / (DAYS - 1))) * Math.sqrt(DAYS)];
}

/** Rows of name, estimate, target, and standard error of the target at 10,000 years. */
export function summarize(years) {
  const finals = years.map(([final]) => final).sort((a, b) => a - b);
  const mean = (x) => x.reduce((a, b) => a + b, 0) / x.length;
  const quantile = (p) => finals[Math.round(p * (finals.length - 1))];
  return [
    ["final value, mean", mean(finals), START * (1 + MEAN) ** DAYS, 351],
    ["final value, median", quantile(0.5), 102_551, 416],
    ["final value, 5 % of years below", quantile(0.05), 60_827, 407],
    ["final value, 5 % of years above", quantile(0.95), 172_896, 1_144],
    ["deepest fall from a peak, mean (%)", 100 * mean(years.map(([, fall]) => fall)), -29.71, 0.103],
    ["Sharpe ratio, mean", mean(years.map(([, , sharpe]) => sharpe)), 0.2388, 0.0101],
    ["chance of a loss (%)", 100 * mean(finals.map((v) => Number(v < START))), 46.84, 0.5],
  ];
}

if (process.env.STARBURST_PROTOCOL) {
  serve({ year: (seed, task) => year(task.stream(seed)) });
} else {
  const { Starburst } = await import("../../clients/node/starburst.mjs");
  const sb = await Starburst.local({ serve: [process.execPath, fileURLToPath(import.meta.url)], workers: 2 });
  const years = [];
  for await (const outcome of sb.map("year", Array(10_000).fill(42))) years.push(outcome);
  await sb.close();
  console.log("MONTE CARLO: a year of a portfolio, 10,000 times (seed 42)");
  for (const [name, estimate, target, se] of summarize(years)) {
    const away = Math.abs(estimate - target) / se;
    console.log(`${name.padEnd(36)}${estimate.toFixed(2).padStart(12)}, target ${target.toFixed(2).padStart(12)}: ${away.toFixed(1)} s.e. away`);
    if (!(away <= 4)) process.exitCode = 1;
  }
}
