/** Trace files that are damaged or made to hurt: one message with the position, the results up to there, status 1. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundledTrace, bundledWorker, command, scratchFolder } from './support/command.js';

const folder = scratchFolder();
let worker: URL;
beforeAll(async () => {
  worker = await bundledWorker(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const LINES = 3000;
const compressed = readFileSync(bundledTrace('sort'));
const text = gunzipSync(compressed.subarray(0, 100_000), { finishFlush: 2 }).toString('latin1');
const base = `${text.split('\n').slice(0, LINES).join('\n')}\n`;
const call = `${/SYSCALL\[\d+,\d+\]/.exec(text)?.[0]}`;

function noise(bytes: number): Uint8Array {
  let state = 12345;
  return Uint8Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** What the file holds, and what the message must say; records are those of the whole lines before the end. */
const HOSTILE: Readonly<Record<string, readonly [content: string | Uint8Array, message: RegExp]>> = {
  'truncated gzip': [
    compressed.subarray(0, 500_000),
    /line \d+ \(byte \d+, compressed byte 500000\): expected the rest/,
  ],
  'gzip cut in its header': [compressed.subarray(0, 5), /line 1 \(byte 0, compressed byte 5\)/],
  'gzip with a flipped byte': [flipped(gzipSync(base), 9000), /line \d+ \(byte \d+/],
  'a gzip name around noise': [gzipSync(noise(5000)), /line 1 \(byte 0\): expected lines of text/],
  'a gzip header before text': [
    Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.from(base)]),
    /line 1 \(byte 0, compressed byte/,
  ],
  empty: ['', /line 1 \(byte 0\): expected a trace of valgrind --tool=lackey, came an empty file/],
  'an empty gzip': [gzipSync(''), /came an empty file/],
  binary: [noise(5000), /line 1 \(byte 0\): expected lines of text/],
  'another text': [
    'hello world\n',
    /line 1 \(byte 0\): expected a trace of valgrind --tool=lackey, came "hello world"/,
  ],
  'a negative length': [`${base} L 04032e40,-8\n`, /line 3001 \(byte \d+\): expected an access \(address,size\)/],
  'a length of nothing': [`${base} L 04032e40,0\n`, /line 3001 /],
  'a huge length': [`${base} L 04032e40,99999999999999999999\n`, /line 3001 /],
  'an access over the top': [`${base} L ffffffffffffffff,8\n`, /line 3001 .* expected an access that ends inside/],
  'an address of 17 digits': [`${base} L 10000000000000000,8\n`, /line 3001 /],
  'a megabyte in a line': [`${base}${'a'.repeat(1 << 20)}\n`, /line 3001 \(byte \d+\): expected a line of at most/],
  'a megabyte without a line end': [`${base} L ${'0'.repeat(1 << 20)}`, /line 3001 /],
  'an end inside a record': [`${base} L 0403`, /line 3001 .* expected a whole line before the file ends/],
  'a mapping of negative length': [
    `${base}${call}(9) sys_mmap ( 0x0, -4096, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x5000000)\n`,
    /line 3001: expected a length of mmap/,
  ],
  'a mapping over the top': [
    `${base}${call}(9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0xfffffffffffff000)\n`,
    /line 3001: expected a range of mmap inside the address space/,
  ],
  'a mapping with no room': [
    `${base}${call}(9) sys_mmap ( 0x0, 4503599627370496, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x5000000)\n`,
    /line 3001: mmap: /,
  ],
  'a break at the top': [
    `${base}${call}(12) sys_brk ( 0x0 ) --> [pre-success] Success(0xffffffffffffffff)\n S 0401ab70,8\n`,
    /./,
  ],
};

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const out = Uint8Array.from(bytes);
  out[Math.min(at, out.length >> 1)]! ^= 0xff;
  return out;
}

for (const [name, [content, message]] of Object.entries(HOSTILE)) {
  test(`${name} ends in one message, with the results up to there`, async () => {
    const path = join(folder, 'hostile.lk');
    writeFileSync(path, content);
    const { status, stdout, stderr } = await command(['replay', path], { worker });
    if (name === 'a break at the top') {
      // A first break says where the loader ends; whatever it says, nothing may hang or crash.
      expect([0, 1]).toContain(status);
      return;
    }
    expect(stderr).toMatch(/^fourfold: [^\n]{1,2000}\n$/);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('the results are those up to there');
    expect(stderr).not.toContain('internal error');
    expect(status).toBe(1);
    expect(stdout).toMatch(/^hostile\.lk: [0-9,]+ access(?:es)? and [0-9,]+ system calls?, NOT read to its end\n/);
    if (typeof content === 'string' && content.startsWith(base)) {
      const records = [...base.matchAll(/^(?:I | L| S| M) /gm)].length;
      const row = /^records +([0-9,]+)/m.exec(stdout)?.[1]?.replaceAll(',', '');
      expect(Number(row)).toBe(records);
    }
  });
}
