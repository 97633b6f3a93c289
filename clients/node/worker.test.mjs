// SPDX-License-Identifier: Apache-2.0
// The worker's side of the Node.js helper, as a child process with the test for a parent.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";

import { decode, encode } from "@msgpack/msgpack";

import { seedWords, Stream } from "./worker.mjs";

const PROGRAM = `
import { setTimeout as sleep } from "node:timers/promises";
import { PermanentError, serve } from ${JSON.stringify(new URL("./worker.mjs", import.meta.url).href)};

serve({
  square: (x) => {
    console.log("squaring", x);
    return x * x;
  },
  later: async (x) => {
    await sleep(1);
    return { x, big: 2n ** 63n, bytes: new Uint8Array([1, 2]), map: new Map([["k", undefined]]), list: new Float64Array([0.5]) };
  },
  echo: (x) => x,
  fail: (how) => {
    throw how === "permanent" ? new PermanentError(how) : how === "text" ? "just text" : new RangeError(how);
  },
  bad: () => ({ f() {} }),
  where: (_, { handler, job, task, index, attempt, deadlineMs }) => ({ handler, job, task, index, attempt, deadlineMs }),
  draw: (seed, task) => task.stream(seed).random(),
  wait: async (how, task) => {
    task.progress(1, 2, "begun");
    await new Promise((resolve, reject) => {
      const timer = setInterval(() => {}, 1000);
      if (how === "listens") task.signal.addEventListener("abort", () => (clearInterval(timer), reject(task.signal.reason)));
    });
  },
  leaves: (_, task) => void setTimeout(() => task.log("info", "too late"), 5),
});
`;

/** A child and the parent's ends of its pipes. */
class Child {
  #queue = [];
  #wanted = [];
  #rest = Buffer.alloc(0);

  constructor(program = PROGRAM, env = {}) {
    this.process = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"], env: { ...process.env, STARBURST_PROTOCOL: "1", ...env },
    });
    this.out = "";
    this.process.stdout.on("data", (d) => (this.out += d));
    this.process.stderr.on("data", (d) => (this.out += d));
    this.process.stdio[4].on("data", (d) => this.#take(d));
    this.process.stdio[3].on("error", () => {});
    this.exit = once(this.process, "close").then(([code, signal]) => signal ?? code);
  }

  #take(part) {
    this.#rest = Buffer.concat([this.#rest, part]);
    while (this.#rest.length >= 4 && this.#rest.length >= 4 + this.#rest.readUInt32BE(0)) {
      const end = 4 + this.#rest.readUInt32BE(0);
      const frame = decode(Uint8Array.from(this.#rest.subarray(4, end)), { useBigInt64: true });
      this.#rest = this.#rest.subarray(end);
      const wanted = this.#wanted.shift();
      if (wanted) wanted(frame);
      else this.#queue.push(frame);
    }
  }

  read() {
    return this.#queue.length > 0 ? Promise.resolve(this.#queue.shift()) : new Promise((resolve) => this.#wanted.push(resolve));
  }

  send(frame, cut = 0) {
    const payload = encode(frame);
    const data = Buffer.alloc(4 + payload.length);
    data.writeUInt32BE(payload.length);
    data.set(payload, 4);
    if (!cut) return void this.process.stdio[3].write(data);
    this.process.stdio[3].write(data.subarray(0, cut));
    setTimeout(() => this.process.stdio[3].write(data.subarray(cut)), 20);
  }

  task(handler, args, { id = 1, first = 0, ...keys } = {}, cut = 0) {
    this.send({ t: "task", id, handler, tasks: args.map((arg, k) => [first + k, encode(arg)]), ...keys }, cut);
  }

  async results(n) {
    const answers = [];
    for (let i = 0; i < n; i++) {
      const a = await this.read();
      answers.push(a.t === "done" ? decode(a.result, { useBigInt64: true }) : a);
    }
    return answers;
  }
}

/** Runs the test with a child that has said hello, and ends it. */
function withChild(name, run) {
  test(name, { timeout: 60_000 }, async () => {
    const child = new Child();
    try {
      const hello = await child.read();
      assert.deepEqual([hello.t, hello.v, hello.pid], ["hello", 1, child.process.pid]);
      assert.deepEqual(hello.handlers, ["square", "later", "echo", "fail", "bad", "where", "draw", "wait", "leaves"]);
      await run(child);
    } finally {
      child.process.kill("SIGKILL");
      await child.exit;
    }
  });
}

describe("a child", () => {
  withChild("answers tasks in order and ends at bye", async (child) => {
    child.task("square", [2, 3, 4]);
    child.task("square", [1.5], { id: 4 });
    child.send({ t: "bye" });
    assert.deepEqual(await child.results(4), [4, 9, 16, 2.25]);
    assert.equal(await child.exit, 0);
    assert.equal(child.out, "squaring 2\nsquaring 3\nsquaring 4\nsquaring 1.5\n");
  });

  withChild("reads frames that come in parts, and several at once", async (child) => {
    for (const cut of [1, 4, 5, 20]) {
      child.task("square", [cut], {}, cut);
      assert.deepEqual(await child.results(1), [cut * cut]);
    }
    child.task("echo", ["x".repeat(300_000)]);
    assert.equal((await child.results(1))[0].length, 300_000);
  });

  withChild("waits for promises, and encodes what JavaScript has", async (child) => {
    child.task("later", [1, 2]);
    const [first, second] = await child.results(2);
    assert.deepEqual(first, { x: 1, big: 2n ** 63n, bytes: new Uint8Array([1, 2]), map: {}, list: [0.5] });
    assert.equal(second.x, 2);
  });

  withChild("returns what it was given", async (child) => {
    const values = [null, true, 2 ** 40, -5, 0.1, "żółw", [[], [1]], { a: { b: [1, 2] } }, new Uint8Array([0, 255]), NaN, "", Infinity];
    child.task("echo", values);
    const got = await child.results(values.length);
    assert.deepEqual(got.map((v) => (typeof v === "bigint" ? Number(v) : v)), values);
  });

  withChild("tells why a task failed", async (child) => {
    child.task("fail", ["range", "permanent", "text"]);
    const [range, permanent, text] = await child.results(3);
    assert.deepEqual([range.type, range.message, range.permanent], ["RangeError", "range", false]);
    assert.match(range.stack, /RangeError: range\n/);
    assert.deepEqual([permanent.type, permanent.permanent], ["PermanentError", true]);
    assert.equal(text.message, "just text");
    child.task("no such", [1], { id: 4 });
    child.task("bad", [1], { id: 5 });
    child.send({ t: "task", id: 6, handler: "square", tasks: [[0, new Uint8Array([0xc1])], [1, encode(5)]] });
    const [unknown, bad, undecodable, good] = await child.results(4);
    assert.ok(unknown.permanent);
    assert.deepEqual([bad.kind, undecodable.kind, good], ["result", "decode", 25]);
  });

  withChild("ignores what it does not know", async (child) => {
    child.send({ t: "weather", degrees: 20 });
    child.send({ t: "quiet", deadline_ms: 1 });
    child.send({ t: "cancel", id: 99, reason: "timeout" });
    child.task("square", [3], { colour: "red", trace: null });
    assert.deepEqual(await child.results(1), [9]);
  });

  withChild("tells a task what it is, and gives it a stream of its own", async (child) => {
    child.task("where", [null, null], { first: 7, job: "j", attempt: 2, deadline_ms: 5 });
    const [first, second] = await child.results(2);
    assert.deepEqual(first, { handler: "where", job: "j", task: null, index: 7, attempt: 2, deadlineMs: 5 });
    assert.equal(second.index, 8);
    child.task("draw", [42, 42], { id: 3, first: 6 });
    assert.deepEqual(await child.results(2), [new Stream(42, 6).random(), new Stream(42, 7).random()]);
  });

  withChild("stops a cancelled task that listens, and goes on", async (child) => {
    child.task("wait", ["listens", "listens"]);
    assert.deepEqual(await child.read(), { t: "progress", id: 1, done: 1, total: 2, message: "begun" });
    child.send({ t: "cancel", id: 1, reason: "timeout" });
    const [first, second] = await child.results(2);
    assert.match(first.message, /timeout/);
    assert.match(second.message, /before it began/);
    child.task("square", [5], { id: 3 });
    assert.deepEqual(await child.results(1), [25]);
  });

  withChild("is ended by SIGTERM when its task does not listen", async (child) => {
    child.task("wait", ["deaf"]);
    await child.read();
    child.send({ t: "cancel", id: 1, reason: "timeout" });
    child.process.kill("SIGTERM");
    assert.equal(await child.exit, "SIGTERM");
  });

  withChild("does not let a task speak that has ended", async (child) => {
    child.task("leaves", [null]);
    await child.results(1);
    child.task("later", [1], { id: 2 });
    child.task("later", [1], { id: 3 });
    child.task("later", [1], { id: 4 });
    assert.equal((await child.results(3)).filter((r) => r.t === "log").length, 0);
  });

  withChild("ends with its parent", async (child) => {
    child.task("wait", ["deaf"]);
    await child.read();
    child.process.stdio[3].end();
    assert.equal(await child.exit, 0);
  });

  test("says what it is when it is started by hand, or by a worker of the future", async () => {
    const byHand = new Child(PROGRAM, { STARBURST_PROTOCOL: undefined });
    assert.equal(await byHand.exit, 64);
    assert.match(byHand.out, /starburst worker --serve/);
    assert.equal(await new Child(PROGRAM, { STARBURST_PROTOCOL: "3,2" }).exit, 76);
  });
});

describe("random streams", () => {
  test("are numpy's, and those of starburst.stream in Python", () => {
    const stream = new Stream(42, 7);
    assert.deepEqual([stream.random(), stream.random(), stream.random()], [0.0015791460415535141, 0.09275783559869999, 0.8990427120008879]);
    assert.deepEqual(seedWords(2n ** 200n + 7n, 2 ** 31 - 1, 4), [1744246578, 3982770786, 2369842467, 2837238966]);
    assert.throws(() => new Stream(-1, 0), RangeError);
  });

  test("are uniform and normal", () => {
    const stream = new Stream(1, 1);
    const n = 20_000;
    const normals = Array.from({ length: n }, () => stream.normal());
    const mean = normals.reduce((a, b) => a + b) / n;
    const variance = normals.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
    assert.ok(Math.abs(mean) < 4 / Math.sqrt(n) && Math.abs(variance - 1) < 4 * Math.sqrt(2 / n), `mean ${mean}, variance ${variance}`);
    assert.ok(Array.from({ length: 100 }, () => stream.integer(6)).every((k) => k >= 0 && k < 6));
  });
});
