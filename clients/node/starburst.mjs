// SPDX-License-Identifier: Apache-2.0
/**
 * Call Starburst handlers from Node.js.
 *
 *     import { Starburst } from "./starburst.mjs";
 *
 *     const sb = new Starburst();
 *     for await (const price of sb.map("price", options)) console.log(price); // a job: chunked, in order
 *     const one = await sb.run("price", ["AAPL", 187.25]);                    // a task of its own
 *
 * The stack is found in the environment (STARBURST_QUEUE_URL, STARBURST_TABLE, STARBURST_BUCKET,
 * STARBURST_FLEET), as `starburst dev` and `starburst init` print it. A handler is named, never
 * shipped: the code that runs is the workers' own.
 *
 * Copy this file into your program. It needs @aws-sdk/client-sqs, -dynamodb and -s3 and
 * @msgpack/msgpack, and to read compressed results Node.js 22.15 or the package fzstd.
 *
 * @module starburst
 */

import { spawn } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleepFor } from "node:timers/promises";
import * as zlib from "node:zlib";

import {
  BatchGetItemCommand, DynamoDBClient, GetItemCommand, PutItemCommand, QueryCommand, UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import { encode as msgpackEncode, ExtData } from "@msgpack/msgpack";

// Limits of the wire format (codec/limits.go), in bytes unless they count something.
const MAX_INDEX = 2 ** 31 - 1;
const MAX_TASKS = 10_000;
const MAX_BODY = 1 << 20;
const MAX_RAW = 8 << 20;
const MAX_DEPTH = 64;
const MAX_VALUE_DEPTH = MAX_DEPTH - 2;
const MAX_KEYS = 32;
const MAX_OFFLOAD = 256 << 20;
const MAX_DEADLINE = 253402300799999; // the end of the year 9999, in Unix ms
const CHECKED_KEYS = 64; // larger maps are their reader's business

// ---------------------------------------------------------------- errors

/** Whatever this module throws of its own. */
export class StarburstError extends Error {
  constructor(/** @type {string} */ message, /** @type {ErrorOptions} */ options = {}) {
    super(message, options);
    this.name = this.constructor.name;
  }
}

/** Bytes that are not a message. `reason` is one word, `detail` is for people. */
export class BadMessageError extends StarburstError {
  constructor(/** @type {string} */ reason, /** @type {string} */ detail) {
    super(`bad message (${reason}): ${detail}`);
    this.reason = reason;
    this.detail = detail;
  }
}

/** An argument that msgpack cannot carry to every language. */
export class ArgumentError extends StarburstError {}

/** An argument that fits neither a message nor, for want of one, a bucket. */
export class ArgumentTooLargeError extends ArgumentError {}

/** Messages that SQS did not confirm: `unsent` maps each one's position to the reason. */
export class SendError extends StarburstError {
  constructor(/** @type {Map<number, string>} */ unsent, /** @type {number} */ total, /** @type {unknown} */ cause) {
    const first = Math.min(...unsent.keys());
    super(`${unsent.size} of ${total} messages were not confirmed; the first is number ${first}: ${unsent.get(first)}`, { cause });
    this.unsent = unsent;
  }
}

/** A job that is on the queue in part: `confirmed` of the `n` tasks of `job`. The cause tells why. */
export class PartlySentError extends StarburstError {
  constructor(/** @type {string} */ job, /** @type {number} */ confirmed, /** @type {number} */ n, /** @type {unknown} */ cause) {
    super(`job ${job}: ${confirmed} of ${n} tasks are enqueued; createJob with this jobId and the same arguments sends the rest`, { cause });
    Object.assign(this, { job, confirmed, n });
  }
}

/**
 * A task that failed for good. `kind` is error, panic, decode, timeout, deadline, died or result;
 * `reason` and `workerStack` are the handler's message and stack; `attempts` is how often it ran;
 * `argument` is what it was given.
 */
export class TaskError extends StarburstError {
  constructor(
    /** @type {number} */ index, /** @type {string} */ kind, /** @type {string} */ reason,
    /** @type {string} */ workerStack = "", attempts = 0, /** @type {unknown} */ argument = null,
  ) {
    super(`task ${index} failed (${kind}): ${reason}`);
    this.index = index;
    this.kind = kind;
    this.reason = reason;
    this.workerStack = workerStack;
    this.attempts = attempts;
    this.argument = argument;
  }
}

/** The task's time limit, or its message's deadline, had passed. */
export class TaskTimeoutError extends TaskError {}
/** The worker died while it ran the task, more than once. */
export class TaskDiedError extends TaskError {}
/** No such job, or it has expired. */
export class NotFoundError extends StarburstError {}
/** The job's id is taken. */
export class JobExistsError extends StarburstError {}
/** The job was cancelled before all its tasks were settled. */
export class JobCancelledError extends StarburstError {}
/** No worker and no deployment has named the handler: its tasks would wait in vain. */
export class UnknownHandlerError extends StarburstError {}
/** A result item that is not what the table's schema says. */
export class CorruptResultError extends StarburstError {}

// ---------------------------------------------------------------- values

/**
 * Encodes one argument as msgpack, within the profile that every language can read.
 *
 * Beyond JSON it takes bytes (Uint8Array, Buffer), bigints of 64 bits, NaN and infinities, Dates
 * (as RFC 3339 text), typed arrays (as arrays of numbers) and Maps with string keys. A whole number
 * is written as an integer, whatever it was meant to be. Properties that are undefined are left out.
 * @param {unknown} value
 * @returns {Uint8Array}
 * @throws {ArgumentError}
 */
export function pack(value) {
  const plain = plainOf(value, MAX_VALUE_DEPTH);
  return msgpackEncode(plain, { useBigInt64: true, maxDepth: 2 * MAX_DEPTH });
}

/**
 * Turns a value into one that the library writes as it is meant; it loses Maps and writes typed arrays as bytes.
 * @returns {unknown}
 */
function plainOf(/** @type {any} */ value, /** @type {number} */ depth) {
  switch (typeof value) {
    case "undefined":
      return null;
    case "boolean":
      return value;
    case "number":
      // The library, told to write bigints, makes floats of whole numbers beyond 32 bits.
      return Number.isSafeInteger(value) && Math.abs(value) >= 2 ** 31 ? BigInt(value) : value;
    case "string":
      if (!value.isWellFormed()) throw new ArgumentError("a string with half a surrogate pair is no text");
      return value;
    case "bigint":
      if (value < -(2n ** 63n) || value >= 2n ** 64n) throw new ArgumentError(`the integer ${value} does not fit 64 bits`);
      return value;
    case "object":
      return value === null ? null : plainObject(value, depth);
  }
  throw new ArgumentError(`a ${typeof value} cannot be encoded as msgpack`);
}

/** @returns {unknown} */
function plainObject(/** @type {any} */ value, /** @type {number} */ depth) {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new ArgumentError("an invalid Date cannot be encoded");
    return value.toISOString();
  }
  if (value instanceof Uint8Array || value instanceof ExtData) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (depth === 0) throw new ArgumentError(`the argument nests deeper than ${MAX_VALUE_DEPTH} levels (or contains itself)`);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(/** @type {any} */ (value));
  if (Array.isArray(value)) return Array.from(value, (item) => plainOf(item, depth - 1));
  if (typeof value.toJSON === "function") return plainOf(value.toJSON(), depth);
  if (value instanceof Set || value instanceof WeakMap || value instanceof Promise || value instanceof DataView || value instanceof RegExp) {
    throw new ArgumentError(`a ${value.constructor.name} cannot be encoded as msgpack`);
  }
  const out = Object.create(null);
  for (const [key, item] of value instanceof Map ? value : Object.entries(value)) {
    if (typeof key !== "string") throw new ArgumentError(`the map key ${String(key)} is no string; other languages cannot read such maps`);
    if (item !== undefined) out[/** @type {string} */ (plainOf(key, 0))] = plainOf(item, depth - 1);
  }
  return out;
}

/**
 * Decodes one msgpack value from a worker. Integers beyond 2^53 become bigints, timestamps Dates,
 * other extensions ExtData, text that is not UTF-8 its bytes, keys that are no strings their JSON.
 * @param {Uint8Array} raw
 * @returns {any}
 */
export function unpack(raw) {
  const b = bufferOf(raw);
  if (skip(b, 0, MAX_DEPTH, false) !== b.length) throw new BadMessageError("msgpack", "bytes after the value");
  return valueAt(b, { at: 0 });
}

/**
 * Reads the value at cursor.at, which skip has validated.
 * @returns {any}
 */
function valueAt(/** @type {Buffer} */ b, /** @type {{at: number}} */ cursor) {
  const { kind, n, start } = head(b, cursor.at);
  if (kind === "scalar") {
    const number = numberAt(b, cursor.at);
    const word = b[cursor.at];
    cursor.at = start + n;
    if (number === undefined) return word === 0xc0 ? null : word === 0xc3;
    return typeof number === "bigint" && number >= Number.MIN_SAFE_INTEGER && number <= Number.MAX_SAFE_INTEGER ? Number(number) : number;
  }
  if (kind === "array") {
    cursor.at = start;
    return Array.from({ length: n }, () => valueAt(b, cursor));
  }
  if (kind === "map") {
    cursor.at = start;
    /** @type {Record<string, any>} */
    const out = {};
    for (let i = 0; i < n; i++) {
      const [json, end] = viewAt(b, cursor.at);
      const key = json.startsWith('"') ? JSON.parse(json) : json;
      cursor.at = end;
      // Not out[key] = …: the key may be "__proto__".
      Object.defineProperty(out, key, { value: valueAt(b, cursor), writable: true, enumerable: true, configurable: true });
    }
    return out;
  }
  const content = b.subarray(start, start + n);
  cursor.at = start + n;
  if (kind === "str") return textOf(content) ?? Uint8Array.from(content);
  if (kind === "bin") return Uint8Array.from(content);
  const code = b.readInt8(start - 1);
  const time = timestamp(code, content);
  return time ? new Date(time.second * 1000 + Math.floor(time.nano / 1e6)) : new ExtData(code, Uint8Array.from(content));
}

// ---------------------------------------------------------------- msgpack, byte by byte
//
// Foreign bytes are walked before anything is made of them: every declared length is held
// against the bytes left, nesting is bounded, small maps have no key twice.

/** @type {Record<number, number>} */
const FIXED = { 0xc0: 1, 0xc2: 1, 0xc3: 1, 0xca: 5, 0xcb: 9, 0xcc: 2, 0xcd: 3, 0xce: 5, 0xcf: 9, 0xd0: 2, 0xd1: 3, 0xd2: 5, 0xd3: 9 };
/** @type {Record<number, [string, number]>} */
const SIZED = {
  0xc4: ["bin", 1], 0xc5: ["bin", 2], 0xc6: ["bin", 4], 0xc7: ["ext", 1], 0xc8: ["ext", 2], 0xc9: ["ext", 4],
  0xd9: ["str", 1], 0xda: ["str", 2], 0xdb: ["str", 4], 0xdc: ["array", 2], 0xdd: ["array", 4], 0xde: ["map", 2], 0xdf: ["map", 4],
};
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const bufferOf = (/** @type {Uint8Array} */ raw) => Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);

/** The text, or undefined when the bytes are not UTF-8. */
function textOf(/** @type {Uint8Array} */ content) {
  try {
    return utf8.decode(content);
  } catch {
    return undefined;
  }
}

/**
 * Reads a value's first bytes: its kind ("scalar" for what has no length), its length in bytes or
 * elements, and where its content begins.
 */
function head(/** @type {Buffer} */ b, /** @type {number} */ at) {
  if (at >= b.length) throw new BadMessageError("msgpack", "ends in the middle of a value");
  const c = b[at];
  if (c < 0x80 || c >= 0xe0) return { kind: "scalar", n: 1, start: at };
  let kind, n, start;
  if (c < 0xc0) {
    [kind, n] = c < 0x90 ? ["map", c & 15] : c < 0xa0 ? ["array", c & 15] : ["str", c & 31];
    start = at + 1;
  } else if (FIXED[c]) {
    [kind, n, start] = ["scalar", FIXED[c], at];
  } else if (c >= 0xd4 && c <= 0xd8) {
    [kind, n, start] = ["ext", 1 << (c - 0xd4), at + 2];
  } else if (SIZED[c]) {
    const width = SIZED[c][1];
    kind = SIZED[c][0];
    start = at + 1 + width + (kind === "ext" ? 1 : 0);
    n = start <= b.length ? b.readUIntBE(at + 1, width) : Infinity;
  } else {
    throw new BadMessageError("msgpack", `byte ${at} is c1, which msgpack does not use`);
  }
  if (n * (kind === "map" ? 2 : 1) > b.length - start) {
    throw new BadMessageError("msgpack", `a value at byte ${at} declares ${n}, but fewer bytes follow`);
  }
  return { kind, n, start };
}

/** Validates the value at `at` and returns where it ends. */
function skip(/** @type {Buffer} */ b, /** @type {number} */ at, /** @type {number} */ depth, /** @type {boolean} */ unique) {
  const { kind, n, start } = head(b, at);
  if (kind !== "array" && kind !== "map") return start + n;
  if (depth === 0) throw new BadMessageError("limit", `nested too deep at byte ${at}`);
  const seen = unique && kind === "map" && n <= CHECKED_KEYS ? new Set() : null;
  let end = start;
  for (let i = 0; i < n; i++) {
    if (kind === "map") {
      const from = end;
      end = skip(b, from, depth - 1, unique);
      if (seen) {
        const key = mapKey(b, from, end);
        if (seen.has(key)) throw new BadMessageError("msgpack", `map with a duplicate key at byte ${from}`);
        seen.add(key);
      }
    }
    end = skip(b, end, depth - 1, unique);
  }
  return end;
}

/** What tells a map's key from the others, whatever the form of its length or number. */
function mapKey(/** @type {Buffer} */ b, /** @type {number} */ from, /** @type {number} */ end) {
  const { kind, n, start } = head(b, from);
  if (kind === "str" || kind === "bin") return `${kind}:${b.toString("latin1", start, start + n)}`;
  const number = numberAt(b, from);
  if (number === undefined) return `other:${b.toString("latin1", from, end)}`;
  const whole = wholeOf(number);
  if (whole !== undefined || typeof number === "bigint") return `number:${whole ?? number}`;
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(number);
  return `float:${bits.toString("hex")}`;
}

/** The number at `at`, integers as bigints; undefined for what is no number. */
function numberAt(/** @type {Buffer} */ b, /** @type {number} */ at) {
  const c = b[at];
  if (c < 0x80) return BigInt(c);
  if (c >= 0xe0) return BigInt(c - 256);
  switch (c) {
    case 0xca: return b.readFloatBE(at + 1);
    case 0xcb: return b.readDoubleBE(at + 1);
    case 0xcc: return BigInt(b[at + 1]);
    case 0xcd: return BigInt(b.readUInt16BE(at + 1));
    case 0xce: return BigInt(b.readUInt32BE(at + 1));
    case 0xcf: return b.readBigUInt64BE(at + 1);
    case 0xd0: return BigInt(b.readInt8(at + 1));
    case 0xd1: return BigInt(b.readInt16BE(at + 1));
    case 0xd2: return BigInt(b.readInt32BE(at + 1));
    case 0xd3: return b.readBigInt64BE(at + 1);
  }
  return undefined;
}

/** An integer within int64. A float counts up to 2^53, since R and JavaScript write their whole numbers so. */
function wholeOf(/** @type {bigint | number | undefined} */ number) {
  if (typeof number === "number") return Number.isInteger(number) && Math.abs(number) <= 2 ** 53 ? BigInt(number) : undefined;
  return number !== undefined && number < 2n ** 63n ? number : undefined;
}

/** Seconds since 1970 and nanoseconds of an extension that is a timestamp in the years 0 to 9999. */
function timestamp(/** @type {number} */ code, /** @type {Buffer} */ data) {
  if (code !== -1 || ![4, 8, 12].includes(data.length)) return undefined;
  let nano = 0;
  let second = 0n;
  if (data.length === 4) {
    second = BigInt(data.readUInt32BE());
  } else if (data.length === 8) {
    const both = data.readBigUInt64BE();
    nano = Number(both >> 34n);
    second = both & (2n ** 34n - 1n);
  } else {
    nano = data.readUInt32BE();
    second = data.readBigInt64BE(4);
  }
  if (nano > 999_999_999 || second < -62167219200n || second >= 253402300800n) return undefined;
  return { second: Number(second), nano };
}

// ---------------------------------------------------------------- messages

/**
 * Where a message's arguments are when they are not in it: an object in the stack's bucket.
 * @typedef {{key: string, sha256: Uint8Array, length: number, count: number}} Offload
 */

/**
 * One SQS message: a chunk of tasks of one job, or of none, that share a handler.
 * @typedef {object} Message
 * @property {string} handler names what runs the tasks ("f")
 * @property {Uint8Array[]} [args] one msgpack-encoded argument a task ("t"); see pack
 * @property {string} [job] the job's id ("j"); empty for tasks without one
 * @property {number} [first] index of the first task in the job ("q")
 * @property {number[]} [indices] index of each task when they are not first, first + 1, … ("i")
 * @property {string} [identity] of the message in its job ("m"); empty means its own root, `first`
 * @property {string} [id] identity of a message without a job ("id"); whoever may send it twice sets it
 * @property {number} [attempt] 1-based ("a")
 * @property {number} [deadline] when running it stops making sense, in Unix ms; 0 is never ("dl")
 * @property {string} [trace] a W3C traceparent ("tp")
 * @property {Offload} [offload] where the arguments are when they are not in args
 */

const wrong = (/** @type {string} */ detail) => new BadMessageError("envelope", detail);

const isText = (/** @type {string} */ s, /** @type {number} */ limit) =>
  // eslint-disable-next-line no-control-regex
  s.isWellFormed() && Buffer.byteLength(s) <= limit && !/[\x00-\x1f\x7f]/.test(s);

const inRange = (/** @type {number} */ n, /** @type {number} */ low, /** @type {number} */ high) => Number.isInteger(n) && n >= low && n <= high;

/**
 * Holds the message to the rules of the format.
 * @param {Message} m
 * @throws {BadMessageError}
 */
export function checkMessage(m) {
  const { handler, args = [], job = "", first = 0, indices, identity = "", id = "", attempt = 1, deadline = 0, trace = "", offload } = m;
  if (!handler || !isText(handler, 256)) throw wrong('"f" must be 1 to 256 bytes of UTF-8 without control characters');
  if (job && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(job)) {
    throw wrong('"j" must be 1 to 128 letters, digits, ".", "_" or "-", starting with a letter or digit');
  }
  if (!isText(id, 128) || !isText(trace, 256)) throw wrong('"id" and "tp" must be at most 128 and 256 bytes of UTF-8 without control characters');
  if (!inRange(attempt, 1, MAX_INDEX) || !inRange(deadline, 0, MAX_DEADLINE)) {
    throw wrong('"a" counts from 1, "dl" in milliseconds from 1970 to the year 9999');
  }
  if (offload) {
    const { key, sha256, length } = offload;
    if (args.length || !key || !isText(key, 1024) || !inRange(length, 1, MAX_OFFLOAD) || sha256.length !== 32) {
      throw wrong('"s3", "sha" or "len" is wrong, or there is "t" beside them');
    }
  }
  const n = offload ? offload.count : args.length;
  if (!inRange(n, 1, MAX_TASKS)) throw wrong(`${n} tasks; a message holds 1 to ${MAX_TASKS}`);
  if (!inRange(first, 0, MAX_INDEX - (n - 1))) throw wrong(`"q" is ${first} for ${n} tasks; indices go from 0 to ${MAX_INDEX}`);
  if (indices) {
    const rising = indices.every((i, k) => inRange(i, k ? indices[k - 1] + 1 : first, k ? MAX_INDEX : first));
    if (indices.length !== n || !rising) throw wrong('"i" must strictly increase from "q", one index a task');
  }
  if (identity) checkIdentity(identity, first);
}

function checkIdentity(/** @type {string} */ identity, /** @type {number} */ first) {
  const [root, ...rest] = identity.split(".");
  const good = identity.length <= 512 && rest.length <= 64 && /^(0|[1-9][0-9]*)(\.r?[1-9][0-9]*)*$/.test(identity);
  if (!good || [root, ...rest].some((part) => BigInt(part.replace("r", "")) >= 2n ** 63n)) {
    throw wrong('"m" must be an index followed by up to 64 elements ".n" or ".rn"');
  }
  if (Number(root) > first || (!rest.length && Number(root) !== first)) {
    throw wrong(`"m" descends from root ${root}, but the first task is ${first}`);
  }
}

/** A header of an array or a map: fix is the byte of the shortest form, code16 that of the next. */
function header(/** @type {number} */ n, /** @type {number} */ fix, /** @type {number} */ code16) {
  if (n < 16) return Buffer.of(fix | n);
  const b = Buffer.alloc(n < 1 << 16 ? 3 : 5);
  b[0] = n < 1 << 16 ? code16 : code16 + 1;
  b.writeUIntBE(n, 1, b.length - 1);
  return b;
}
const arrayHeader = (/** @type {number} */ n) => header(n, 0x90, 0xdc);
const mapHeader = (/** @type {number} */ n) => header(n, 0x80, 0xde);

/**
 * Encodes a message as its msgpack map. What a reader would refuse is refused here.
 * @param {Message} m
 * @returns {Buffer}
 * @throws {BadMessageError}
 */
export function encodeMessage(m) {
  checkMessage(m);
  /** @type {[string, unknown][]} */
  const fields = [["v", 1], ["f", m.handler]];
  const identity = m.identity?.includes(".") ? m.identity : "";
  const attempt = (m.attempt ?? 1) > 1 ? m.attempt : 0;
  for (const [key, value] of /** @type {[string, any][]} */ ([["j", m.job], ["q", m.first], ["i", m.indices], ["m", identity],
    ["id", m.id], ["a", attempt], ["dl", m.deadline], ["tp", m.trace]])) {
    if (value) fields.push([key, value]);
  }
  if (m.offload) {
    const { key, sha256, length, count } = m.offload;
    fields.push(["s3", key], ["sha", sha256], ["len", length], ["n", count]);
  }
  const args = m.offload ? [] : (m.args ?? []);
  /** @type {Uint8Array[]} */
  const parts = [mapHeader(fields.length + (m.offload ? 0 : 1)), ...fields.flatMap(([key, value]) => [msgpackEncode(key), msgpackEncode(value)])];
  if (!m.offload) {
    for (const arg of args) {
      if (skip(bufferOf(arg), 0, MAX_VALUE_DEPTH, true) !== arg.length) throw new BadMessageError("msgpack", "bytes after an argument");
    }
    parts.push(msgpackEncode("t"), arrayHeader(args.length));
  }
  const raw = Buffer.concat(parts.concat(args));
  if (raw.length > MAX_RAW) throw new BadMessageError("limit", `${raw.length} bytes; a message has at most ${MAX_RAW}`);
  return raw;
}

/**
 * The SQS body of a message: base64 of encodeMessage. Raw msgpack must never be a body, since SQS replaces what is not text.
 * @param {Message} m
 */
export const encode = (m) => encodeMessage(m).toString("base64");

/**
 * The SQS body as JSON, for people and tests; three times as long as it need be.
 * @param {Message} m
 */
export const encodeJSON = (m) => toJSON(encodeMessage(m));

/**
 * Reads the body of an SQS message: base64 of msgpack, "z1." and base64 of zstd, or JSON.
 * Whatever else it is, however large or deep, it throws BadMessageError and nothing else.
 * @param {string} body
 * @returns {Message}
 */
export function decode(body) {
  if (Buffer.byteLength(body) > MAX_BODY) throw new BadMessageError("limit", `SQS carries at most ${MAX_BODY} bytes`);
  const text = body.replace(/^[ \t\r\n]+/, "").replace(/[ \t\r\n]+$/, "");
  if (!text) throw new BadMessageError("empty", "the body is empty");
  if (text.startsWith("{")) return decodeMessage(jsonToMsgpack(text));
  if (!text.startsWith("z1.")) return decodeMessage(fromBase64(text));
  const packed = fromBase64(text.slice(3));
  return decodeMessage(decompress(packed, Math.min(MAX_RAW, (64 << 10) + 1024 * packed.length)));
}

/** Either alphabet, padded or not, with line breaks as base64(1) makes them; strict otherwise. */
function fromBase64(/** @type {string} */ s) {
  s = s.replace(/[\r\n]/g, "");
  const std = /[-_]/.test(s) ? s.replace(/[+/]/g, "!").replaceAll("-", "+").replaceAll("_", "/") : s;
  const padded = std.endsWith("=") ? std : std.padEnd(Math.ceil(std.length / 4) * 4, "=");
  const raw = Buffer.from(padded, "base64");
  // Node.js skips what it does not know and bits that mean nothing: write it again to see them.
  if (raw.toString("base64") !== padded) throw new BadMessageError("base64", 'neither base64 nor a JSON object nor "z1."');
  if (!raw.length) throw new BadMessageError("empty", "the body holds no bytes");
  return raw;
}

/**
 * Decodes the msgpack map of a message. Its args alias raw.
 * @param {Uint8Array} raw
 * @returns {Message}
 * @throws {BadMessageError}
 */
export function decodeMessage(raw) {
  const b = bufferOf(raw);
  if (b.length > MAX_RAW) throw new BadMessageError("limit", `${b.length} bytes; a message has at most ${MAX_RAW}`);
  const { kind, n, start } = head(b, 0);
  if (kind !== "map") throw wrong("the body is no map");
  if (n > MAX_KEYS) throw new BadMessageError("limit", `${n} keys; an envelope has at most ${MAX_KEYS}`);
  const fields = new Fields(b);
  const seen = new Set();
  let at = start;
  for (let i = 0; i < n; i++) {
    const end = skip(b, at, MAX_DEPTH - 1, false);
    const key = fields.textAt(at, "a key");
    if (seen.has(key)) throw wrong(`"${key}" is there twice`);
    seen.add(key);
    at = fields.scan(key, end);
  }
  if (at !== b.length) throw new BadMessageError("msgpack", `${b.length - at} bytes after the message`);
  return fields.message();
}

/** The keys of an envelope that were found, by where their values begin. */
class Fields {
  constructor(/** @type {Buffer} */ b) {
    this.b = b;
    /** @type {Map<string, number>} */
    this.at = new Map();
    /** @type {Buffer[]} */
    this.args = [];
  }

  /** Validates the value of key and returns where it ends. */
  scan(/** @type {string} */ key, /** @type {number} */ at) {
    const { kind, n, start } = head(this.b, at);
    let end = start;
    if (key === "t" && kind === "array") {
      if (n > MAX_TASKS) throw new BadMessageError("limit", `${n} tasks; a message holds at most ${MAX_TASKS}`);
      for (let i = 0; i < n; i++) {
        const from = end;
        end = skip(this.b, from, MAX_VALUE_DEPTH, true);
        this.args.push(this.b.subarray(from, end));
      }
    } else {
      end = skip(this.b, at, MAX_DEPTH - 1, false);
    }
    if (this.b[at] !== 0xc0) this.at.set(key, at);
    return end;
  }

  textAt(/** @type {number} */ at, /** @type {string} */ what) {
    const { kind, n, start } = head(this.b, at);
    const text = kind === "str" ? textOf(this.b.subarray(start, start + n)) : undefined;
    if (text === undefined) throw wrong(`${what} is no string in UTF-8`);
    return text;
  }

  text(/** @type {string} */ key) {
    const at = this.at.get(key);
    return at === undefined ? "" : this.textAt(at, `"${key}"`);
  }

  integer(/** @type {string} */ key, /** @type {number} */ missing, /** @type {number} */ low, /** @type {number} */ high) {
    const at = this.at.get(key);
    if (at === undefined) return missing;
    const n = wholeOf(numberAt(this.b, at));
    if (n === undefined || n < low || n > high) throw wrong(`"${key}" must be an integer from ${low} to ${high}`);
    return Number(n);
  }

  indices() {
    const at = this.at.get("i");
    if (at === undefined) return undefined;
    const { kind, n, start } = head(this.b, at);
    if (kind !== "array" || n > MAX_TASKS) throw wrong('"i" must be an array with an index a task');
    const out = [];
    let next = start;
    for (let k = 0; k < n; k++) {
      const i = wholeOf(numberAt(this.b, next));
      if (i === undefined || i < 0 || i > MAX_INDEX) throw wrong(`"i" must hold integers from 0 to ${MAX_INDEX}`);
      out.push(Number(i));
      next = skip(this.b, next, 0, false);
    }
    return out;
  }

  /** @returns {Message} */
  message() {
    if (this.integer("v", 1, 1, Number.MAX_SAFE_INTEGER) !== 1) throw new BadMessageError("version", "this program knows version 1");
    const t = this.at.get("t");
    if (t !== undefined && head(this.b, t).kind !== "array") throw wrong('"t" must be an array with an argument a task');
    const indices = this.indices();
    const first = this.integer("q", indices?.[0] ?? 0, 0, MAX_INDEX);
    const count = this.integer("n", Math.max(this.args.length, indices?.length ?? 0), 1, MAX_TASKS);
    /** @type {Offload | undefined} */
    let offload;
    if (["s3", "sha", "len"].some((key) => this.at.has(key))) {
      offload = { key: this.text("s3"), sha256: this.sha(), length: this.integer("len", 0, 1, MAX_OFFLOAD), count };
    } else if (this.at.has("n") && count !== this.args.length) {
      throw wrong(`"n" is ${count} but "t" holds ${this.args.length} tasks`);
    }
    const m = {
      handler: this.text("f"), args: this.args, job: this.text("j"), first, indices, identity: this.text("m"), id: this.text("id"),
      attempt: this.integer("a", 1, 1, MAX_INDEX), deadline: this.integer("dl", 0, 0, MAX_DEADLINE), trace: this.text("tp"), offload,
    };
    checkMessage(m);
    return m;
  }

  /** 32 bytes, or their hexadecimal digits, since JSON has no binary. */
  sha() {
    const at = this.at.get("sha");
    if (at === undefined) throw wrong('"sha" is missing');
    const { kind, n, start } = head(this.b, at);
    const content = this.b.subarray(start, start + n);
    if (kind === "bin" && n === 32) return content;
    if (kind === "str" && /^[0-9a-fA-F]{64}$/.test(content.toString("latin1"))) return Buffer.from(content.toString("latin1"), "hex");
    throw wrong('"sha" must be 32 bytes, or 64 hexadecimal digits');
  }
}

// ---------------------------------------------------------------- JSON

/**
 * Renders one msgpack value as JSON: integers with all their digits and floats as such, NaN as
 * "NaN", binary as {"$bin": base64}, timestamps as RFC 3339 text, other extensions as
 * {"$ext": [type, base64]}, keys that are no strings as their JSON.
 * @param {Uint8Array} raw
 */
export function toJSON(raw) {
  const b = bufferOf(raw);
  if (skip(b, 0, MAX_DEPTH, false) !== b.length) throw new BadMessageError("msgpack", "bytes after the value");
  return viewAt(b, 0)[0];
}

/** @returns {[string, number]} the JSON of the value at `at`, and where it ends */
function viewAt(/** @type {Buffer} */ b, /** @type {number} */ at) {
  const { kind, n, start } = head(b, at);
  const content = b.subarray(start, start + n);
  switch (kind) {
    case "scalar":
      return [scalarView(b, at), start + n];
    case "str": {
      const text = textOf(content);
      return [text === undefined ? binView(content) : JSON.stringify(text), start + n];
    }
    case "bin":
      return [binView(content), start + n];
    case "ext": {
      const code = b.readInt8(start - 1);
      return [rfc3339(code, content) ?? `{"$ext":[${code},"${content.toString("base64")}"]}`, start + n];
    }
  }
  const items = [];
  let next = start;
  for (let i = 0; i < n; i++) {
    let key = "";
    let value;
    if (kind === "map") {
      [key, next] = viewAt(b, next);
      key = (key.startsWith('"') ? key : JSON.stringify(key)) + ":";
    }
    [value, next] = viewAt(b, next);
    items.push(key + value);
  }
  return [kind === "map" ? `{${items.join(",")}}` : `[${items.join(",")}]`, next];
}

const binView = (/** @type {Buffer} */ content) => `{"$bin":"${content.toString("base64")}"}`;

function scalarView(/** @type {Buffer} */ b, /** @type {number} */ at) {
  const number = numberAt(b, at);
  if (number === undefined) return b[at] === 0xc0 ? "null" : String(b[at] === 0xc3);
  if (typeof number === "bigint") return String(number);
  if (!Number.isFinite(number)) return `"${number}"`; // NaN, Infinity and -Infinity
  let text = Object.is(number, -0) ? "-0" : String(number);
  for (let digits = 1; b[at] === 0xca && digits < 10; digits++) { // the shortest text that is the same float of 32 bits
    const short = number.toPrecision(digits);
    if (Math.fround(Number(short)) === number) {
      text = Object.is(number, -0) ? "-0" : String(Number(short));
      break;
    }
  }
  return /[.e]/.test(text) ? text.replace(/e([+-])(\d)$/, "e$10$2") : `${text}.0`; // two digits of exponent, as elsewhere
}

function rfc3339(/** @type {number} */ code, /** @type {Buffer} */ data) {
  const time = timestamp(code, data);
  if (!time) return undefined;
  const fraction = time.nano ? `.${String(time.nano).padStart(9, "0").replace(/0+$/, "")}` : "";
  return `"${new Date(time.second * 1000).toISOString().slice(0, 19)}${fraction}Z"`;
}

/** Transcodes JSON to msgpack strictly: no key twice, no integers beyond 64 bits, no lone surrogates. */
function jsonToMsgpack(/** @type {string} */ text) {
  const reader = new JSONReader(text);
  reader.space();
  reader.value(0);
  reader.space();
  if (reader.at < text.length) throw reader.bad("more text after the value");
  return Buffer.concat(reader.out);
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

/** Reads JSON and writes msgpack as it goes; JSON.parse would lose 1.0, digits beyond 2^53 and keys that come twice. */
class JSONReader {
  constructor(/** @type {string} */ text) {
    this.text = text;
    this.at = 0;
    /** @type {Uint8Array[]} */
    this.out = [];
  }

  bad(/** @type {string} */ what) {
    return new BadMessageError("json", `${what} at character ${this.at}`);
  }

  space() {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at++;
  }

  /**
   * Reads a value and returns it if it is a string, an integer, or an array of two: what $bin and $ext look at.
   * @returns {string | bigint | unknown[] | undefined}
   */
  value(/** @type {number} */ depth) {
    const c = this.text[this.at];
    if (c === "{" || c === "[") {
      if (depth >= MAX_DEPTH) throw new BadMessageError("limit", `nested deeper than ${MAX_DEPTH} levels`);
      return c === "{" ? this.object(depth + 1) : this.array(depth + 1);
    }
    if (c === '"') return this.string();
    for (const [word, code] of /** @type {[string, number][]} */ ([["null", 0xc0], ["false", 0xc2], ["true", 0xc3]])) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        this.out.push(Buffer.of(code));
        return undefined;
      }
    }
    return this.number();
  }

  /** @returns {unknown[] | undefined} */
  array(/** @type {number} */ depth) {
    const head = this.out.push(Buffer.of(0)) - 1;
    const items = [];
    let n = 0;
    for (this.open(); this.text[this.at] !== "]"; this.separator("]")) {
      const item = this.value(depth);
      if (n++ < 2) items.push(item);
    }
    this.at++;
    this.out[head] = arrayHeader(n);
    return n === 2 ? items : undefined;
  }

  object(/** @type {number} */ depth) {
    const head = this.out.push(Buffer.of(0)) - 1;
    const keys = new Set();
    let n = 0;
    let key = "";
    let value;
    for (this.open(); this.text[this.at] !== "}"; this.separator("}")) {
      if (this.text[this.at] !== '"') throw this.bad("want a key in double quotes");
      keys.add((key = this.string()));
      this.space();
      if (this.text[this.at++] !== ":") throw this.bad('want ":"');
      this.space();
      value = this.value(depth);
      n++;
    }
    this.at++;
    this.out[head] = mapHeader(n);
    if (keys.size < n && n <= CHECKED_KEYS) throw this.bad("an object with a duplicate key ends");
    if (n === 1) this.escape(head, key, value);
    return undefined;
  }

  open() {
    this.at++;
    this.space();
  }

  /** After an element: a comma and another one, or the closing bracket. */
  separator(/** @type {string} */ close) {
    this.space();
    if (this.text[this.at] === close) return;
    if (this.text[this.at] !== ",") throw this.bad(`want "," or "${close}"`);
    this.open();
    if (this.text[this.at] === close) throw this.bad("no JSON value");
  }

  /** Replaces {"$bin": …} and {"$ext": […]}, written from head on, by what they stand for. */
  escape(/** @type {number} */ head, /** @type {string} */ key, /** @type {unknown} */ value) {
    if (key === "$bin" && typeof value === "string") {
      this.out.splice(head, this.out.length - head, msgpackEncode(this.base64(value)));
    } else if (key === "$ext" && Array.isArray(value) && typeof value[0] === "bigint" && typeof value[1] === "string" && value[0] >= -128n && value[0] <= 127n) {
      this.out.splice(head, this.out.length - head, msgpackEncode(new ExtData(Number(value[0]), this.base64(value[1]))));
    }
  }

  base64(/** @type {string} */ s) {
    s = s.replace(/[\r\n]/g, "");
    if (s.length % 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(s)) throw this.bad("base64 that is none ends");
    return new Uint8Array(Buffer.from(s, "base64"));
  }

  string() {
    let end = this.at + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === "\\" ? 2 : 1;
    let s;
    try {
      s = JSON.parse(this.text.slice(this.at, end + 1));
    } catch {
      throw this.bad("a string that is none begins");
    }
    if (!s.isWellFormed()) throw this.bad("a string with half a surrogate pair begins");
    this.out.push(msgpackEncode(s));
    this.at = end + 1;
    return s;
  }

  number() {
    NUMBER.lastIndex = this.at;
    const text = NUMBER.exec(this.text)?.[0];
    if (text === undefined) throw this.bad("no JSON value");
    this.at += text.length;
    if (/[.eE]/.test(text)) {
      if (!Number.isFinite(Number(text))) throw this.bad("a number that does not fit a 64-bit float ends");
      const b = Buffer.alloc(9, 0xcb);
      b.writeDoubleBE(Number(text), 1);
      this.out.push(b);
      return undefined;
    }
    const n = text.length > 24 ? 2n ** 64n : BigInt(text);
    if (n < -(2n ** 63n) || n >= 2n ** 64n) throw this.bad("an integer that does not fit 64 bits (a float needs a decimal point) ends");
    this.out.push(msgpackEncode(n > -(2n ** 31n) && n < 2n ** 31n ? Number(n) : n, { useBigInt64: true }));
    return n;
  }
}

// ---------------------------------------------------------------- zstd

/** Decompresses one or more zstd frames to at most limit bytes. */
function decompress(/** @type {Buffer} */ packed, /** @type {number} */ limit) {
  const parts = [];
  let left = limit;
  for (const { frame, window, content } of frames(packed)) {
    // What a frame declares is reserved before it is read.
    if ((content ?? 0) > left || window > MAX_RAW) throw new BadMessageError("zstd", `a frame wants ${content ?? window} bytes of memory`);
    const part = unzstd(frame, left);
    if (content !== undefined && content !== part.length) throw new BadMessageError("zstd", `a frame of ${part.length} bytes declares ${content}`);
    left -= part.length;
    parts.push(part);
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

function unzstd(/** @type {Buffer} */ frame, /** @type {number} */ limit) {
  const tooLong = () => new BadMessageError("zstd", `it becomes more than the ${limit} bytes that are allowed`);
  const native = /** @type {any} */ (zlib).zstdDecompressSync; // from Node.js 22.15 on
  /** @type {Buffer} */
  let out;
  try {
    if (native) {
      out = native(frame, { maxOutputLength: limit + 1 });
    } else {
      const { Decompress } = /** @type {any} */ (fzstd());
      /** @type {Uint8Array[]} */
      const chunks = [];
      let size = 0;
      const stream = new Decompress((/** @type {Uint8Array} */ chunk) => {
        if ((size += chunk.length) > limit) throw tooLong();
        chunks.push(chunk.slice());
      });
      stream.push(new Uint8Array(frame), true);
      out = Buffer.concat(chunks);
    }
  } catch (e) {
    if (e instanceof StarburstError) throw e;
    throw new BadMessageError("zstd", e instanceof Error ? e.message : String(e));
  }
  if (out.length > limit) throw tooLong();
  return out;
}

function fzstd() {
  try {
    return createRequire(import.meta.url)("fzstd");
  } catch {
    throw new StarburstError("compressed data needs Node.js 22.15 or the package fzstd");
  }
}

/** The frames of zstd data (RFC 8878, section 3), with the window and, if it is there, the content size that each declares. Skippable ones are left out. */
function* frames(/** @type {Buffer} */ b) {
  const cut = () => new BadMessageError("zstd", "the frame is cut short");
  const u = (/** @type {number} */ at, /** @type {number} */ width) => {
    if (at + width > b.length) throw cut();
    return width === 8 ? Number(b.readBigUInt64LE(at)) : width ? b.readUIntLE(at, width) : 0;
  };
  for (let at = 0; at < b.length; ) {
    const magic = u(at, 4);
    if ((magic & 0xfffffff0) >>> 0 === 0x184d2a50) {
      at += 8 + u(at + 4, 4);
      if (at > b.length) throw cut();
      continue;
    }
    if (magic !== 0xfd2fb528) throw new BadMessageError("zstd", "no frame of zstd");
    const descriptor = u(at + 4, 1);
    const single = (descriptor >> 5) & 1;
    const dictionary = [0, 1, 2, 4][descriptor & 3];
    const sizeWidth = [single, 2, 4, 8][descriptor >> 6];
    let next = at + 5;
    let window = 0;
    if (!single) {
      const exponent = u(next++, 1);
      window = 2 ** (10 + (exponent >> 3)) * (1 + (exponent & 7) / 8);
    }
    if (u(next, dictionary)) throw new BadMessageError("zstd", "the frame needs a dictionary");
    next += dictionary;
    const content = sizeWidth ? u(next, sizeWidth) + (sizeWidth === 2 ? 256 : 0) : undefined;
    next += sizeWidth;
    for (let last = 0; !last; ) {
      const block = u(next, 3);
      last = block & 1;
      next += 3 + (((block >> 1) & 3) === 1 ? 1 : block >> 3); // type 1 repeats one byte
    }
    next += descriptor & 4; // the checksum
    if (next > b.length) throw cut();
    yield { frame: b.subarray(at, next), window, content };
    at = next;
  }
}

// ---------------------------------------------------------------- sending

const BATCH_COUNT = 10; // entries in one SendMessageBatch, and 1 MiB together (SQS API reference)
const GIVE_UP_AFTER = 120_000; // ms
const AT_ONCE = 8; // batches under way
const ONE_ENTRY = new Set(["BatchRequestTooLong", "InvalidMessageContents", "InvalidBatchEntryId", "TooManyEntriesInBatchRequest"]);
const HOPELESS = new Set([
  "QueueDoesNotExist", "NonExistentQueue", "InvalidAddress", "InvalidSecurity", "UnsupportedOperation", "ResourceNotFoundException",
  "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnrecognizedClientException", "InvalidClientTokenId",
  "InvalidAccessKeyId", "MissingAuthenticationToken", "IncompleteSignature", "InvalidSignatureException", "SignatureDoesNotMatch",
  "ExpiredToken", "ExpiredTokenException", "OptInRequired", "NotAuthorized", "NoSuchBucket", "CredentialsProviderError",
]);
const THROTTLED = new Set(["OverLimit", "SlowDown", "TooManyRequestsException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"]);

/**
 * Groups the positions of messages of these sizes into calls, filled by count and by bytes.
 * @param {Iterable<number>} sizes
 * @returns {Generator<number[]>}
 */
export function* batches(sizes, maxCount = BATCH_COUNT, maxBytes = MAX_BODY) {
  /** @type {number[]} */
  let call = [];
  let filled = 0;
  let position = 0;
  for (const size of sizes) {
    if (call.length && (call.length === maxCount || filled + size > maxBytes)) {
      yield call;
      [call, filled] = [[], 0];
    }
    call.push(position++);
    filled += size;
  }
  if (call.length) yield call;
}

/**
 * Sends the bodies and resolves when SQS has confirmed every one, else rejects with a SendError.
 *
 * A call can succeed for some of its entries: only the others are sent again, as they are. An
 * entry that the answer does not mention counts as failed. Between tries it waits a random time
 * of up to 50 ms, doubling to 5 s; after `giveUpAfter` ms what is left is unsent.
 * @param {{send(command: SendMessageBatchCommand): Promise<any>}} sqs an SQSClient
 * @param {string} queueUrl
 * @param {string[]} bodies
 * @param {{giveUpAfter?: number, sleep?: (ms: number) => Promise<unknown>, random?: () => number, now?: () => number}} [options]
 */
export async function sendBodies(sqs, queueUrl, bodies, { giveUpAfter = GIVE_UP_AFTER, sleep = sleepFor, random = Math.random, now = Date.now } = {}) {
  const sending = new Sending(sqs, queueUrl, bodies);
  const began = now();
  while (sending.left.length) {
    const call = sending.nextCall();
    const tries = Math.max(sending.streak, sending.tries[call[0]]);
    if (tries) {
      if (now() - began > giveUpAfter) {
        sending.abandon(call);
        break;
      }
      await sleep(random() * Math.min(5000, 50 * 2 ** Math.min(tries - 1, 10)));
    }
    await sending.send(call);
  }
  if (sending.unsent.size) throw new SendError(sending.unsent, bodies.length, sending.cause);
}

/** The state of sendBodies: which entries are left, and how the last calls went. */
class Sending {
  constructor(/** @type {{send(command: any): Promise<any>}} */ sqs, /** @type {string} */ queueUrl, /** @type {string[]} */ bodies) {
    this.sqs = sqs;
    this.queueUrl = queueUrl;
    this.bodies = bodies;
    this.left = bodies.map((_, i) => i);
    this.tries = bodies.map(() => 0);
    this.why = bodies.map(() => "");
    /** @type {Map<number, string>} */
    this.unsent = new Map();
    /** @type {unknown} */
    this.cause = undefined;
    this.perCall = BATCH_COUNT; // halves when one entry spoils a whole call
    this.streak = 0; // calls since the last one that achieved something
  }

  nextCall() {
    const sizes = this.left.slice(0, this.perCall).map((i) => Buffer.byteLength(this.bodies[i]));
    const [call] = batches(sizes, this.perCall);
    return this.left.splice(0, call.length);
  }

  async send(/** @type {number[]} */ call) {
    const Entries = call.map((i, k) => ({ Id: String(k), MessageBody: this.bodies[i] }));
    let answer;
    try {
      answer = await this.sqs.send(new SendMessageBatchCommand({ QueueUrl: this.queueUrl, Entries }));
    } catch (e) {
      this.refused(call, e);
      return;
    }
    const confirmed = new Set((answer.Successful ?? []).map((/** @type {any} */ s) => s.Id));
    const failed = new Map((answer.Failed ?? []).map((/** @type {any} */ f) => [f.Id, f]));
    this.streak++;
    for (const [k, i] of call.entries()) {
      const f = failed.get(String(k));
      const why = f ? `${f.Code}: ${f.Message ?? ""}` : "SQS's answer does not mention it";
      if (confirmed.has(String(k))) {
        this.streak = 0;
      } else if (f?.SenderFault) { // it would be refused again
        this.unsent.set(i, why);
        this.streak = 0;
      } else {
        this.again(i, why);
      }
    }
  }

  again(/** @type {number} */ entry, /** @type {string} */ why) {
    this.tries[entry]++;
    this.why[entry] = why;
    this.left.push(entry);
  }

  refused(/** @type {number[]} */ call, /** @type {unknown} */ e) {
    const verdict = judge(e);
    this.cause = e;
    if (verdict === "again") {
      this.streak++;
      for (const i of call) this.again(i, String(e));
    } else if (verdict === "smaller" && call.length > 1) {
      this.perCall = Math.max(1, Math.floor(call.length / 2));
      this.left.unshift(...call);
    } else {
      for (const i of verdict === "smaller" ? call : [...call, ...this.left.splice(0)]) this.unsent.set(i, String(e));
    }
  }

  abandon(/** @type {number[]} */ call) {
    for (const i of [...call, ...this.left.splice(0)]) this.unsent.set(i, this.why[i] || "time is up");
  }
}

/** What to do about an error of a whole call: the same "again", with "smaller" calls, or "never". */
function judge(/** @type {any} */ e) {
  const name = String(e?.name ?? "").split(".").at(-1) ?? "";
  const status = e?.$metadata?.httpStatusCode ?? 0;
  if (ONE_ENTRY.has(name)) return "smaller";
  if (status >= 500 || status === 429 || THROTTLED.has(name) || name.includes("Throttl")) return "again";
  if (HOPELESS.has(name) || /^kms/i.test(name) || status === 401 || status === 403 || e instanceof TypeError || e instanceof StarburstError) return "never";
  return status >= 400 ? "smaller" : "again"; // without a status the call got no answer
}

/** Runs work on the items, up to `limit` at a time; rejects with the first failure when those under way have ended. */
async function eachAtOnce(/** @type {Iterable<any> | AsyncIterable<any>} */ items, /** @type {number} */ limit, /** @type {(item: any) => Promise<void>} */ work) {
  /** @type {Set<Promise<void>>} */
  const running = new Set();
  /** @type {unknown[]} */
  const failures = [];
  try {
    for await (const item of items) {
      const one = work(item).catch((e) => void failures.push(e)).finally(() => running.delete(one));
      running.add(one);
      if (running.size >= limit) await Promise.race(running);
      if (failures.length) break;
    }
  } catch (e) {
    failures.push(e);
  }
  await Promise.all(running);
  if (failures.length) throw failures[0];
}

// ---------------------------------------------------------------- chunks and shards

const CHUNK_BYTES = 48 << 10; // raw bytes of a message with more than one task: 64 KiB in base64, what SQS bills as one request
const CHILD_ROOM = 1 << 10; // kept free beside a large argument, for the identity and attempt of a retry

/**
 * The default number of tasks in a message: a sixteenth of a slot's share, 1 to 1000; with the
 * duration of a task known (in seconds), also no more than 30 s of work and no less than 1 s.
 */
export function chunkSize(/** @type {number} */ n, workers = 100, slots = 1, taskTime = 0) {
  const all = Math.max(1, workers) * Math.max(1, slots);
  let size = Math.min(Math.max(Math.ceil(n / (16 * all)), 1), 1000);
  if (taskTime > 0) {
    size = Math.max(size, Math.min(Math.ceil(1 / taskTime), 1000, Math.ceil(n / all)));
    size = Math.min(size, Math.max(1, Math.floor(30 / taskTime)));
  }
  return size;
}

/**
 * Cuts arguments of these sizes into messages of up to `chunk` tasks and, where there is more
 * than one, `maxBytes`; returns the number of tasks in each.
 */
export const cut = (/** @type {Iterable<number>} */ sizes, /** @type {number} */ chunk, maxBytes = CHUNK_BYTES) =>
  Array.from(batches(sizes, chunk, maxBytes), (call) => call.length);

/** FNV-1a with the finaliser of MurmurHash3, as the table's schema spreads names and roots over partitions. */
export function spread(/** @type {Uint8Array} */ name, /** @type {number} */ n) {
  let h = 2166136261;
  for (const c of name) h = Math.imul(h ^ c, 16777619);
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) % n;
}

/** The partition of the results of the message whose first task is root. */
export function shardOf(/** @type {number} */ root, /** @type {number} */ shards) {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(root);
  return shards > 1 ? spread(b, shards) : 0;
}

const shardsFor = (/** @type {number} */ messages) => (messages < 2_000 ? 1 : messages < 100_000 ? 8 : messages < 1_000_000 ? 16 : 32);

/** Zigzag varints of the differences between neighbours. */
export function encodeSizes(/** @type {number[]} */ sizes) {
  const out = [];
  let before = 0;
  for (const size of sizes) {
    let u = size >= before ? 2 * (size - before) : 2 * (before - size) - 1;
    for (; u >= 0x80; u >>= 7) out.push((u & 0x7f) | 0x80);
    out.push(u);
    before = size;
  }
  return Buffer.from(out);
}

export function decodeSizes(/** @type {Uint8Array} */ b) {
  const sizes = [];
  let [size, u, shift] = [0, 0, 0];
  for (const c of b) {
    u |= (c & 0x7f) << shift;
    shift += 7;
    if (c >= 0x80) continue;
    size += u & 1 ? -((u + 1) >> 1) : u >> 1;
    sizes.push(size);
    [u, shift] = [0, 0];
  }
  return sizes;
}

// ---------------------------------------------------------------- results

/** What became of one task: a value, or the error that it failed with for good. */
export class Outcome {
  constructor(/** @type {number} */ index, /** @type {any} */ value, /** @type {TaskError | undefined} */ error = undefined) {
    this.index = index;
    this.value = value;
    this.error = error;
  }

  /** The value; throws the error. */
  result() {
    if (this.error) throw this.error;
    return this.value;
  }
}

/**
 * A result item: what one message settled and which children carry the rest.
 * @typedef {{identity: string, ok: number[], failed: number[], children: string[], packed?: Uint8Array, s3: string, sha: Uint8Array, token: string}} Record_
 */

const RESULT_ATTRS = ["pk", "sk", "exp", "ix", "d", "s3", "sha", "tok"];

const corrupt = (/** @type {string} */ what, /** @type {unknown} */ e) =>
  new CorruptResultError(`${what}: ${e instanceof Error ? e.message : e}`, { cause: e });

/** @returns {Record_} */
export function recordOf(/** @type {any} */ item, /** @type {string} */ identity) {
  try {
    const ix = unpack(unpacked(item.ix?.B ?? Buffer.of(0, 0x80)));
    return {
      identity, ok: indicesOf(ix.o ?? []), failed: indicesOf(ix.e ?? []), children: (ix.c ?? []).map((/** @type {any} */ c) => `${identity}.${c[0]}`),
      packed: item.d?.B, s3: item.s3?.S ?? "", sha: item.sha?.B ?? new Uint8Array(), token: item.tok?.S ?? "",
    };
  } catch (e) {
    throw e instanceof StarburstError && !(e instanceof BadMessageError) ? e : corrupt(`the result item of message ${identity}`, e);
  }
}

/** Expands [gap, length, gap, length, …], each gap counted from the end of the range before. */
function indicesOf(/** @type {number[]} */ flat) {
  const out = [];
  let end = 0;
  for (let k = 0; k + 1 < flat.length; k += 2) {
    const [gap, length] = [flat[k], flat[k + 1]];
    if (!inRange(gap, 0, MAX_INDEX) || !inRange(length, 1, MAX_TASKS - out.length)) throw new Error("an index set leaves the limits");
    for (let i = end + gap; i < end + gap + length; i++) out.push(i);
    end += gap + length;
  }
  return out;
}

/** Undoes the table's packing: a first byte 0 for bytes as they are, 1 for zstd. */
function unpacked(/** @type {Uint8Array} */ b) {
  const packed = bufferOf(b);
  if (packed[0] === 0) return packed.subarray(1);
  if (packed[0] === 1) return decompress(packed.subarray(1), MAX_OFFLOAD);
  throw new Error("unknown packing");
}

/** Decodes what a record settled, in the order of the tasks. */
export function outcomesOf(/** @type {Record_} */ record, /** @type {Uint8Array | undefined} */ packed) {
  if (!record.ok.length && !record.failed.length) return [];
  try {
    const d = unpack(unpacked(packed ?? new Uint8Array()));
    const [values, failures] = [d.r ?? [], d.f ?? []];
    if (values.length !== record.ok.length || failures.length !== record.failed.length) throw new Error("other numbers of outcomes than its index says");
    const ok = record.ok.map((index, k) => new Outcome(index, values[k]));
    const failed = record.failed.map((index, k) => new Outcome(index, undefined, taskError(index, failures[k])));
    return [...ok, ...failed].sort((a, b) => a.index - b.index);
  } catch (e) {
    throw e instanceof StarburstError && !(e instanceof BadMessageError) ? e : corrupt(`the outcomes of message ${record.identity}`, e);
  }
}

function taskError(/** @type {number} */ index, /** @type {any} */ [kind, reason, stack, attempts, argument]) {
  if (attempts === undefined) throw new Error("a failure is cut short");
  const Class = kind === "timeout" || kind === "deadline" ? TaskTimeoutError : kind === "died" ? TaskDiedError : TaskError;
  return new Class(index, kind, reason, stack, attempts, argument);
}

/** Sorts a parent before its children, and children before those that `retry --failed` made (".r1"). */
export function byWalk(/** @type {Record_} */ a, /** @type {Record_} */ b) {
  const [x, y] = [a, b].map((r) => r.identity.split("."));
  for (let k = 0; k < Math.min(x.length, y.length); k++) {
    const again = Number(x[k].startsWith("r")) - Number(y[k].startsWith("r"));
    const order = again || Number(x[k].replace("r", "")) - Number(y[k].replace("r", ""));
    if (order) return order;
  }
  return x.length - y.length;
}

/** One outcome a task. Only a retry brings a second: then the first success stands, else the last failure. */
export function mergeOutcomes(/** @type {Outcome[]} */ outcomes) {
  /** @type {Map<number, Outcome>} */
  const best = new Map();
  for (const o of outcomes) {
    if (best.get(o.index)?.error ?? true) best.set(o.index, o);
  }
  return [...best.values()].sort((a, b) => a.index - b.index);
}

/** Waits between polls: a fiftieth of the time so far (5 to 100 ms), growing by a quarter up to 1 s until something comes. */
class Pace {
  constructor() {
    this.began = performance.now();
    this.grown = 0;
  }

  progress() {
    this.grown = 0;
  }

  nextWait() {
    const floor = Math.min(Math.max((performance.now() - this.began) / 50, 5), 100);
    const wait = Math.min(Math.max(this.grown, floor), 1000);
    this.grown = wait * 1.25;
    return wait;
  }
}

// ---------------------------------------------------------------- the client

/**
 * A task whose outcome is waited for: where its item will be. place is a job, or "~" and a task's id.
 * @typedef {{place: string, identity: string, resolve: (value: any) => void, reject: (reason: unknown) => void}} Pending
 */

/**
 * @typedef {object} JobOptions
 * @property {string} [jobId] default a new one. The same id with the same arguments sends again what
 *   has no result yet; with others createJob rejects with a JobExistsError
 * @property {number} [chunk] tasks in a message, 1 to 10,000; default: chunkSize(n, maxWorkers, slots, taskTime)
 * @property {number} [maxWorkers] of the fleet (100)
 * @property {number} [slots] tasks at once on each (1)
 * @property {number} [taskTime] an estimate of one task's duration, in seconds; 0 is unknown
 * @property {number} [maxAttempts] how often a failing task is run in all (3)
 * @property {number} [taskTimeout] seconds one run of a task may take, at most 42,300; 0 is none
 * @property {number} [deadline] when running the tasks stops making sense, in Unix ms; 0 is never
 * @property {number} [keep] seconds after which the job and its results may vanish (30 days)
 * @property {string} [label] free text for people
 * @property {string} [trace] a W3C traceparent for the handlers
 * @property {number} [maxCost] cap in dollars; 0 is none
 */

/** Starts `starburst dev`, which ends with its standard input: when this process does, however that ends. */
async function startStack(/** @type {string} */ binary, /** @type {string[]} */ serve, /** @type {number} */ workers) {
  const folder = await mkdtemp(join(tmpdir(), "starburst-"));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.once("exit", remove);
  const quoted = serve.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS|STARBURST)_/.test(name));
  const child = spawn(binary, ["dev", "--serve", quoted, "--workers", String(workers), "--port", "0", "--state", "node", "--json", "--until-eof"], {
    env: { ...Object.fromEntries(kept), XDG_STATE_HOME: folder }, stdio: ["pipe", "pipe", "pipe"], detached: true,
  });
  let log = "";
  child.stderr.on("data", (/** @type {Buffer} */ part) => (log = (log + part).slice(-2000)));
  const gone = new Promise((resolve) => child.once("close", resolve));
  const failed = new Promise((_, reject) => child.once("error", reject));
  try {
    const line = await Promise.race([createInterface(child.stdout)[Symbol.asyncIterator]().next(), failed]);
    const { env } = JSON.parse(line.value ?? "");
    child.unref(); // this process may end without having closed it
    for (const pipe of [child.stdin, child.stdout, child.stderr]) /** @type {any} */ (pipe).unref();
    const end = async () => {
      child.ref();
      child.stdin.end();
      await gone;
      process.removeListener("exit", remove);
      remove();
    };
    return { env, end };
  } catch (e) {
    child.kill();
    remove();
    const hint = /** @type {any} */ (e).code === "ENOENT" ? "; put the command starburst on the PATH, or name it by STARBURST_BIN" : "";
    throw new StarburstError(`\`${binary} dev\` did not start: ${log.trim() || /** @type {Error} */ (e).message}${hint}`, { cause: e });
  }
}

/** A stack: its queue, table and bucket, and the AWS clients for them. */
export class Starburst {
  #sqs;
  #db;
  #s3;
  /** @type {Set<string>} */
  #handlers = new Set();
  /** @type {{message: Message, resolve: (value: any) => void, reject: (reason: unknown) => void}[]} */
  #unsent = [];
  /** @type {Set<Pending>} */
  #pending = new Set();
  #polling = false;
  /** @type {(() => Promise<void>) | undefined} */
  #end;

  /**
   * Starts a stack on this machine, with workers that run the given program, until close or the end of this process.
   * It needs the command `starburst`.
   * @param {object} options
   * @param {string[]} options.serve the program and its arguments: ["node", "worker-program.mjs"]; see worker.mjs
   * @param {number} [options.workers] the most worker processes (2)
   * @param {string} [options.binary] default: STARBURST_BIN, else "starburst" on the PATH
   */
  static async local({ serve, workers = 2, binary = process.env.STARBURST_BIN || "starburst" }) {
    const { env, end } = await startStack(binary, serve, workers);
    const credentials = { accessKeyId: "starburst-local", secretAccessKey: "starburst-local" }; // the endpoint checks none
    const sb = new Starburst({
      queueUrl: env.STARBURST_QUEUE_URL, table: env.STARBURST_TABLE, bucket: env.STARBURST_BUCKET, fleet: env.STARBURST_FLEET,
      aws: { endpoint: env.STARBURST_LOCAL ?? env.AWS_ENDPOINT_URL, region: "us-east-1", credentials, forcePathStyle: true },
    });
    sb.#end = end;
    return sb;
  }

  /**
   * @param {object} [options]
   * @param {string} [options.queueUrl] default: STARBURST_QUEUE_URL
   * @param {string} [options.table] default: STARBURST_TABLE
   * @param {string} [options.bucket] default: STARBURST_BUCKET; without one large arguments are refused
   * @param {string} [options.fleet] default: STARBURST_FLEET, else "default"
   * @param {number} [options.linger] ms that run waits for company before it sends: SQS bills by the call (10)
   * @param {object} [options.aws] configuration for the AWS clients; default: the SDK's own, or the endpoint in STARBURST_LOCAL
   * @param {SQSClient} [options.sqs]
   * @param {DynamoDBClient} [options.dynamodb]
   * @param {S3Client} [options.s3]
   */
  constructor({ queueUrl, table, bucket, fleet, linger = 10, aws, sqs, dynamodb, s3 } = {}) {
    const { env } = process;
    this.queueUrl = queueUrl ?? env.STARBURST_QUEUE_URL ?? "";
    this.table = table ?? env.STARBURST_TABLE ?? "";
    this.bucket = bucket ?? env.STARBURST_BUCKET ?? "";
    this.fleet = fleet ?? (env.STARBURST_FLEET || "default");
    this.linger = linger;
    for (const [name, value] of [["STARBURST_QUEUE_URL", this.queueUrl], ["STARBURST_TABLE", this.table]]) {
      if (!value) throw new StarburstError(`${name} is not set: export the lines that \`starburst dev\` or \`starburst init\` prints`);
    }
    const local = env.STARBURST_LOCAL; // the laptop's endpoint; it checks no credentials
    const key = "starburst-local";
    const config = aws ?? (local ? { endpoint: local, region: "us-east-1", credentials: { accessKeyId: key, secretAccessKey: key } } : {});
    this.#sqs = sqs ?? new SQSClient({ maxAttempts: 5, ...config });
    this.#db = dynamodb ?? new DynamoDBClient({ maxAttempts: 5, ...config });
    // Virtual-hosted buckets need DNS, which an endpoint on this machine does not have.
    const forcePathStyle = Boolean(local || env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL);
    this.#s3 = s3 ?? new S3Client({ maxAttempts: 5, forcePathStyle, ...config });
  }

  /** Closes the connections of the AWS clients, and ends a stack that `local` has started. A program may also just end. */
  async close() {
    for (const client of [this.#sqs, this.#db, this.#s3]) client.destroy?.();
    await this.#end?.();
  }

  // Tasks without a job.

  /**
   * Enqueues one task without a job and resolves with its result. For many small tasks map is
   * cheaper: it chunks them.
   * @param {string} handler UnknownHandlerError when no worker or deployment has named it
   * @param {unknown} [arg] the task's argument; see pack
   * @param {{id?: string, deadline?: number}} [options] id: the task's identity, under which its result
   *   is kept (the same id again is the same task); deadline in Unix ms
   * @returns {Promise<any>} rejects with a TaskError if the task failed, a SendError if it could not be sent
   */
  async run(handler, arg, { id = randomUUID(), deadline = 0 } = {}) {
    /** @type {Message} */
    const message = { handler: nameOf(handler), args: [pack(arg)], id, deadline };
    checkMessage(message);
    await this.#checkHandler(handler);
    return new Promise((resolve, reject) => {
      if (this.#unsent.push({ message, resolve, reject }) === 1) setTimeout(() => this.#flush(), this.linger);
    });
  }

  /**
   * Waits for the result of a task of run by its id, whoever sent it.
   * @param {string} id
   * @returns {Promise<any>}
   */
  resultOf(id) {
    return new Promise((resolve, reject) => this.#await({ place: `~${id}`, identity: "0", resolve, reject }));
  }

  /** Sends the tasks that run has gathered, several calls at once. */
  async #flush() {
    const tasks = this.#unsent.splice(0).map((task) => ({ ...task, body: bodyThatFits(task.message) }));
    const small = tasks.filter(({ body }) => body !== undefined);
    const calls = Array.from(batches(small.map((task) => task.body.length)), (call) => call.map((/** @type {number} */ k) => small[k]));
    await eachAtOnce(calls, AT_ONCE, async (call) => {
      let unsent = new Map();
      try {
        await sendBodies(this.#sqs, this.queueUrl, call.map((/** @type {any} */ task) => task.body));
      } catch (e) {
  unsent = new Map([...(e instanceof SendError ? e.unsent : call).keys()].map((k) => [k, e]));
      }
      for (const [k, { message, resolve, reject }] of /** @type {any[]} */ (call).entries()) {
        if (unsent.has(k)) reject(unsent.get(k));
        else this.#await({ place: `~${message.id}`, identity: "0", resolve, reject });
      }
    });
    await eachAtOnce(tasks.filter((task) => task.body === undefined), AT_ONCE, async ({ message, resolve, reject }) => {
      try { // An argument that fits no message needs the bucket, and so a job of its own.
        const job = await this.#createJob(message.handler, message.args, { chunk: 1, deadline: message.deadline });
        this.#await({ place: job.id, identity: "0", resolve, reject });
      } catch (e) {
        reject(e);
      }
    });
  }

  #await(/** @type {Pending} */ pending) {
    this.#pending.add(pending);
    if (!this.#polling) {
      this.#polling = true;
      void this.#poll();
    }
  }

  /** Asks for the outcomes of what was sent, 100 at a time in turn, until nothing is left. */
  async #poll() {
    const pace = new Pace();
    while (this.#pending.size) {
      const asked = [...this.#pending].slice(0, 1000);
      const calls = Array.from({ length: Math.ceil(asked.length / 100) }, (_, k) => asked.slice(100 * k, 100 * k + 100));
      let settled = false;
      await eachAtOnce(calls, AT_ONCE, async (call) => {
        try {
          settled = (await this.#ask(call)) || settled;
        } catch (e) {
          if (judge(e) === "again") return; // waited out
          for (const pending of call) this.#settle(pending, undefined, e);
        }
      });
      for (const pending of asked) { // to the end of the line
        if (this.#pending.delete(pending)) this.#pending.add(pending);
      }
      if (settled) pace.progress();
      if (this.#pending.size) await sleepFor(pace.nextWait());
    }
    this.#polling = false;
  }

  /** Looks once for the outcomes of single tasks, at most 100; tells whether one came. */
  async #ask(/** @type {Pending[]} */ call) {
    /** @type {Map<string, Pending[]>} */
    const waiting = new Map(); // several may wait for one task
    for (const pending of call) {
      const key = keyOf(pending).join(" ");
      waiting.set(key, [...(waiting.get(key) ?? []), pending]);
    }
    const names = namesOf(RESULT_ATTRS);
    const Keys = Array.from(waiting.values(), ([pending]) => keyItem(...keyOf(pending)));
    const answer = await this.#db.send(new BatchGetItemCommand({
      RequestItems: { [this.table]: { Keys, ProjectionExpression: Object.keys(names).join(", "), ExpressionAttributeNames: names } },
    }));
    let settled = false;
    for (const item of /** @type {any[]} */ (answer.Responses?.[this.table] ?? [])) {
      if (expiredBy(item, Date.now() / 1000)) continue;
      const those = waiting.get(`${item.pk.S} ${item.sk.S}`) ?? [];
      const { place, identity } = those[0];
      try {
        const record = recordOf(item, identity);
        const [outcome] = await this.#outcomesOf(record, place);
        for (const pending of those) {
          if (outcome) this.#settle(pending, outcome.value, outcome.error);
          else if (record.children.length) pending.identity = record.children[0]; // a single task has one child
        }
        settled ||= outcome !== undefined;
      } catch (e) { // this task's own: its object may be missing, or its item broken
        if (judge(e) !== "again") for (const pending of those) this.#settle(pending, undefined, e);
      }
    }
    return settled;
  }

  #settle(/** @type {Pending} */ pending, /** @type {any} */ value, /** @type {unknown} */ error) {
    if (!this.#pending.delete(pending)) return;
    if (error) pending.reject(error);
    else pending.resolve(value);
  }

  // Jobs.

  /**
   * Makes a job of the arguments, one task each, and yields the results in order, each as soon as
   * it and those before it are there. Throws the TaskError of the first task that failed.
   * @param {string} handler
   * @param {Iterable<unknown> | AsyncIterable<unknown>} args
   * @param {JobOptions & {signal?: AbortSignal}} [options]
   * @returns {AsyncGenerator<any, void, void>}
   */
  async *map(handler, args, { signal, ...options } = {}) {
    const list = [];
    for await (const arg of args) list.push(arg);
    if (!list.length) return;
    yield* (await this.createJob(handler, list, options)).results({ signal });
  }

  /**
   * Makes a job of the arguments, one task each, and enqueues them in chunks. All are held in
   * memory, encoded. Resolves when SQS has confirmed every message; PartlySentError means that the
   * job exists and some tasks are not on the queue: calling again with its id as jobId sends the rest.
   * @param {string} handler UnknownHandlerError when no worker or deployment has named it
   * @param {Iterable<unknown>} args
   * @param {JobOptions} [options]
   * @returns {Promise<Job>}
   */
  async createJob(handler, args, options = {}) {
    return this.#createJob(handler, Array.from(args, pack), options);
  }

  /**
   * Finds a job, whoever made it.
   * @param {string} id
   * @returns {Promise<Job>} rejects with a NotFoundError
   */
  async job(id) {
    return this.#jobOf(await this.#meta(id));
  }

  async #createJob(/** @type {string} */ handler, /** @type {Uint8Array[]} */ packed, /** @type {JobOptions} */ options) {
    const { chunk = 0, maxWorkers = 100, slots = 1, taskTime = 0, maxAttempts = 3, taskTimeout = 0, deadline = 0 } = options;
    const { keep = 30 * 86400, label = "", trace = "", maxCost = 0 } = options;
    if (!packed.length) throw new RangeError("a job needs at least one task");
    if (!(taskTimeout >= 0 && taskTimeout <= 42_300) || !inRange(maxAttempts, 1, MAX_INDEX) || !inRange(chunk, 0, MAX_TASKS)) {
      throw new RangeError("taskTimeout is 0 to 42,300 s, maxAttempts at least 1, chunk 0 to 10,000");
    }
    const created = Date.now();
    /** @type {Message} */
    const template = { handler: nameOf(handler), job: options.jobId || newJobId(created), deadline, trace };
    const frame = encodeMessage({ ...template, args: [Buffer.of(0xc0)], first: MAX_INDEX }).length - 1 + 4;
    await this.#checkHandler(handler);
    const inline = Math.floor(MAX_BODY / 4) * 3 - frame - CHILD_ROOM;
    const limit = this.bucket ? MAX_OFFLOAD - 5 : inline;
    const large = packed.findIndex((arg) => arg.length > limit);
    if (large >= 0) {
      const hint = this.bucket ? "" : " (STARBURST_BUCKET is not set, which larger ones need)";
      throw new ArgumentTooLargeError(`argument ${large} has ${packed[large].length} bytes; ${limit} are possible${hint}`);
    }
    const sizes = cut(packed.map((arg) => arg.length), chunk || chunkSize(packed.length, maxWorkers, slots, taskTime), CHUNK_BYTES - frame);
    const sha = createHash("sha256");
    for (const arg of packed) {
      const length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(arg.length));
      sha.update(length).update(arg);
    }
    const job = new Job(this.#access(), { id: /** @type {string} */ (template.job), handler, n: packed.length, sizes, shards: shardsFor(sizes.length), created });
    const done = await this.#create(job, {
      fleet: this.fleet, sha: sha.digest(), attempts: maxAttempts, timeout_ms: Math.round(taskTimeout * 1000), cap_pico: Math.round(maxCost * 1e12),
      label, exp: Math.floor(created / 1000 + keep),
    });
    await this.#sendJob(job, template, packed, inline, done);
    return job;
  }

  /**
   * Lists the job and writes its META item, as store.CreateJob does. For a job that exists with the
   * same input it takes over its plan and returns the roots that have a result item.
   */
  async #create(/** @type {Job} */ job, /** @type {Record<string, any>} */ fields) {
    const token = randomUUID();
    const item = itemOf(`J#${job.id}`, "META", {
      id: job.id, handler: job.handler, n: job.n, shards: job.shards, created: job.created, state: "open", tok: token, ...fields,
    });
    item.confirmed = { N: "0" };
    const { sizes } = job;
    if (sizes.every((size, k) => (k < sizes.length - 1 ? size === sizes[0] : size <= sizes[0]))) {
      item.chunk = { N: String(sizes[0]) };
    } else {
      const plan = Buffer.concat([Buffer.of(0), encodeSizes(sizes)]);
      if (plan.length <= 256 << 10) {
        item.plan = { B: plan };
      } else {
        const sum = sha256(plan);
        await this.#putObject(`in/${job.id}/plan-${sum.toString("hex")}`, plan);
        item.plan_sha = { B: sum };
      }
    }
    const time = new Date(job.created).toISOString();
    const index = itemOf(`I#${time.slice(0, 4)}${time.slice(5, 7)}#${spread(Buffer.from(job.id), 4)}`, `${time}#${job.id}`, { exp: fields.exp });
    // The index goes first: an entry without its META is skipped, a META without its entry never seen.
    await this.#db.send(new PutItemCommand({ TableName: this.table, Item: index }));
    try {
      await this.#db.send(new PutItemCommand({
        TableName: this.table, Item: item, ConditionExpression: "attribute_not_exists(pk) OR #exp <= :now",
        ExpressionAttributeNames: { "#exp": "exp" }, ExpressionAttributeValues: { ":now": { N: String(Math.floor(Date.now() / 1000)) } },
      }));
      return new Set();
    } catch (e) {
      if (!(e instanceof Error) || e.name !== "ConditionalCheckFailedException") throw e;
    }
    const old = await this.#meta(job.id);
    if (old.tok?.S === token) return new Set(); // an earlier attempt of the SDK landed although its answer was lost
    const same = ["handler", "n", "fleet"].every((k) => JSON.stringify(old[k]) === JSON.stringify(item[k])) &&
      Buffer.compare(old.sha.B, item.sha.B) === 0 && old.state.S !== "cancelled";
    if (!same) throw new JobExistsError(`job ${job.id} exists with another input, handler or fleet, or was cancelled`);
    const { sizes: theirs, shards, created } = await this.#jobOf(old);
    Object.assign(job, { sizes: theirs, shards, created });
    const done = new Set();
    for (let shard = 0; shard < shards; shard++) {
      for await (const { sk } of this.#items(`R#${job.id}#${shard}`, ["sk"])) {
        if (sk.S.length === 10) done.add(Number(sk.S));
      }
    }
    return done;
  }

  /** Sends the messages whose roots are not in done, eight batches at a time, and seals the job. */
  async #sendJob(/** @type {Job} */ job, /** @type {Message} */ template, /** @type {Uint8Array[]} */ packed, /** @type {number} */ inline, /** @type {Set<number>} */ done) {
    let confirmed = 0;
    for (const [first, size] of job.roots()) confirmed += done.has(first) ? size : 0;
    let written = performance.now();
    const confirm = () => this.#update(job.id, "SET #c = :n", "#c < :n", { "#c": "confirmed" }, { ":n": confirmed });
    let failure;
    try {
      await eachAtOnce(this.#jobBatches(job, template, packed, inline, done), AT_ONCE, async (batch) => {
        try {
          await sendBodies(this.#sqs, this.queueUrl, batch.map((/** @type {any} */ m) => m.body));
          for (const { tasks } of batch) confirmed += tasks;
        } catch (e) {
          if (e instanceof SendError) for (const [k, { tasks }] of batch.entries()) confirmed += e.unsent.has(k) ? 0 : tasks;
          throw e;
        }
        if (performance.now() - written > 1000) {
          written = performance.now();
          await confirm();
        }
      });
    } catch (e) {
      failure = e;
    }
    if (confirmed) await confirm();
    if (failure) throw new PartlySentError(job.id, confirmed, job.n, failure);
    await this.#update(job.id, "SET #s = :to", "#s = :from", { "#s": "state" }, { ":to": "sealed", ":from": "open" });
  }

  /** Yields the content of each SendMessageBatch call: bodies and how many tasks each has. */
  async *#jobBatches(/** @type {Job} */ job, /** @type {Message} */ template, /** @type {Uint8Array[]} */ packed, /** @type {number} */ inline, /** @type {Set<number>} */ done) {
    /** @type {{body: string, tasks: number}[]} */
    let batch = [];
    let filled = 0;
    for (const [first, size] of job.roots()) {
      if (done.has(first)) continue;
      const args = packed.slice(first, first + size);
      /** @type {Message} */
      const m = { ...template, first, args };
      if (args.reduce((sum, arg) => sum + arg.length, 0) > inline) {
        const blob = Buffer.concat([arrayHeader(args.length), ...args]);
        const sum = sha256(blob);
        m.args = [];
        m.offload = { key: `in/${job.id}/${sum.toString("hex")}`, sha256: sum, length: blob.length, count: args.length };
        await this.#putObject(m.offload.key, blob);
      }
      const body = encode(m);
      if (batch.length && (batch.length === BATCH_COUNT || filled + body.length > MAX_BODY)) {
        yield batch;
        [batch, filled] = [[], 0];
      }
      batch.push({ body, tasks: size });
      filled += body.length;
    }
    if (batch.length) yield batch;
  }

  async #jobOf(/** @type {any} */ meta) {
    const [id, n] = [meta.id.S, Number(meta.n.N)];
    let sizes;
    if (meta.chunk) {
      const chunk = Number(meta.chunk.N);
      sizes = Array(Math.floor(n / chunk)).fill(chunk);
      if (n % chunk) sizes.push(n % chunk);
    } else {
      const sum = meta.plan_sha?.B;
      const plan = sum ? await this.#getObject(`in/${id}/plan-${Buffer.from(sum).toString("hex")}`, sum) : meta.plan.B;
      sizes = decodeSizes(unpacked(plan));
    }
    return new Job(this.#access(), { id, handler: meta.handler.S, n, sizes, shards: Number(meta.shards.N), created: Number(meta.created.N) });
  }

  async #checkHandler(/** @type {string} */ handler) {
    if (this.#handlers.has(handler)) return;
    for await (const { sk } of this.#items(`H#${this.fleet}`, ["sk"])) this.#handlers.add(sk.S);
    if (this.#handlers.has(handler)) return;
    const known = [...this.#handlers].sort().join(", ") || "none yet";
    throw new UnknownHandlerError(`no worker knows handler ${JSON.stringify(handler)}; known to fleet ${this.fleet}: ${known}`);
  }

  // The table and the bucket.

  /** What a Job needs of its stack. */
  #access() {
    return {
      meta: (/** @type {string} */ id) => this.#meta(id),
      query: (/** @type {string} */ pk, /** @type {any} */ range) => this.#query(pk, RESULT_ATTRS, range),
      outcomes: (/** @type {Record_} */ record, /** @type {string} */ place) => this.#outcomesOf(record, place),
      markDone: (/** @type {string} */ id) => this.#update(id, "SET #s = :done, #f = :at", "#s IN (:open, :sealed) AND attribute_not_exists(retried)",
        { "#s": "state", "#f": "finished" }, { ":done": "done", ":at": Date.now(), ":open": "open", ":sealed": "sealed" }),
    };
  }

  async #meta(/** @type {string} */ id) {
    const { Item } = await this.#db.send(new GetItemCommand({ TableName: this.table, Key: keyItem(`J#${id}`, "META"), ConsistentRead: true }));
    if (!Item || expiredBy(Item, Date.now() / 1000)) throw new NotFoundError(`there is no job ${JSON.stringify(id)} in table ${this.table}, or it has expired`);
    return /** @type {any} */ (Item);
  }

  /** Changes a META item if the condition holds. */
  async #update(/** @type {string} */ job, /** @type {string} */ change, /** @type {string} */ condition, /** @type {Record<string, string>} */ names, /** @type {Record<string, any>} */ values) {
    try {
      await this.#db.send(new UpdateItemCommand({
        TableName: this.table, Key: keyItem(`J#${job}`, "META"), UpdateExpression: change, ConditionExpression: `attribute_exists(pk) AND ${condition}`,
        ExpressionAttributeNames: names, ExpressionAttributeValues: Object.fromEntries(Object.entries(values).map(([k, v]) => [k, attribute(v)])),
      }));
    } catch (e) {
      if (!(e instanceof Error) || e.name !== "ConditionalCheckFailedException") throw e;
    }
  }

  /** One page of a partition's items, in order from low to high. */
  async #query(/** @type {string} */ pk, /** @type {string[]} */ attrs, /** @type {{low?: string, high?: string, start?: any}} */ { low, high, start } = {}) {
    const names = namesOf(attrs);
    const range = low === undefined ? "" : high === undefined ? " AND sk >= :a" : " AND sk BETWEEN :a AND :b";
    return this.#db.send(new QueryCommand({
      TableName: this.table, KeyConditionExpression: `pk = :pk${range}`, ExclusiveStartKey: start,
      ExpressionAttributeValues: { ":pk": { S: pk }, ...(low === undefined ? {} : { ":a": { S: low } }), ...(high === undefined ? {} : { ":b": { S: high } }) },
      ProjectionExpression: Object.keys(names).join(", "), ExpressionAttributeNames: names,
    }));
  }

  /** @returns {AsyncGenerator<any>} all items of a partition */
  async *#items(/** @type {string} */ pk, /** @type {string[]} */ attrs) {
    /** @type {any} */
    let start;
    do {
      const page = await this.#query(pk, attrs, { start });
      yield* page.Items ?? [];
      start = page.LastEvaluatedKey;
    } while (start);
  }

  async #putObject(/** @type {string} */ Key, /** @type {Uint8Array} */ Body) {
    if (!this.bucket) throw new ArgumentTooLargeError(`${Key} needs a bucket, and STARBURST_BUCKET is not set`);
    await this.#s3.send(new PutObjectCommand({ Bucket: this.bucket, Key, Body, ContentLength: Body.length, ContentType: "application/octet-stream" }));
  }

  async #getObject(/** @type {string} */ Key, /** @type {Uint8Array} */ sum) {
    if (!this.bucket) throw new StarburstError(`${Key} is in the stack's bucket, and STARBURST_BUCKET is not set`);
    const { Body, ContentLength = 0 } = await this.#s3.send(new GetObjectCommand({ Bucket: this.bucket, Key }));
    if (ContentLength > MAX_OFFLOAD) throw new CorruptResultError(`object ${Key} has ${ContentLength} bytes`);
    const bytes = await /** @type {any} */ (Body).transformToByteArray();
    if (Buffer.compare(sha256(bytes), sum) !== 0) throw new CorruptResultError(`object ${Key} does not have the SHA-256 recorded for it`);
    return bytes;
  }

  /** Decodes a record of a job, or of a task without one ("~" and its id), fetching an offloaded one. */
  async #outcomesOf(/** @type {Record_} */ record, /** @type {string} */ place) {
    if (!record.s3) return outcomesOf(record, record.packed);
    const under = place.startsWith("~") ? `~/${escapePath(place.slice(1))}` : escapePath(place);
    const want = `out/${under}/${record.identity}/${escapePath(record.token)}`;
    // Not taken on trust: whoever can write an item must not make readers fetch any object.
    if (record.s3 !== want) throw new CorruptResultError(`message ${record.identity} may point to ${want} only, not to ${record.s3}`);
    return outcomesOf(record, await this.#getObject(want, record.sha));
  }
}

/** The body, or undefined when it leaves no room for what a retry adds. */
function bodyThatFits(/** @type {Message} */ m) {
  const body = encode(m);
  return /** @type {any} */ (body.length <= MAX_BODY - (4 * CHILD_ROOM) / 3 ? body : undefined);
}

function nameOf(/** @type {unknown} */ handler) {
  if (typeof handler !== "string") throw new TypeError(`name a handler: the workers run their own code, not a ${typeof handler}`);
  return handler;
}

const sha256 = (/** @type {Uint8Array} */ b) => createHash("sha256").update(b).digest();
const keyItem = (/** @type {string} */ pk, /** @type {string} */ sk) => ({ pk: { S: pk }, sk: { S: sk } });
const namesOf = (/** @type {string[]} */ attrs) => Object.fromEntries(attrs.map((name, k) => [`#p${k}`, name]));

/** An item's own key: of a task without a job its identity as it is, of a job's message sorted by its root. */
function keyOf(/** @type {Pending} */ { place, identity }) {
  return /** @type {[string, string]} */ (place.startsWith("~") ? [`R#${place}`, identity] : [`R#${place}#0`, rootKey(identity)]);
}

/** A sort key: the root's index in ten digits, so that items sort by it. */
function rootKey(/** @type {string} */ identity) {
  const [root, ...rest] = identity.split(".");
  return [root.padStart(10, "0"), ...rest].join(".");
}

function attribute(/** @type {any} */ v) {
  return /** @type {any} */ (typeof v === "string" ? { S: v } : typeof v === "number" ? { N: String(v) } : { B: v });
}

/** An item; what is empty or zero is left out, as a missing attribute reads as zero. */
function itemOf(/** @type {string} */ pk, /** @type {string} */ sk, /** @type {Record<string, any>} */ fields) {
  /** @type {Record<string, any>} */
  const item = keyItem(pk, sk);
  for (const [name, value] of Object.entries(fields)) if (value) item[name] = attribute(value);
  return item;
}

const expiredBy = (/** @type {any} */ item, /** @type {number} */ second) => Number(item.exp?.N ?? Infinity) <= second;

/** Percent-encodes a segment of a path, as Go's url.PathEscape does. */
export const escapePath = (/** @type {string} */ s) =>
  encodeURIComponent(s).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%(24|26|2B|3D|3A|40)/g, (escaped) => decodeURIComponent(escaped));

/** 16 lowercase letters and digits that sort by time: 48 bits of milliseconds and 32 random ones. */
function newJobId(/** @type {number} */ now) {
  const n = (BigInt(now) << 32n) | BigInt(randomBytes(4).readUInt32BE());
  return n.toString(32).padStart(16, "0");
}

/** The tasks submitted together: see Starburst.createJob and Starburst.job. */
export class Job {
  #access;

  constructor(
    /** @type {any} */ access,
    /** @type {{id: string, handler: string, n: number, sizes: number[], shards: number, created: number}} */ { id, handler, n, sizes, shards, created },
  ) {
    this.#access = access;
    this.id = id;
    this.handler = handler;
    this.n = n;
    this.sizes = sizes;
    this.shards = shards;
    this.created = created;
  }

  /**
   * The first index and the number of tasks of each message, in order.
   * @returns {Generator<[number, number]>}
   */
  *roots() {
    let first = 0;
    for (const size of this.sizes) {
      yield [first, size];
      first += size;
    }
  }

  /**
   * Yields the results in the order of the tasks, each as soon as it and those before it are there.
   * Throws the TaskError of a task that failed, which ends the iteration: outcomes goes on.
   * @param {{signal?: AbortSignal}} [options] AbortSignal.timeout(ms) bounds the wait
   * @returns {AsyncGenerator<any, void, void>}
   */
  async *results(options = {}) {
    for await (const outcome of this.outcomes(options)) yield outcome.result();
  }

  /**
   * Yields what became of each task, in order, waiting for what is not settled yet. Throws
   * JobCancelledError, NotFoundError, or the signal's reason.
   * @param {{signal?: AbortSignal}} [options]
   * @returns {AsyncGenerator<Outcome, void, void>}
   */
  async *outcomes({ signal } = {}) {
    const follower = new Follower(this, this.#access, signal);
    for (const [first, size] of this.roots()) {
      const outcomes = await follower.root(first, size);
      // For lists of jobs, and before the last is yielded: the caller may not come back for more.
      if (first + size === this.n) await this.#access.markDone(this.id);
      yield* outcomes;
    }
  }
}

/**
 * Reads a job's result items in order. A shard is asked from the root that is waited for on; what
 * lies behind it is kept, about a page (1 MB) a shard.
 */
class Follower {
  constructor(/** @type {Job} */ job, /** @type {any} */ access, /** @type {AbortSignal | undefined} */ signal) {
    this.job = job;
    this.access = access;
    this.signal = signal;
    /** @type {Map<number, Map<string, Record_>>[]} */
    this.lanes = Array.from({ length: job.shards }, () => new Map());
    this.pace = new Pace();
    this.looked = performance.now();
  }

  /** The outcomes of one message's tasks, when all are settled. */
  async root(/** @type {number} */ first, /** @type {number} */ size) {
    const shard = shardOf(first, this.job.shards);
    const lane = this.lanes[shard];
    this.signal?.throwIfAborted();
    this.pace.progress();
    for (let known = -1, narrow = false; ; ) {
      const records = [...(lane.get(first)?.values() ?? [])];
      if (new Set(records.flatMap((r) => [...r.ok, ...r.failed])).size === size) {
        lane.delete(first);
        const outcomes = [];
        for (const record of records.sort(byWalk)) outcomes.push(...(await this.access.outcomes(record, this.job.id)));
        return mergeOutcomes(outcomes);
      }
      if (records.length === known) { // the last look brought nothing for this root
        narrow = lane.size > Number(lane.has(first));
        await this.wait(first);
      }
      known = records.length;
      await this.ask(shard, first, narrow);
    }
  }

  /**
   * Asks for the items from the root on: one page, or with narrow for that root alone, when the
   * last look found nothing and what lies behind it is here already.
   */
  async ask(/** @type {number} */ shard, /** @type {number} */ first, /** @type {boolean} */ narrow) {
    const low = rootKey(String(first));
    let at = first;
    /** @type {any} */
    let start;
    do {
      const page = await this.access.query(`R#${this.job.id}#${shard}`, { low, high: narrow ? `${low}~` : undefined, start });
      for (const item of page.Items ?? []) {
        if (expiredBy(item, this.job.created / 1000)) continue; // left behind by an expired job of the same id
        at = Number(item.sk.S.slice(0, 10));
        const identity = at + item.sk.S.slice(10);
        const records = this.lanes[shard].get(at) ?? new Map();
        this.lanes[shard].set(at, records);
        if (!records.has(identity)) records.set(identity, recordOf(item, identity));
      }
      start = page.LastEvaluatedKey;
    } while (start && at === first);
  }

  async wait(/** @type {number} */ first) {
    if (performance.now() - this.looked > 5000) {
      this.looked = performance.now();
      if ((await this.access.meta(this.job.id)).state.S === "cancelled") {
        throw new JobCancelledError(`job ${this.job.id} was cancelled; task ${first} has no result`);
      }
    }
    try {
      await sleepFor(this.pace.nextWait(), undefined, { signal: this.signal });
    } catch (e) {
      this.signal?.throwIfAborted(); // with the signal's own reason
      throw e;
    }
  }
}
