import fc from 'fast-check';
import { expect, test } from 'vitest';
import { audit } from '../../src/audit/audit.js';
import { dupMm } from '../../src/fork/dup-mmap.js';
import type { MappedFile } from '../../src/fs/file.js';
import { MADV_DONTFORK, MADV_DONTNEED, MADV_RANDOM } from '../../src/vma/madvise.js';
import { Mm } from '../../src/vma/mm.js';
import {
  MAP_FIXED,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MAP_SHARED,
} from '../../src/vma/mmap-bits.js';
import { MS_SYNC, sysMsync } from '../../src/vma/msync.js';
import { destroyMm } from '../../src/zap/unmap.js';
import { checkAreas } from '../support/areas.js';
import { testArch } from '../support/test-arch.js';
import { openTest, run, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

/** Pages in play: a window across a table border, so that ranges often meet. */
const FIRST = 40;
const PAGES = 48;

const range = { at: fc.nat(PAGES - 1), pages: fc.integer({ min: 1, max: 12 }) };
const step = fc.oneof(
  fc.record({ op: fc.constant('anon' as const), ...range, prot: fc.nat(7), kind: fc.nat(3) }),
  fc.record({ op: fc.constant('file' as const), ...range, prot: fc.nat(7), shared: fc.boolean(), other: fc.boolean() }),
  fc.record({ op: fc.constant('munmap' as const), ...range }),
  fc.record({ op: fc.constant('mprotect' as const), ...range, prot: fc.nat(7) }),
  fc.record({ op: fc.constant('mremap' as const), ...range, newPages: fc.integer({ min: 1, max: 12 }), to: range.at }),
  fc.record({
    op: fc.constant('madvise' as const),
    ...range,
    advice: fc.constantFrom(0, MADV_RANDOM, MADV_DONTNEED, MADV_DONTFORK),
  }),
  fc.record({ op: fc.constant('mlock' as const), ...range, on: fc.boolean() }),
  fc.record({ op: fc.constant('store' as const), at: range.at, value: fc.nat(255) }),
  fc.record({ op: fc.constant('load' as const), at: range.at }),
  fc.record({ op: fc.constant('msync' as const), ...range }),
  fc.record({ op: fc.constant('fork' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function apply(p: TestProcess, files: readonly MappedFile[], s: Step): void {
  if (s.op === 'fork') {
    const child = run(dupMm(p.k, p.mm));
    if (!(child instanceof Mm)) return;
    checkAreas(p.k);
    expect(audit(p.k)).toEqual([]);
    child.users--;
    run(destroyMm(p.k, child));
    return;
  }
  const at = FIRST + s.at;
  switch (s.op) {
    case 'anon':
      p.anon(at, s.pages, s.prot, [0, MAP_LOCKED, MAP_NORESERVE, MAP_GROWSDOWN][s.kind]);
      return;
    case 'file':
      p.mmap(
        at,
        s.pages,
        s.prot,
        MAP_FIXED | (s.shared ? MAP_SHARED : MAP_PRIVATE),
        files[s.other ? 1 : 0] as MappedFile,
        s.at % 5,
      );
      return;
    case 'munmap':
      p.munmap(at, s.pages);
      return;
    case 'mprotect':
      p.mprotect(at, s.pages, s.prot);
      return;
    case 'mremap':
      p.mremap(at, s.pages, s.newPages, s.to % 3 === 0 ? 0 : 3, FIRST + s.to);
      return;
    case 'madvise':
      p.madvise(at, s.pages, s.advice);
      return;
    case 'mlock':
      if (s.on) p.mlock(at, s.pages);
      else p.munlock(at, s.pages);
      return;
    case 'store':
      p.store(at, s.value);
      return;
    case 'load':
      p.load(at);
      return;
    case 'msync':
      run(sysMsync(p.k, p.mm, p.bytes(at), p.bytes(s.pages), MS_SYNC));
  }
}

for (const nrCpus of [1, 4]) {
  test(`every counter agrees with a recount after each of many operations, built for ${nrCpus} CPUs`, () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const k = testKernel(testArch(), { nrCpus }, 1024);
        const p = new TestProcess(k);
        const files = ['a', 'b'].map((name) => openTest(testFile(k, name, 20)));
        for (const s of steps) {
          apply(p, files, s);
          checkAreas(k);
          expect(audit(k)).toEqual([]);
        }
        p.mm.users--;
        run(destroyMm(k, p.mm));
        expect(k.committed).toBe(0);
        for (const file of files) expect([file.refs, file.inode.mapping.linear.size]).toEqual([1, 0]);
        expect(audit(k)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
}

test('private memory keeps its contents through every rearrangement of areas', () => {
  const rearranging = fc.oneof(
    fc.record({ op: fc.constant('mprotect' as const), ...range, prot: fc.constantFrom(1, 3) }),
    fc.record({
      op: fc.constant('madvise' as const),
      ...range,
      advice: fc.constantFrom(0, MADV_RANDOM, MADV_DONTFORK),
    }),
    fc.record({ op: fc.constant('mlock' as const), ...range, on: fc.boolean() }),
    fc.record({ op: fc.constant('store' as const), at: range.at, value: fc.nat(255) }),
    fc.record({ op: fc.constant('move' as const), at: range.at, pages: fc.integer({ min: 1, max: 6 }), to: range.at }),
    fc.record({ op: fc.constant('munmap' as const), ...range }),
  );
  fc.assert(
    fc.property(fc.array(rearranging, { maxLength: 60 }), (steps) => {
      const p = new TestProcess(testKernel());
      // What each page must read; a page without an entry is not mapped.
      const model = new Map<number, number>();
      p.anon(FIRST, PAGES, 3);
      for (let i = 0; i < PAGES; i++) model.set(FIRST + i, 0);
      for (const s of steps) {
        const at = FIRST + s.at;
        if (s.op === 'move') {
          const to = FIRST + s.to;
          if (p.mremap(at, s.pages, s.pages, 3, to) !== to) {
            // A refusal may come after the destination was unmapped.
            for (let i = 0; i < s.pages; i++) if (p.mm.vmas.containing(to + i) === null) model.delete(to + i);
            continue;
          }
          if (at === to) continue;
          const carried = Array.from({ length: s.pages }, (_, i) => model.get(at + i) as number);
          for (let i = 0; i < s.pages; i++) model.delete(at + i);
          carried.forEach((value, i) => {
            model.set(to + i, value);
          });
        } else if (s.op === 'munmap') {
          p.munmap(at, s.pages);
          for (let i = 0; i < s.pages; i++) model.delete(at + i);
        } else if (s.op === 'store') {
          if (p.store(at, s.value) === 0) model.set(at, s.value);
        } else {
          apply(p, [], s);
        }
      }
      for (let vpn = FIRST; vpn < FIRST + 2 * PAGES; vpn++) {
        const value = p.load(vpn);
        expect([vpn, value < 0 ? undefined : value]).toEqual([vpn, model.get(vpn)]);
      }
      checkAreas(p.k);
      expect(audit(p.k)).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
