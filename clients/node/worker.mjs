// SPDX-License-Identifier: Apache-2.0
/**
 * Run Starburst tasks in Node.js.
 *
 *     import { serve } from "./worker.mjs";
 *
 *     serve({
 *       square: (x) => x * x,
 *       price: async ([symbol, strike], task) => { … },
 *     });
 *
 * `starburst worker --serve 'node program.mjs'` starts the program, a process per slot, and gives it one
 * task after another: the child's side of docs/worker-protocol.md. What it prints goes to the worker's log.
 *
 * Copy this file into your program. It needs @msgpack/msgpack, and nothing of AWS.
 *
 * @module worker
 */

import { writeSync } from "node:fs";
import { Socket } from "node:net";
import { exit } from "node:process";

import { decode, Encoder, ExtData } from "@msgpack/msgpack";

const MAX_VALUE_DEPTH = 62;
const MAX_STACK = 8 << 10;

/** Throw it in a handler when no further attempt can help: the task has failed for good. Whatever else is thrown is tried again. */
export class PermanentError extends Error {
  name = "PermanentError";
}

/** A failure in the protocol's own words. */
class Failure extends Error {
  constructor(/** @type {string} */ message, /** @type {Record<string, unknown>} */ frame) {
    super(message);
    this.frame = { message, ...frame };
  }
}

// ---------------------------------------------------------------- the child

/**
 * What a handler is told of its task, its second argument.
 * @typedef {object} Task
 * @property {string} handler
 * @property {string | null} job the job's id; null for a task without a job
 * @property {string | null} task the id of a task without a job
 * @property {number} index in its job
 * @property {number} attempt from 1
 * @property {number | null} deadlineMs
 * @property {number | null} timeoutMs
 * @property {string | null} trace
 * @property {AbortSignal} signal aborted when the result is not wanted any more: its time limit has passed, its job was
 *   cancelled, or the worker stops. A handler that goes on is killed a second later.
 * @property {(done: number, total: number, message?: string) => void} progress tells the worker's log how far it is
 * @property {(level: "debug" | "info" | "warn" | "error", message: string, fields?: object) => void} log
 * @property {(seed: number | bigint) => Stream} stream the task's own random numbers
 */

/**
 * Runs tasks of the handlers, one at a time, until the worker says bye. A handler gets the task's argument and a
 * Task, and returns the result, or a promise of it. What it throws fails the attempt, and the task is run
 * again up to its job's attempts; PermanentError ends it at once.
 * @param {Record<string, (argument: any, task: Task) => unknown>} handlers by name
 */
export function serve(handlers) {
  const env = process.env;
  if (env.STARBURST_PROTOCOL === undefined) {
    console.error("this program is a worker: start it by: starburst worker --serve 'node PROGRAM'");
    exit(64);
  }
  if (!env.STARBURST_PROTOCOL.split(/[ ,]+/).includes("1")) {
    console.error(`the worker speaks version ${env.STARBURST_PROTOCOL} of the protocol, this helper version 1`);
    exit(76);
  }
  const all = new Map(Object.entries(handlers));
  if (env.STARBURST_SELFTEST === "1") for (const [name, handler] of Object.entries(selftest)) all.set(name, handler);
  if (all.size === 0) {
    console.error("no handler is given: serve({name: function})");
    exit(64);
  }
  new Child(all, Number(env.STARBURST_FD_IN ?? 3), Number(env.STARBURST_FD_OUT ?? 4), Number(env.STARBURST_MAX_FRAME ?? 64 << 20)).start();
}

class Child {
  #handlers;
  #in;
  #out;
  #max;
  /** @type {any[]} task frames, and null for bye */
  #frames = [];
  #busy = false;
  #given = 0; // the last id that was read
  #unwanted = [0, 0]; // the ids from the first up to the second are cancelled
  #running = 0; // the id of the task that runs; 0 is none
  #abort = new AbortController();
  #encoder = new Encoder({ useBigInt64: true, maxDepth: 4 * MAX_VALUE_DEPTH });

  constructor(/** @type {Map<string, Function>} */ handlers, /** @type {number} */ fdIn, /** @type {number} */ fdOut, /** @type {number} */ max) {
    this.#handlers = handlers;
    this.#in = new Socket({ fd: fdIn, readable: true, writable: false });
    this.#out = fdOut;
    this.#max = max;
  }

  start() {
    const lang = `node ${process.versions.node}`;
    this.#send({ t: "hello", v: 1, handlers: [...this.#handlers.keys()], lang, lib: "worker.mjs 1", pid: process.pid });
    /** @type {Buffer[]} */
    let parts = [];
    let have = 0;
    let want = 4;
    this.#in.on("data", (part) => {
      parts.push(/** @type {Buffer} */ (part));
      have += part.length;
      if (have < want) return;
      let b = parts.length === 1 ? parts[0] : Buffer.concat(parts);
      while (b.length >= 4 && b.length >= (want = 4 + b.readUInt32BE(0))) {
        this.#read(b.subarray(4, want));
        b = b.subarray(want);
      }
      if (b.length < 4) want = 4;
      parts = [b];
      have = b.length;
    });
    this.#in.on("close", () => exit(0)); // the worker is gone
    this.#in.on("error", () => exit(0));
  }

  #read(/** @type {Uint8Array} */ payload) {
    const frame = /** @type {any} */ (decode(payload, { useBigInt64: true }));
    if (frame.t === "task") {
      frame.id = Number(frame.id);
      this.#given = frame.id + frame.tasks.length - 1;
      this.#frames.push(frame);
    } else if (frame.t === "bye") {
      this.#frames.push(null);
    } else if (frame.t === "cancel") {
      this.#unwanted = [Number(frame.id), this.#given + 1];
      if (this.#running && this.#isUnwanted(this.#running)) this.#abort.abort(new Error(`the task is cancelled: ${frame.reason}`));
    }
    if (!this.#busy) this.#work();
  }

  #isUnwanted(/** @type {number} */ id) {
    return this.#unwanted[0] <= id && id < this.#unwanted[1];
  }

  async #work() {
    this.#busy = true;
    while (this.#frames.length > 0) {
      const frame = this.#frames.shift();
      if (frame === null) exit(0);
      await this.#tasks(frame);
    }
    this.#busy = false;
  }

  /** Runs the tasks of a frame, answering each before the next begins. */
  async #tasks(/** @type {any} */ frame) {
    const handler = this.#handlers.get(frame.handler);
    let id = frame.id;
    for (const [index, argument] of frame.tasks) {
      const task = this.#task(frame, Number(index), id);
      /** @type {Record<string, unknown>} */
      let answer;
      try {
        if (!handler) throw new Failure(`no handler ${JSON.stringify(frame.handler)} here`, { permanent: true });
        if (this.#isUnwanted(id)) throw new Error("the task was cancelled before it began");
        const value = argumentOf(argument);
        this.#running = id;
        let result = handler(value, task);
        if (typeof result?.then === "function") result = await result; // not of others: a turn of the loop is as long as a small task
        this.#running = 0;
        answer = { t: "done", id, result: this.#result(result) };
      } catch (e) {
        this.#running = 0;
        answer = { t: "fail", id, ...failureOf(e) };
      }
      this.#send(answer);
      id++;
    }
  }

  /** @returns {Task} */
  #task(/** @type {any} */ frame, /** @type {number} */ index, /** @type {number} */ id) {
    if (this.#abort.signal.aborted) this.#abort = new AbortController();
    const number = (/** @type {any} */ n) => (n === undefined || n === null ? null : Number(n));
    return {
      handler: frame.handler, job: frame.job ?? null, task: frame.task ?? null, index, attempt: Number(frame.attempt ?? 1),
      deadlineMs: number(frame.deadline_ms), timeoutMs: number(frame.timeout_ms), trace: frame.trace ?? null, signal: this.#abort.signal,
      progress: (done, total, message = "") => this.#tell(id, { t: "progress", id, done, total, message }),
      log: (level, message, fields = {}) => this.#tell(id, { t: "log", id, level, message, fields: plain(fields, MAX_VALUE_DEPTH) }),
      stream: (seed) => new Stream(seed, index),
    };
  }

  #tell(/** @type {number} */ id, /** @type {object} */ frame) {
    if (this.#running === id) this.#send(frame); // what a task has left behind may not speak for the next
  }

  #result(/** @type {unknown} */ value) {
    let packed;
    try {
      packed = this.#encoder.encode(plain(value, MAX_VALUE_DEPTH));
    } catch (e) {
      throw new Failure(`the result cannot be encoded: ${/** @type {Error} */ (e).message}`, { kind: "result" });
    }
    if (packed.length > this.#max - 256) throw new Failure(`the result has ${packed.length} bytes; ${this.#max} are possible`, { kind: "result" });
    return packed;
  }

  #send(/** @type {object} */ frame) {
    const payload = this.#encoder.encode(frame);
    const data = Buffer.allocUnsafe(4 + payload.length);
    data.writeUInt32BE(payload.length, 0);
    data.set(payload, 4);
    let at = 0;
    while (at < data.length) {
      try {
        at += writeSync(this.#out, data, at);
      } catch (e) {
        if (/** @type {any} */ (e).code === "EPIPE") exit(0); // the worker is gone
        if (/** @type {any} */ (e).code !== "EAGAIN") throw e;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // the pipe is full: a millisecond
      }
    }
  }
}

/** @returns {Record<string, unknown>} the keys of a fail frame */
function failureOf(/** @type {unknown} */ e) {
  if (e instanceof Failure) return e.frame;
  if (!(e instanceof Error)) return { message: String(e), type: typeof e };
  const stack = Buffer.from(e.stack ?? "").subarray(0, MAX_STACK).toString(); // the innermost call comes first here
  return { message: e.message, type: e.name, stack, permanent: e instanceof PermanentError };
}

// ---------------------------------------------------------------- values

function argumentOf(/** @type {Uint8Array} */ packed) {
  try {
    return tidy(decode(packed, { useBigInt64: true }));
  } catch (e) {
    throw new Failure(`the argument is no msgpack that this helper can read: ${/** @type {Error} */ (e).message}`, { kind: "decode" });
  }
}

/** Makes numbers of bigints that are exact as numbers. @returns {any} */
function tidy(/** @type {any} */ value) {
  if (typeof value === "bigint") return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (typeof value[i] !== "number") value[i] = tidy(value[i]);
  } else if (Object.getPrototypeOf(value) === Object.prototype) {
    for (const key of Object.keys(value)) value[key] = tidy(value[key]);
  } else if (value instanceof Uint8Array) {
    return Uint8Array.from(value); // not a window on the frame
  }
  return value;
}

/** Turns a value into one that the library writes as it is meant, for readers in any language; see docs/wire-format.md §5. @returns {any} */
function plain(/** @type {any} */ value, /** @type {number} */ depth) {
  switch (typeof value) {
    case "undefined":
      return null;
    case "boolean":
    case "string":
      return value;
    case "number": // the library, told to write bigints, makes floats of whole numbers beyond 32 bits
      return Number.isSafeInteger(value) && Math.abs(value) >= 2 ** 31 ? BigInt(value) : value;
    case "bigint":
      if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new RangeError(`the integer ${value} does not fit 64 bits`);
      return value;
    case "object":
      break;
    default:
      throw new TypeError(`a ${typeof value}`);
  }
  if (value === null || value instanceof Uint8Array || value instanceof ExtData) return value;
  if (value instanceof Date) return value.toISOString();
  if (depth === 0) throw new RangeError(`it nests deeper than ${MAX_VALUE_DEPTH} levels`);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(/** @type {any} */ (value), (v) => plain(v, 0));
  if (Array.isArray(value)) return value.map((item) => plain(item, depth - 1));
  if (typeof value.toJSON === "function") return plain(value.toJSON(), depth);
  if (value instanceof Set || value instanceof RegExp || value instanceof DataView) throw new TypeError(`a ${value.constructor.name}`);
  /** @type {Record<string, any>} */
  const out = Object.create(null);
  for (const [key, item] of value instanceof Map ? value : Object.entries(value)) {
    if (typeof key !== "string") throw new TypeError(`a map with the key ${String(key)}, which is no string`);
    if (item !== undefined) out[key] = plain(item, depth - 1);
  }
  return out;
}

// ---------------------------------------------------------------- random streams

const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;
const [M0, M1, M2, M3] = lanes(MULTIPLIER);

/** The four words of 32 bits of an integer of 128, the lowest first. */
function lanes(/** @type {bigint} */ n) {
  return [0n, 32n, 64n, 96n].map((shift) => Number((n >> shift) & 0xffffffffn));
}

/** The upper 32 bits of the product of two words. */
function high(/** @type {number} */ x, /** @type {number} */ y) {
  const x0 = x & 0xffff, x1 = x >>> 16, y0 = y & 0xffff, y1 = y >>> 16;
  const middle = x1 * y0 + ((x0 * y0) >>> 16);
  return x1 * y1 + (middle >>> 16) + ((x0 * y1 + (middle & 0xffff)) >>> 16);
}

const low = (/** @type {number} */ x, /** @type {number} */ y) => Math.imul(x, y) >>> 0;

/**
 * The random numbers of one task: they depend on the seed and the task's index alone, not on the worker, the order
 * or a retry. random() gives what numpy's default_rng(SeedSequence(seed).spawn(n)[index]).random() gives,
 * and starburst.stream(seed, index) in Python.
 */
export class Stream {
  #state;
  #increment;
  /** @type {number | undefined} */
  #spare;

  constructor(/** @type {number | bigint} */ seed, /** @type {number} */ index) {
    const words = seedWords(seed, index, 8).map(BigInt);
    const [a, b, c, d] = [0, 2, 4, 6].map((k) => words[k] | (words[k + 1] << 32n));
    const increment = BigInt.asUintN(128, (c << 65n) | (d << 1n) | 1n);
    this.#increment = lanes(increment);
    this.#state = lanes(BigInt.asUintN(128, (increment + ((a << 64n) | b)) * MULTIPLIER + increment));
  }

  /** Uniform from 0 up to but not including 1. PCG XSL RR 128/64 (O'Neill 2014), in words of 32 bits, since bigints are slow. */
  random() {
    const [s0, s1, s2, s3] = this.#state;
    const [i0, i1, i2, i3] = this.#increment;
    let sum = low(s0, M0) + i0;
    const r0 = sum >>> 0;
    sum = (sum - r0) / 2 ** 32 + high(s0, M0) + low(s0, M1) + low(s1, M0) + i1;
    const r1 = sum >>> 0;
    sum = (sum - r1) / 2 ** 32 + high(s0, M1) + high(s1, M0) + low(s0, M2) + low(s1, M1) + low(s2, M0) + i2;
    const r2 = sum >>> 0;
    sum = (sum - r2) / 2 ** 32 + high(s0, M2) + high(s1, M1) + high(s2, M0) + low(s0, M3) + low(s1, M2) + low(s2, M1) + low(s3, M0) + i3;
    const r3 = sum >>> 0;
    this.#state = [r0, r1, r2, r3];
    let [upper, lower] = r3 & 0x80000000 ? [r0 ^ r2, r1 ^ r3] : [r1 ^ r3, r0 ^ r2]; // a rotation by 32 or more swaps them
    const by = (r3 >>> 26) & 31;
    if (by) [upper, lower] = [(upper >>> by) | (lower << (32 - by)), (lower >>> by) | (upper << (32 - by))];
    return ((upper >>> 0) * 2 ** 21 + (lower >>> 11)) * 2 ** -53;
  }

  /** A whole number from 0 up to but not including n, at most 2^53. */
  integer(/** @type {number} */ n) {
    return Math.floor(this.random() * n);
  }

  /** Normal with mean 0 and standard deviation 1 (Box and Muller: two at a time). */
  normal() {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.random()));
    const angle = 2 * Math.PI * this.random();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/**
 * The first n 32-bit words of numpy's SeedSequence(seed, spawn_key=(index,)), which makes well-mixed seeds of numbers
 * that are alike (M. O'Neill's seed_seq with other constants).
 */
export function seedWords(/** @type {number | bigint} */ seed, /** @type {number} */ index, /** @type {number} */ n) {
  let constant = 0x43b0d7e5;
  const mixedIn = (/** @type {number} */ value) => {
    value ^= constant;
    constant = Math.imul(constant, 0x931e8875);
    value = Math.imul(value, constant);
    return value ^ (value >>> 16);
  };
  const mix = (/** @type {number} */ x, /** @type {number} */ y) => {
    x = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
    return x ^ (x >>> 16);
  };
  const entropy = wordsOf(seed);
  while (entropy.length < 4) entropy.push(0); // a seed is padded when a key follows
  entropy.push(...wordsOf(index));
  const pool = entropy.slice(0, 4).map(mixedIn);
  for (let source = 0; source < 4; source++) {
    for (let into = 0; into < 4; into++) if (source !== into) pool[into] = mix(pool[into], mixedIn(pool[source]));
  }
  for (const word of entropy.slice(4)) for (let into = 0; into < 4; into++) pool[into] = mix(pool[into], mixedIn(word));
  constant = 0x8b51f9dd;
  return Array.from({ length: n }, (_, i) => {
    let value = pool[i % 4] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    value = Math.imul(value, constant);
    return (value ^ (value >>> 16)) >>> 0;
  });
}

/** A whole number as 32-bit words, the lowest first; 0 is one word. */
function wordsOf(/** @type {number | bigint} */ n) {
  let left = BigInt(n);
  if (left < 0n) throw new RangeError("seeds and indices are not negative");
  const words = [];
  do {
    words.push(Number(left & 0xffffffffn) | 0);
    left >>= 32n;
  } while (left > 0n);
  return words;
}

// ---------------------------------------------------------------- the self-test

/** The handlers of `starburst worker --selftest`. @type {Record<string, (argument: any, task: Task) => unknown>} */
const selftest = {
  "selftest.echo": (value) => value,
  "selftest.context": (_, { job, task, index, attempt, deadlineMs }) => ({ job, task, index, attempt, deadline_ms: deadlineMs }),
  "selftest.fail": (text) => {
    throw new Error(text);
  },
  "selftest.permanent": (text) => {
    throw new PermanentError(text);
  },
  "selftest.detail": (value) => {
    throw new Failure("it has a detail", { detail: new Encoder({ useBigInt64: true }).encode(plain(value, MAX_VALUE_DEPTH)) });
  },
  "selftest.unpackable": () => () => 0,
  "selftest.print": (text) => {
    console.log(text);
    console.error(text);
  },
  "selftest.progress": (text, task) => task.progress(1, 2, text),
  "selftest.log": (text, task) => task.log("warn", text),
  "selftest.sleep": (seconds, { signal }) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(null), seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  }),
  "selftest.exit": (status) => exit(status),
};
