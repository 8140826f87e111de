/** What the audit says of pages that are shared, or gone from their file, in a way that the tables do not allow. */
import { expect, test } from 'vitest';
import { Machine, pageOutRange, runToEnd } from '../../src/index.js';
import { removeFromPageCache } from '../../src/pagecache/page-cache.js';
import type { Process } from '../../src/process/process.js';
import { testArch } from '../support/test-arch.js';

const AT = 0x10_0000n;
const FIRST = 0x100;
const PAGE = 4096;

/** Word index of the entry of a page, and its words. */
function entry(process: Process, vpn: number): { at: number; hi: number; lo: number } {
  const { tables, memory } = process.machine.kernel;
  const at = tables.lookupPage(process.mm, vpn);
  const lo = memory.words[at + tables.loAt] as number;
  return { at, hi: tables.pteWords === 2 ? (memory.words[at + tables.hiAt] as number) : 0, lo };
}

/** Gives a process the right to write a page, behind the kernel's back. */
function makeWritable(process: Process, vpn: number): void {
  const k = process.machine.kernel;
  const { at, hi, lo } = entry(process, vpn);
  const { mkwrite } = k.arch.pteFormat;
  k.memory.words[at + k.tables.loAt] = (lo & mkwrite.keepLo) | mkwrite.setLo;
  if (k.tables.pteWords === 2) k.memory.words[at + k.tables.hiAt] = (hi & mkwrite.keepHi) | mkwrite.setHi;
}

test('a page that one process may write while another has it in swap is F16', () => {
  const machine = new Machine({ arch: testArch(), swap: '1MiB' });
  machine.kernel.swap.pageCluster = 0;
  const process = machine.spawn();
  process.mmap({ addr: AT, length: PAGE, prot: 'rw', flags: 'private|anonymous|fixed' });
  process.store8(AT, 1);
  runToEnd(pageOutRange(machine.kernel, process.mm, FIRST, FIRST + 1));
  const child = process.fork();
  process.load8(AT);
  expect([process, child].map((one) => one.explain(AT).pte?.kind)).toEqual(['present', 'swap']);
  machine.check();
  makeWritable(process, FIRST);
  expect(machine.audit().map(({ invariant }) => invariant)).toEqual(['F16']);
});

test('two processes that may both write a page are F16', () => {
  const machine = new Machine({ arch: testArch() });
  const process = machine.spawn();
  process.mmap({ addr: AT, length: PAGE, prot: 'rw', flags: 'private|anonymous|fixed' });
  process.store8(AT, 1);
  const child = process.fork();
  machine.check();
  makeWritable(child, FIRST);
  expect(machine.audit().map(({ invariant }) => invariant)).toEqual(['F16']);
});

test('a mapped page that its file has no longer is F14', () => {
  const machine = new Machine({ arch: testArch() });
  const process = machine.spawn();
  const inode = machine.createFile('f', { size: 4 * PAGE });
  inode.fillPage(1, 5);
  const file = { inode, readable: true, writable: true, refs: 1 };
  process.mmap({ addr: AT, length: 4 * PAGE, prot: 'rw', flags: 'shared|fixed', file });
  process.load8(AT + 4096n);
  machine.check();
  removeFromPageCache(machine.kernel, inode.mapping, 1);
  expect(machine.audit().map(({ invariant }) => invariant)).toEqual(['F14']);
});
