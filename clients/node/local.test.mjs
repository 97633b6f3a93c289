// SPDX-License-Identifier: Apache-2.0
// Handlers in Node.js behind a real worker, on stacks that the tests start with the command of STARBURST_BIN.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Starburst, StarburstError, TaskDiedError } from "./starburst.mjs";
import { Stream } from "./worker.mjs";

const binary = process.env.STARBURST_BIN;
const skip = binary || process.env.STARBURST_TEST_LANGUAGES ? false : "no starburst command: set STARBURST_BIN";
const timeout = 90_000; // on a busy machine

const PROGRAM = `
import { PermanentError, serve } from ${JSON.stringify(new URL("./worker.mjs", import.meta.url).href)};
serve({
  square: (x) => (console.log("noise on stdout"), x * x),
  draw: (seed, task) => task.stream(seed).random(),
  fail: () => { throw new PermanentError("not this one"); },
  again: (_, { attempt }) => { if (attempt < 2) throw new Error("not yet"); return attempt; },
  die: () => process.exit(3),
});
`;

async function all(iterable) {
  const out = [];
  for await (const item of iterable) out.push(item);
  return out;
}

describe("on a stack of its own", { skip, timeout }, () => {
  const folder = mkdtempSync(join(tmpdir(), "starburst test's "));
  const program = join(folder, "program.mjs");
  let sb;
  before(async () => {
    writeFileSync(program, PROGRAM);
    sb = await Starburst.local({ serve: [process.execPath, program] });
  });
  after(async () => {
    await sb?.close();
    rmSync(folder, { recursive: true });
  });

  test("map yields in order, and each task has its stream", async () => {
    assert.deepEqual(await all(sb.map("square", Array(2000).keys())), Array.from(Array(2000).keys(), (x) => x * x));
    assert.deepEqual(await all(sb.map("draw", [42, 42, 42])), [0, 1, 2].map((i) => new Stream(42, i).random()));
  });

  test("an error is tried again, a permanent one is not, and a death is its own task's", async () => {
    assert.equal(await sb.run("again"), 2);
    await assert.rejects(sb.run("fail"), (e) => e.attempts === 1 && e.kind === "error" && e.reason === "PermanentError: not this one");
    await assert.rejects(sb.run("die"), (e) => e instanceof TaskDiedError && /3/.test(e.reason));
    assert.equal(await sb.run("square", 3), 9);
  });

  test("the self-test of the worker holds", () => {
    const done = spawnSync(binary, ["worker", "--selftest", "--", process.execPath, program], { encoding: "utf8", timeout });
    assert.equal(done.status, 0, done.stdout + done.stderr);
  });

  test("a stack that does not start is told", async () => {
    await assert.rejects(Starburst.local({ serve: ["node"], binary: join(folder, "none") }), StarburstError);
    await assert.rejects(Starburst.local({ serve: [process.execPath, "-e", "console.error('no worker')"] }), /no worker|hello/);
  });

  test("the example's numbers are near their targets, and nothing is left behind", () => {
    const example = fileURLToPath(new URL("../../examples/node/montecarlo.mjs", import.meta.url));
    const done = spawnSync(process.execPath, [example], { encoding: "utf8", timeout, env: { ...process.env, TMPDIR: folder } });
    assert.equal(done.status, 0, done.stdout + done.stderr);
    assert.match(done.stdout, /Sharpe ratio/);
    assert.deepEqual(readdirSync(folder), ["program.mjs"]);
  });
});
