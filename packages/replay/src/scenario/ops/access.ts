/** Loads, stores and fetches, by the program and by the kernel for it: read write rmw call fill sum bytes kread kwrite. */
import { type AccessResult, type Process, runToEnd } from '@fourfold/core';
import type { AddressExpr } from '../number.js';
import { counted, type Operations } from '../operation.js';
import { signalLetter, signalName, sumOf } from '../results.js';
import type { World } from '../world.js';

/** What a full pipe holds, and what kwrite puts into one at most. */
const PIPE_BYTES = 65536n;
const KWRITE_BYTES = 60000n;

export const accessOps: Operations = {
  read: counted((args) => {
    const at = args.address();
    args.end();
    return (world, process) => {
      const loaded = load(process, world.address(at));
      return loaded.signal === 0 ? `ok ${loaded.value}` : signalName(loaded.signal);
    };
  }),

  write: counted((args) => {
    const at = args.address();
    const value = args.plainOr('a byte value', 1);
    args.end();
    return (world, process) => done(store(process, world.address(at), value).signal);
  }),

  rmw: counted((args) => {
    const at = args.address();
    args.end();
    return (world, process) => {
      const address = world.address(at);
      const loaded = load(process, address);
      if (loaded.signal !== 0) return signalName(loaded.signal);
      const { signal } = store(process, address, loaded.value + 1);
      return signal === 0 ? `ok ${loaded.value}` : signalName(signal);
    };
  }),

  call: counted((args) => {
    const at = args.address();
    args.end();
    return (world, process) => done(runToEnd(process.ops.fetch(world.address(at))).signal);
  }),

  fill: counted((args) => {
    const at = args.address();
    const pages = args.plain('a number of pages');
    const value = args.plainOr('a byte value', 1);
    const step = args.plainOr('a step of at least one page', 1);
    args.end();
    if (step === 0) throw args.wrong('a step of at least one page for fill', '0');
    return (world, process) => {
      let written = 0;
      for (const { index, address } of everyPage(world, at, pages, step)) {
        const { signal } = store(process, address, value + index);
        if (signal !== 0) return `${signalName(signal)} after ${written}`;
        written++;
      }
      return `ok ${written}`;
    };
  }),

  sum: counted((args) => {
    const at = args.address();
    const pages = args.plain('a number of pages');
    const step = args.plainOr('a step of at least one page', 1);
    args.end();
    if (step === 0) throw args.wrong('a step of at least one page for sum', '0');
    return (world, process) => {
      const bytes: number[] = [];
      for (const { address } of everyPage(world, at, pages, step)) {
        const { signal, value } = load(process, address);
        if (signal !== 0) return `${signalName(signal)} after ${bytes.length}`;
        bytes.push(value);
      }
      return sumOf(bytes);
    };
  }),

  bytes: counted((args) => {
    const at = args.address();
    const pages = args.pages();
    args.end();
    return (world, process) => {
      const shown: string[] = [];
      for (const { address } of everyPage(world, at, pages, 1)) {
        const { signal, value } = load(process, address);
        shown.push(signal === 0 ? String(value) : signalLetter(signal));
      }
      return shown.join(',');
    };
  }),

  kread: counted((args) => {
    const at = args.address();
    const length = args.quantity('a length');
    args.end();
    return (world, process) =>
      copied(world, at, least(world.bytes(length), PIPE_BYTES), (address, bytes) =>
        runToEnd(process.ops.load(address, bytes)),
      );
  }),

  kwrite: counted((args) => {
    const at = args.address();
    const length = args.quantity('a length');
    const value = args.plainOr('a byte value', 1);
    args.end();
    return (world, process) =>
      copied(world, at, least(world.bytes(length), KWRITE_BYTES), (address, bytes) =>
        runToEnd(process.ops.store(address, bytes.fill(value))),
      );
  }),
};

/** First bytes of every `step`-th page. */
function* everyPage(
  world: World,
  at: AddressExpr,
  pages: number,
  step: number,
): Generator<{ index: number; address: bigint }, void, void> {
  const start = world.address(at);
  for (let index = 0; index < pages; index += step) {
    yield { index, address: world.arena.word(start + BigInt(index) * world.arena.pageSize) };
  }
}

function load(process: Process, address: bigint): { signal: number; value: number } {
  const out = new Uint8Array(1);
  const { signal } = runToEnd(process.ops.load(address, out));
  return { signal, value: out[0] as number };
}

function store(process: Process, address: bigint, value: number): AccessResult {
  return runToEnd(process.ops.store(address, Uint8Array.of(value)));
}

function done(signal: number): string {
  return signal === 0 ? 'ok' : signalName(signal);
}

/**
 * A copy through a pipe: the pipe's buffers are pages of the copied bytes, counted from the first one, and a buffer
 * that cannot be copied whole does not count. What was stored of it stays stored.
 */
function copied(
  world: World,
  at: AddressExpr,
  length: bigint,
  copy: (address: bigint, bytes: Uint8Array) => AccessResult,
): string {
  const start = world.address(at);
  const { pageSize } = world.arena;
  for (let from = 0n; from < length; from += pageSize) {
    const bytes = new Uint8Array(Number(least(pageSize, length - from)));
    if (copy(world.arena.word(start + from), bytes).signal !== 0) return from === 0n ? 'EFAULT' : `ok ${from}`;
  }
  return `ok ${length}`;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
