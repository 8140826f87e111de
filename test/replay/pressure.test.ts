/**
 * A bundled trace on a machine of every kind with far less memory than it touches, and swap: it ends with the areas and the bytes
 * that a run with plenty of memory ends with, and gives every frame and slot back.
 */
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import type { Process } from '@fourfold/core';
import { LackeyParser, Replayer, reportOf } from '@fourfold/replay';
import { describe, expect, test } from 'vitest';
import { type MachineName, machine } from '../support/machines.js';

/** The trace that writes most. Its resident peak is 2.5 MiB with pages of 4 KiB and 5.2 MiB with pages of 64 KiB. */
const TRACE = fileURLToPath(new URL('../../traces/python3.lk.gz', import.meta.url));

/**
 * Memory of the pressed run by page size in KiB: with half of it the traces still end, but hardly do anything but
 * swap. (With 1 MiB of 16 KiB a page is reclaimed that the trace then gives to two areas, and what it becomes depends on that.)
 */
const MEMORY: Record<number, string> = { 4: '1MiB', 8: '1MiB', 16: '1040KiB', 64: '2MiB' };

/** Every form of entry, and every page size; the others behave like one of these, and each takes a second and a half. */
const NAMES: readonly MachineName[] = ['i386', 'i386-pae', 'x86_64', 'ppc64-4k', 'ppc64-64k', 'ia64-16k', 'sparc64-8k'];

/** Pages of the process that do not hold the same bytes in both, and how many hold anything but zeros. */
function compare(pressed: Process, free: Process, pageSize: number): { differing: string[]; written: number } {
  const differing: string[] = [];
  let written = 0;
  const zeros = new Uint8Array(pageSize);
  for (const vma of free.mm.vmas) {
    for (let vpn = vma.start; vpn < vma.end; vpn++) {
      const at = BigInt(vpn) * BigInt(pageSize);
      const wanted = free.peek(at, pageSize);
      if (Buffer.compare(wanted, zeros) !== 0) written++;
      if (Buffer.compare(pressed.peek(at, pageSize), wanted) !== 0) differing.push(`0x${at.toString(16)}`);
    }
  }
  return { differing, written };
}

describe.each(NAMES.map((name) => [name, machine(name)] as const))('%s', (_name, arch) => {
  test('a trace that swaps ends as one that need not', { timeout: 60_000 }, async () => {
    const { pageSize } = arch.geometry;
    const pressed = new Replayer({ arch, memory: MEMORY[pageSize / 1024] as string, swap: '64MiB' });
    const free = new Replayer({ arch, memory: '64MiB' });
    const start = pressed.machine.freePages;
    const parsers = [new LackeyParser(pressed), new LackeyParser(free)];
    for await (const chunk of createReadStream(TRACE).pipe(createGunzip({ chunkSize: 1 << 20 })))
      for (const parser of parsers) parser.feed(chunk as Uint8Array);
    for (const parser of parsers) parser.end();

    const report = reportOf(pressed, [], null);
    const unpressed = reportOf(free, [], null);
    expect([report.problemCount, unpressed.problemCount]).toEqual([0, 0]);
    expect([unpressed.faults.major, unpressed.swap]).toEqual([0, null]);
    expect(report.faults.minor).toBeGreaterThan(unpressed.faults.minor);
    // Who reads a page has the major fault; the pages that were read around it are found in the swap cache.
    const { swap, faults } = report;
    expect(faults.major).toBeGreaterThan(100);
    expect(swap?.in).toBeGreaterThanOrEqual(faults.major);
    expect(swap?.out).toBeGreaterThan(100);
    expect(faults.major).toBe(pressed.machine.counters.get('pgmajfault'));
    pressed.machine.check();

    const [one, other] = [pressed.processes, free.processes].map(([process]) => process as Process) as [
      Process,
      Process,
    ];
    expect(one.maps()).toBe(other.maps());
    const { differing, written } = compare(one, other, pageSize);
    expect(differing).toEqual([]);
    expect(written).toBeGreaterThan(10);
    pressed.machine.check();

    pressed.finish();
    pressed.machine.swapOff(0);
    pressed.machine.drainBatches();
    pressed.machine.check();
    expect(pressed.machine.freePages).toBe(start);
  });
});
