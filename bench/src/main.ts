/**
 * `npm run bench`: every figure alone (a process that has seen one machine) and with all machines loaded in one process,
 * as ratios to a bare loop measured in the same run, with the absolute figures beside them.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import { argv, execPath, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { MemMap } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { LackeyParser, Replayer } from '@fourfold/replay';
import { ARTIFICIAL, REAL } from './shapes.js';
import { time } from './timing.js';
import { decodeTrace } from './trace.js';
import { type Figures, measure } from './workloads.js';

const TRACE = fileURLToPath(new URL('../../traces/sort.lk.gz', import.meta.url));
const RECORDS = 1_000_000;
const ROUNDS = 7;

async function main(): Promise<void> {
  const alone = argv.indexOf('--alone');
  if (alone >= 0) {
    const arch = REAL.find((a) => a.name === argv[alone + 1]) as ArchDescriptor;
    stdout.write(JSON.stringify(measure(arch, await decodeTrace(TRACE, RECORDS), ROUNDS)));
    return;
  }
  const trace = await decodeTrace(TRACE, RECORDS);
  console.log(`loading ${REAL.length + ARTIFICIAL.length} machines into this process ...`);
  for (let round = 0; round < 2; round++) for (const arch of [...REAL, ...ARTIFICIAL]) measure(arch, trace, 1);
  for (const arch of REAL) {
    const self = fileURLToPath(import.meta.url);
    const one = JSON.parse(execFileSync(execPath, [self, '--alone', arch.name], { encoding: 'utf8' })) as Figures;
    print(arch, one, measure(arch, trace, ROUNDS));
  }
  await parserFigures();
  console.log(`page descriptor: ${MemMap.BYTES_PER_PAGE} bytes`);
}

function print(arch: ArchDescriptor, alone: Figures, loaded: Figures): void {
  console.log(`\n${arch.name}  (bare loop ${alone.bareHit.toFixed(2)} ns an access)`);
  const row = (name: string, a: number, l: number, unit: string): Record<string, string> => ({
    what: name,
    alone: `${a.toFixed(1)} ${unit}`,
    'x bare': (a / alone.bareHit).toFixed(2),
    loaded: `${l.toFixed(1)} ${unit}`,
    'x bare ': (l / loaded.bareHit).toFixed(2),
    'loaded / alone': (l / a).toFixed(2),
  });
  const rows = [
    row('TLB hit, recorded trace', alone.hit, loaded.hit, 'ns'),
    row('TLB miss', alone.miss, loaded.miss, 'ns'),
    row('  its handler: walk and refill', alone.handler, loaded.handler, 'ns'),
    row('anonymous fault', alone.fault, loaded.fault, 'ns'),
    row('anonymous fault, with contents', alone.faultWithContents, loaded.faultWithContents, 'ns'),
    row('copy-on-write fault', alone.cow, loaded.cow, 'ns'),
    row('fork, a page', alone.fork, loaded.fork, 'ns'),
    row('exit, a page', alone.exit, loaded.exit, 'ns'),
    row('munmap, a page', alone.munmap, loaded.munmap, 'ns'),
    row('mprotect, a page', alone.mprotect, loaded.mprotect, 'ns'),
    row('mprotect of one page among 1,000 areas', alone.flip, loaded.flip, 'ns'),
    row('mremap, a page', alone.mremap, loaded.mremap, 'ns'),
    row('tmpfs fault', alone.tmpfsFault, loaded.tmpfsFault, 'ns'),
    row('madvise remove, a page', alone.remove, loaded.remove, 'ns'),
    row('swap out and in, a page', alone.swap, loaded.swap, 'ns'),
    row('find, split, merge among 16 areas', alone.few, loaded.few, 'ns'),
    row('the same among 65,536', alone.many, loaded.many, 'ns'),
  ];
  if (alone.terabyte > 0) rows.push(row('1,000 x map and unmap 1 TB', alone.terabyte, loaded.terabyte, 'ms'));
  console.table(rows);
  console.log(`hits: ${(1e3 / alone.hit).toFixed(0)} M accesses/s alone, ${(1e3 / loaded.hit).toFixed(0)} loaded`);
  if (alone.terabyte > 0) console.log(`root entries looked at in the 1 TB rounds: ${alone.terabyteVisits}`);
}

/** Text through the parser alone, and gzipped text through to a machine. */
async function parserFigures(): Promise<void> {
  const text = await inflate(TRACE);
  let lines = 0;
  const parse = (): void => {
    const parser = new LackeyParser({ accesses() {}, syscall() {} });
    for (let at = 0; at < text.length; at += 1 << 20) parser.feed(text.subarray(at, at + (1 << 20)));
    parser.end();
    lines = parser.lineCount;
  };
  parse();
  const ns = Math.min(time(parse), time(parse), time(parse));
  console.log(`\nparser: ${((lines / ns) * 1e3).toFixed(1)} M lines/s`);
  const arch = REAL.find((a) => a.name === 'x86_64') as ArchDescriptor;
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    const replayer = new Replayer({ arch, contents: false });
    const parser = new LackeyParser(replayer);
    for await (const chunk of createReadStream(TRACE).pipe(createGunzip({ chunkSize: 1 << 20 })))
      parser.feed(chunk as Uint8Array);
    parser.end();
    best = Math.min(best, performance.now() - start);
  }
  console.log(`gzipped trace through to x86_64: ${(lines / best / 1e3).toFixed(1)} M lines/s`);
}

async function inflate(path: string): Promise<Uint8Array> {
  const fd = openSync(path, 'r');
  const packed = new Uint8Array(statSync(path).size);
  readSync(fd, packed);
  closeSync(fd);
  const { gunzipSync } = await import('node:zlib');
  return gunzipSync(packed);
}

await main();
