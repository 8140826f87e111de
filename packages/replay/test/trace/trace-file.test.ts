import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readTraceFile, type TraceFileInfo, type TraceFileOptions } from '../../src/node/trace-file.js';
import { LackeyParser } from '../../src/trace/lackey.js';
import { TraceError } from '../../src/trace/trace-error.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fourfold-trace-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Deterministic lines that compress badly enough for several pieces. */
function linesOf(count: number): string {
  let state = 1;
  const out: string[] = [];
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out.push(
      `${['I ', ' L', ' S', ' M'][state & 3]} ${(state >>> 2).toString(16).padStart(8, '0')},${1 << (state & 3)}`,
    );
  }
  return `${out.join('\n')}\n`;
}

interface Outcome {
  readonly count: number;
  readonly sum: number;
  readonly info: TraceFileInfo | undefined;
  readonly error: unknown;
}

async function readBytes(bytes: Uint8Array, options?: TraceFileOptions): Promise<Outcome> {
  const path = join(folder, 'trace');
  await writeFile(path, bytes);
  let count = 0;
  let sum = 0;
  const parser = new LackeyParser({
    accesses(batch) {
      count += batch.count;
      for (let i = 0; i < batch.count; i++) sum = (Math.imul(sum, 31) + batch.addrLo[i]! + batch.kind[i]!) | 0;
    },
    syscall: () => undefined,
  });
  try {
    return { info: await readTraceFile(path, parser, options), count, sum, error: undefined };
  } catch (error) {
    return { info: undefined, count, sum, error };
  }
}

const LINES = 200_000;
const TEXT = linesOf(LINES);
const PLAIN = new TextEncoder().encode(TEXT);
const GZIP = new Uint8Array(gzipSync(PLAIN, { level: 1 }));

test('plain and compressed files give the same records', async () => {
  const plain = await readBytes(PLAIN);
  const gzip = await readBytes(GZIP);
  expect(plain.error).toBeUndefined();
  expect(plain.count).toBe(LINES);
  expect([gzip.count, gzip.sum, gzip.error]).toEqual([plain.count, plain.sum, undefined]);
  const trailingBytes = 0;
  expect(plain.info).toEqual({ format: 'plain', fileBytes: PLAIN.length, textBytes: PLAIN.length, trailingBytes });
  expect(gzip.info).toEqual({ format: 'gzip', fileBytes: GZIP.length, textBytes: PLAIN.length, trailingBytes });
});

test('gzip members one after another are one text, even when cut inside a line', async () => {
  const at = Math.floor(PLAIN.length / 3);
  const members = [PLAIN.subarray(0, at), PLAIN.subarray(at), PLAIN.subarray(0, 0)].map((part) => gzipSync(part));
  const { count, sum, error } = await readBytes(Buffer.concat(members));
  expect(error).toBeUndefined();
  expect([count, sum]).toEqual([LINES, (await readBytes(PLAIN)).sum]);
});

test('zeroes behind the compressed data are padding, and told', async () => {
  const { count, info } = await readBytes(Buffer.concat([GZIP, new Uint8Array(1000)]));
  expect(count).toBe(LINES);
  expect(info).toMatchObject({ trailingBytes: 1000, fileBytes: GZIP.length + 1000 });
});

test('anything else behind it is damage, after everything before was delivered', async () => {
  const { count, error } = await readBytes(Buffer.concat([GZIP, new TextEncoder().encode('I  00001000,4\n')]));
  expect(count).toBe(LINES);
  expect(error).toMatchObject({ code: 'TRACE_GZIP', line: LINES + 1, came: 'incorrect header check' });
});

test('a truncated file delivers what can be inflated and ends in one message', async () => {
  for (const part of [0.999999, 0.9, 0.5, 0.1]) {
    const size = Math.floor(GZIP.length * part);
    const { count, error } = await readBytes(GZIP.subarray(0, size));
    expect(error).toBeInstanceOf(TraceError);
    expect(error).toMatchObject({ code: 'TRACE_GZIP_TRUNCATED', compressedOffset: size });
    expect((error as TraceError).line).toBe(count + 1);
    // The whole text is 2.9 million bytes in about 1.5: what is missing is the last piece of a block's worth at most.
    expect(count).toBeGreaterThan(LINES * part - 3000);
  }
});

test('a file of nothing but the first bytes of a gzip header is truncated', async () => {
  for (const size of [2, 9, 10, 11]) {
    const { error } = await readBytes(GZIP.subarray(0, size));
    expect(error, `${size}`).toMatchObject({ code: 'TRACE_GZIP_TRUNCATED', line: 1, compressedOffset: size });
  }
});

test('a wrong checksum is found after all of the text was delivered', async () => {
  const bytes = GZIP.slice();
  bytes[bytes.length - 6]! ^= 1;
  const { count, error } = await readBytes(bytes);
  expect(count).toBe(LINES);
  expect(error).toMatchObject({ code: 'TRACE_GZIP', line: LINES + 1, came: 'incorrect data check' });
});

test('an impossible block in the middle delivers all up to it', async () => {
  // Two members; the second one's first block has the reserved type.
  const half = PLAIN.lastIndexOf(10, PLAIN.length / 2) + 1;
  const first = gzipSync(PLAIN.subarray(0, half), { level: 1 });
  const second = gzipSync(PLAIN.subarray(half), { level: 1 });
  second[10]! |= 0b110;
  const { count, error } = await readBytes(Buffer.concat([first, second]));
  expect(count).toBe(TEXT.slice(0, half).split('\n').length - 1);
  expect(error).toMatchObject({ code: 'TRACE_GZIP', line: count + 1, came: 'invalid block type' });
  const { compressedOffset } = error as TraceError;
  expect(Math.abs(compressedOffset! - first.length)).toBeLessThan(64);
});

test('any damaged byte ends in a TraceError or in the whole text, never in a crash or a hang', async () => {
  for (let i = 0; i < 40; i++) {
    const bytes = GZIP.slice();
    const at = Math.floor((i / 40) * bytes.length);
    bytes[at]! ^= 1 << (i & 7);
    const { error, count } = await readBytes(bytes);
    if (error === undefined) expect(count).toBe(LINES);
    else if (!(error instanceof TraceError)) throw error;
  }
}, 60_000);

test('an error in the text stops the reading, compressed or not', async () => {
  const text = `${TEXT}garbage\n${TEXT}`;
  for (const bytes of [new TextEncoder().encode(text), gzipSync(text)]) {
    const { count, error } = await readBytes(bytes);
    expect(error).toMatchObject({ code: 'TRACE_LINE', line: LINES + 1, byteOffset: PLAIN.length });
    expect(count).toBe(LINES);
  }
});

test('an empty file is an empty trace, compressed or not', async () => {
  for (const bytes of [new Uint8Array(0), gzipSync('')]) {
    expect((await readBytes(bytes)).error).toMatchObject({ code: 'TRACE_EMPTY' });
  }
});

test('progress goes up to the size of the file', async () => {
  const seen: number[] = [];
  let total = 0;
  const onProgress = (consumed: number, size: number): void => {
    seen.push(consumed);
    total = size;
  };
  await readBytes(GZIP, { onProgress });
  expect(total).toBe(GZIP.length);
  expect(seen.at(-1)).toBe(GZIP.length);
  expect(seen.length).toBeGreaterThan(2);
  expect([...seen].sort((a, b) => a - b)).toEqual(seen);
});

test('a signal stops the reading', async () => {
  const controller = new AbortController();
  const onProgress = (): void => controller.abort();
  const { error } = await readBytes(GZIP, { onProgress, signal: controller.signal });
  expect(error).toMatchObject({ name: 'AbortError' });
});

test('a file that is not there is the system`s error', async () => {
  const parser = new LackeyParser({ accesses: () => undefined, syscall: () => undefined });
  await expect(readTraceFile(join(folder, 'none'), parser)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(readTraceFile(folder, parser)).rejects.toMatchObject({ code: 'EISDIR' });
});
