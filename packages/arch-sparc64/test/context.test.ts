import { expect, test } from 'vitest';
import { ContextAllocator, CTX_FIRST_VERSION, contextBits, sparc64_8k, versionOf } from '../src/index.js';
import { pageOf, TestHost } from './host.js';

const LOAD = 1;
const S111 = 15;
const VA = pageOf(sparc64_8k, 0x2000_0000n);

function fill(contexts: ContextAllocator, n: number): number[] {
  return Array.from({ length: n }, () => contexts.allocate(0));
}

test('bits: 10 with 8K pages, 12 with 64K', () => expect([contextBits(13), contextBits(16)]).toEqual([10, 12]));

test('a freed number is given again only behind the last one, then from the start', () => {
  const contexts = new ContextAllocator(10);
  const given = fill(contexts, 1020);
  contexts.release(given[4] as number);
  expect(contexts.allocate(0)).toBe(CTX_FIRST_VERSION + 1020);
  fill(contexts, 2);
  expect(contexts.allocate(0)).toBe(0x400005);
  expect(contexts.allocate(0)).toBe(0x800001);
});

test('a wrap makes every older value invalid and frees all numbers but 0 and 1', () => {
  const contexts = new ContextAllocator(10);
  const old = fill(contexts, 1023);
  expect(old.every((value) => contexts.isValid(value))).toBe(true);
  expect(contexts.allocate(0)).toBe(0x800001);
  expect(old.some((value) => contexts.isValid(value))).toBe(false);
  contexts.release(old[1] as number); // of the old version: changes nothing
  expect(fill(contexts, 1022).at(-1)).toBe(0x8003ff);
  expect(contexts.allocate(0)).toBe(0xc00001);
});

test('page size bits stay with the mm and out of the cache', () => {
  const contexts = new ContextAllocator(10);
  expect(contexts.allocate(0x180000)).toBe(0x580001);
  expect(contexts.cache).toBe(0x400001);
  expect(contexts.allocate(0)).toBe(0x400002);
});

test('versions far above 32 bits stay exact', () => {
  const contexts = new ContextAllocator(10);
  contexts.cache = (2 ** 31 - 1) * 2 ** 22 + 0x3ff;
  expect(versionOf(contexts.allocate(0))).toBe(2 ** 31 - 1);
  contexts.cache = (2 ** 31 - 1) * 2 ** 22 + 5;
  fill(contexts, 1022);
  expect(contexts.allocate(0)).toBe(CTX_FIRST_VERSION);
});

test('a new mm has no context until a CPU runs it', () => {
  const host = new TestHost(sparc64_8k);
  const mm = host.newMm();
  expect(mm.context).toBe(0);
  host.mmu.switchMm(host.cpu, null, mm);
  expect(mm.context).toBe(0x400001);
  expect([host.cpu.context, host.cpu.mm === mm, mm.cpuVmMask]).toEqual([1, true, 1]);
  expect(host.counters.get('contextsAllocated')).toBe(1);
});

test('the next owner of a number flushes what the last one left', () => {
  const host = new TestHost(sparc64_8k);
  const first = host.newMm();
  host.mmu.switchMm(host.cpu, null, first);
  host.setPte(first, VA, sparc64_8k.pte.make(host.pfnOf(host.takePage()), S111));
  const slot = host.access(LOAD, VA);
  expect(host.mmu.mmOfSlot(host.cpu, slot)).toBe(first);
  host.mms.delete(first);
  host.mmu.destroyContext(first);
  expect(host.holds(VA, 1)).toBe(true);
  expect(host.mmu.mmOfSlot(host.cpu, slot)).toBeNull();
  host.mmu.contexts.cache = 0x4003ff; // the search begins anew: number 1 is free
  const second = host.newMm();
  host.mmu.switchMm(host.cpu, first, second);
  expect(second.context).toBe(0x400001);
  expect(host.holds(VA, 1)).toBe(false);
});

test('switching back to an mm keeps its translations', () => {
  const host = new TestHost(sparc64_8k);
  const a = host.newMm();
  const b = host.newMm();
  host.mmu.switchMm(host.cpu, null, a);
  host.setPte(a, VA, sparc64_8k.pte.make(host.pfnOf(host.takePage()), S111));
  host.access(LOAD, VA);
  host.mmu.switchMm(host.cpu, a, b);
  expect(host.access(LOAD, VA)).toBe(-1);
  host.mmu.switchMm(host.cpu, b, a);
  const fills = host.counters.get('softwareFills');
  expect(host.access(LOAD, VA)).toBeGreaterThanOrEqual(0);
  expect(host.counters.get('softwareFills')).toBe(fills);
});

test('activate_mm always flushes', () => {
  const host = new TestHost(sparc64_8k);
  const mm = host.newMm();
  host.mmu.switchMm(host.cpu, null, mm);
  host.setPte(mm, VA, sparc64_8k.pte.make(host.pfnOf(host.takePage()), S111));
  host.access(LOAD, VA);
  host.mmu.switchMm(host.cpu, null, mm);
  expect(host.holds(VA, 1)).toBe(false);
});

test('a switch sends what is pending first', () => {
  const host = new TestHost(sparc64_8k);
  const mm = host.newMm();
  host.mmu.switchMm(host.cpu, null, mm);
  host.setPte(mm, VA, sparc64_8k.pte.make(host.pfnOf(host.takePage()), S111));
  host.access(LOAD, VA);
  host.setPte(mm, VA, 0n);
  expect(host.cpu.batch.nr).toBe(1);
  host.mmu.switchMm(host.cpu, mm, host.newMm());
  expect(host.cpu.batch.nr).toBe(0);
  expect(host.holds(VA, 1)).toBe(false);
});

/** Two CPUs run one mm; then the numbers run out and CPU 1 gets another mm, which takes number 1. */
function wrapWhileRunning(defectsKept: boolean): { host: TestHost; number: number } {
  const host = new TestHost(sparc64_8k, { cpus: 2, defectsKept });
  const [cpu0, cpu1] = host.cpus as [TestHost['cpu'], TestHost['cpu']];
  const mm = host.newMm();
  mm.users = 2;
  host.mmu.switchMm(cpu0, null, mm);
  host.mmu.switchMm(cpu1, null, mm);
  host.setPte(mm, VA, sparc64_8k.pte.make(host.pfnOf(host.takePage()), S111));
  host.access(LOAD, VA, cpu0);
  for (let i = 0; i < 1022; i++) host.mmu.contexts.allocate(0);
  host.mmu.switchMm(cpu1, mm, host.newMm());
  // CPU 1's new mm has number 1 now. CPU 0 still runs the old one.
  const now = cpu0.context;
  host.mmu.switchMm(cpu1, cpu1.mm, mm);
  host.setPte(mm, VA, 0n);
  host.mmu.flushPage(mm, VA);
  return { host, number: now };
}

test('a wrap gives the mms that other CPUs run new numbers at once', () => {
  const { host, number } = wrapWhileRunning(false);
  expect(number).toBe(2);
  expect(host.access(LOAD, VA, host.cpus[0])).toBe(-1);
});

test('with defects kept, a CPU goes on with the old number over a wrap and a flush misses it', () => {
  const { host, number } = wrapWhileRunning(true);
  expect(number).toBe(1);
  expect(host.access(LOAD, VA, host.cpus[0])).toBeGreaterThanOrEqual(0);
});

/** An mm that ran on CPU 1 long ago gets, after a wrap, the number of an mm that has died since. */
function comesBackAfterWrap(defectsKept: boolean): number {
  const host = new TestHost(sparc64_8k, { cpus: 2, defectsKept });
  const [cpu0, cpu1] = host.cpus as [TestHost['cpu'], TestHost['cpu']];
  const [mm, idle] = [host.newMm(), host.newMm()];
  host.mmu.switchMm(cpu1, null, mm);
  host.mmu.switchMm(cpu1, mm, idle);
  host.mmu.switchMm(cpu0, null, idle);
  for (let i = 0; i < 1021; i++) host.mmu.contexts.allocate(0);
  const dying = host.newMm();
  host.mmu.switchMm(cpu1, idle, dying);
  expect(dying.context).toBe(0x800001);
  host.setPte(dying, VA, sparc64_8k.pte.make(host.pfnOf(host.takePage()), S111));
  host.access(LOAD, VA, cpu1);
  host.mmu.switchMm(cpu1, dying, idle);
  host.mms.delete(dying);
  host.mmu.destroyContext(dying);
  host.mmu.contexts.cache = 0x8003ff;
  host.mmu.switchMm(cpu0, idle, mm);
  expect(mm.context).toBe(0x800001);
  host.mmu.switchMm(cpu1, idle, mm);
  return host.access(LOAD, VA, cpu1);
}

test('an mm that comes back after a wrap finds nothing of another under its new number', () => {
  expect(comesBackAfterWrap(false)).toBe(-1);
});

test('with defects kept it does: the CPU mask outlives the number', () => {
  expect(comesBackAfterWrap(true)).toBeGreaterThanOrEqual(0);
});

test('number 1 is found behind the end when it is the only free one', () => {
  const contexts = new ContextAllocator(10);
  const given = fill(contexts, 1023);
  contexts.cache = 0x400005;
  contexts.release(given[0] as number);
  expect(contexts.allocate(0)).toBe(0x400001);
});

test('a wrap gives no number to a dead mm that a CPU has not left yet', () => {
  const host = new TestHost(sparc64_8k, { cpus: 2 });
  const [cpu0, cpu1] = host.cpus as [TestHost['cpu'], TestHost['cpu']];
  const dead = host.newMm();
  host.mmu.switchMm(cpu0, null, dead);
  host.mms.delete(dead);
  host.mmu.destroyContext(dead);
  for (let i = 0; i < 1023; i++) host.mmu.contexts.allocate(0);
  host.mmu.switchMm(cpu1, null, host.newMm());
  expect(dead.context).toBe(0);
  expect(host.counters.get('contextsAllocated')).toBe(2);
});
