/** Pages that come back from swap: who counts a major fault, who may share, what swapoff and fork do with entries. */
import { expect, test } from 'vitest';
import { Machine, pageOutRange, runToEnd, SteppedOp, swapOff } from '../../src/index.js';
import type { Process } from '../../src/process/process.js';
import { swapCount } from '../../src/swap/swap.js';
import { testArch } from '../support/test-arch.js';

const AT = 0x10_0000n;
const PAGE = 4096;

/** A process with `pages` pages that hold 1, 2, 3 ..., all in swap and none in memory. */
function swappedOut(pages: number, cpus = 1): { machine: Machine; process: Process } {
  const machine = new Machine({ arch: testArch(), swap: '1MiB', cpus });
  machine.kernel.swap.pageCluster = 0;
  const process = machine.spawn();
  process.mmap({ addr: AT, length: pages * PAGE, prot: 'rw', flags: 'private|anonymous|fixed' });
  for (let i = 0; i < pages; i++) process.store8(AT + BigInt(i * PAGE), i + 1);
  const first = Number(AT / BigInt(PAGE));
  expect(runToEnd(pageOutRange(machine.kernel, process.mm, first, first + pages))).toBe(0);
  expect([process.mm.anonRss, machine.swapPages.total - machine.swapPages.free]).toEqual([0, pages]);
  machine.check();
  return { machine, process };
}

test('a read back is a major fault, keeps its contents, and a store to it alone takes no second one', () => {
  const { machine, process } = swappedOut(3);
  process.store8(AT, 9);
  expect([process.load8(AT), process.load8(AT + 4096n), process.majFlt]).toEqual([9, 2, 2]);
  machine.check();
});

test('who read the page has the major fault though another thread maps it first (9e9bef07ce)', () => {
  const { machine, process } = swappedOut(1, 2);
  const thread = process.thread();
  thread.runOn(1);
  const { minFlt, majFlt } = process;
  let stops = 1;
  machine.kernel.inject.pause = (point) => point === 'before page lock' && stops-- > 0;
  const first = new SteppedOp('first', process.ops.load(AT, new Uint8Array(1)));
  first.step();
  runToEnd(thread.ops.load(AT, new Uint8Array(1)));
  while (!first.done) first.step();
  expect([process.minFlt - minFlt, process.majFlt - majFlt, thread.minFlt, thread.majFlt]).toEqual([0, 1, 1, 0]);
  expect([machine.counters.get('pgmajfault'), process.mm.anonRss]).toEqual([1, 1]);
  machine.check();
});

test('fork shares entries, and each process gets a copy of its own on the write that comes back', () => {
  const { machine, process } = swappedOut(2);
  const { kernel } = machine;
  const child = process.fork();
  expect([swapCount(kernel, 32), swapCount(kernel, 64), child.mm.anonRss]).toEqual([2, 2, 0]);
  child.store8(AT, 77);
  expect([process.load8(AT), child.load8(AT), child.load8(AT + 4096n)]).toEqual([1, 77, 2]);
  machine.check();
  child.exit();
  process.exit();
  machine.check();
  expect(machine.swapPages.free).toBe(machine.swapPages.total);
});

test('swapoff brings every page back to all who share it', () => {
  const { machine, process } = swappedOut(4);
  const child = process.fork();
  machine.swapOff(0);
  machine.check();
  const { majFlt } = process;
  for (const one of [process, child]) {
    for (let i = 0; i < 4; i++) expect(one.load8(AT + BigInt(i * PAGE))).toBe(i + 1);
  }
  child.store8(AT, 50);
  expect([process.load8(AT), child.load8(AT), process.majFlt]).toEqual([1, 50, majFlt]);
  expect(machine.swapPages).toEqual({ total: 0, free: 0, cached: 0 });
  machine.check();
});

test('an entry that a fork copies behind the search of swapoff keeps its bytes, though they were never written', () => {
  const pages = 64;
  const machine = new Machine({ arch: testArch(), swap: '1MiB', config: { nrCpus: 4, preempt: true } });
  const process = machine.spawn();
  process.mmap({ addr: AT, length: pages * PAGE, prot: 'rw', flags: 'private|anonymous|fixed' });
  for (let i = 0; i < pages; i++) process.store8(AT + BigInt(i * PAGE), i + 1);
  // The last page is unmapped, but somebody has it pinned: it stays in the swap cache, dirty.
  const last = AT + BigInt((pages - 1) * PAGE);
  const pinned = process.pin(last, 1, false);
  const vpn = Number(last / BigInt(PAGE));
  runToEnd(pageOutRange(machine.kernel, process.mm, vpn, vpn + 1));
  expect([process.explain(last).pte?.kind, machine.counters.get('pswpout')]).toEqual(['swap', 0]);

  // Fork stops in the middle, before that entry; swapoff finds mmap_sem taken, with only the parent on its list.
  machine.inject.needResched = (where) => where === 'copy_pte_range';
  const fork = new SteppedOp('fork', process.ops.fork());
  fork.step();
  expect(fork.done).toBe(false);
  const off = new SteppedOp('swapoff', swapOff(machine.kernel, 0));
  while (off.runnable) off.step();
  expect(off.waiting?.what).toBe('mmap_sem (read)');
  const child = fork.finish() as Process;
  machine.inject.clear();
  expect(off.finish()).toBe(0);
  machine.unpin(pinned);
  machine.check();
  expect([process.load8(last), child.load8(last), machine.counters.get('pswpout')]).toEqual([pages, pages, 1]);
  machine.check();
});

test('swapoff of no area is EINVAL', () => {
  const { machine } = swappedOut(1);
  expect(() => machine.swapOff(3)).toThrow(/EINVAL|swapoff of area 3/);
});
