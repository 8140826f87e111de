/** Mappings of frame numbers, on every machine: devices, copies of what they show, and who counts what. */
import {
  DevMem,
  FrameBuffer,
  getLockedPte,
  Machine,
  pteLock,
  pteUnmapUnlock,
  RingDevice,
  remapPfnRange,
  runToEnd,
  VM_INSERTPAGE,
  VM_PFNMAP,
  VM_RESERVED,
  type Vma,
  vmInsertPage,
  vmNormalPage,
  zeromapPageRange,
} from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AT = 0x2000_0000n;

function setUp(arch: (typeof MACHINES)[number], defects: 'mended' | 'kept' = 'mended') {
  const { pageShift, pageSize } = arch.geometry;
  const screen = { base: 2 ** (pageShift + 12), size: 8 * pageSize };
  const machine = new Machine({ arch, memory: 2 ** (pageShift + 10), devices: [screen], defects });
  const process = machine.spawn();
  const page = (n: number): bigint => AT + BigInt(n * pageSize);
  const area = (n: number): Vma => process.mm.vmas.containing(Number(page(n) >> BigInt(pageShift))) as Vma;
  return { machine, k: machine.kernel, process, page, area, pageSize, screen };
}

/** The frame an entry holds, and whether it is writable; null for none. */
function entry(s: ReturnType<typeof setUp>, n: number, process = s.process): { pfn: number; write: boolean } | null {
  const { pte } = process.explain(s.page(n));
  return pte?.kind === 'present' ? { pfn: Number(pte.pfn), write: pte.write === true } : null;
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('a frame buffer shows what programs store, and nothing of it is counted', () => {
    const s = setUp(arch);
    const { machine, process, page, pageSize, screen } = s;
    const fb = new FrameBuffer(machine.kernel, screen);
    process.mmap({
      addr: AT,
      length: 4 * pageSize,
      prot: 'rw',
      flags: 'shared|fixed',
      file: fb.open(),
      offset: 2 * pageSize,
    });
    process.store8(page(1) + 5n, 77);
    process.write(page(2) - 2n, Uint8Array.of(1, 2, 3));
    expect([...fb.read(3 * pageSize + 5, 1), ...fb.read(4 * pageSize - 2, 3)]).toEqual([77, 1, 2, 3]);
    expect(process.load8(page(1) + 5n)).toBe(77);
    expect([process.mm.rss, process.minFlt - process.bitFlt]).toEqual([0, 0]);
    expect(process.status().VmSize).toBe(0);
    machine.check();
    const child = process.fork();
    child.store8(page(0), 9);
    expect(process.load8(page(0))).toBe(9);
    machine.check();
    child.exit();
    expect(
      runToEnd(
        process.ops.mmap({
          addr: page(16),
          length: BigInt(8 * pageSize),
          prot: 3,
          flags: 0x11,
          file: fb.open(),
          offset: BigInt(pageSize),
        }),
      ),
    ).toBe(-22);
    process.munmap(AT, 4 * pageSize);
    machine.check();
  });

  test('a private frame buffer copies on write, from the frame, whole', () => {
    const s = setUp(arch);
    const { machine, process, page, pageSize, screen, area } = s;
    const fb = new FrameBuffer(machine.kernel, screen);
    const shared = page(16);
    process.mmap({ addr: shared, length: 8 * pageSize, prot: 'rw', flags: 'shared|fixed', file: fb.open() });
    process.write(shared + BigInt(pageSize), new Uint8Array(pageSize).fill(3));
    process.mmap({ addr: AT, length: 4 * pageSize, prot: 'rw', flags: 'private|fixed', file: fb.open() });
    expect(area(0).pgoff).toBe(screen.base / pageSize);
    process.store8(page(1) + 0x123n, 8);
    const copy = process.read(page(1), pageSize);
    expect([copy[0x122], copy[0x123], copy[0x124], copy[pageSize - 1]]).toEqual([3, 8, 3, 3]);
    expect(process.load8(shared + BigInt(pageSize) + 0x123n)).toBe(3);
    expect([process.mm.anonRss, process.mm.fileRss]).toEqual([1, 0]);
    machine.check();

    // fork: raw entries as they are, write-protected in both; the copy counted twice.
    const child = process.fork();
    expect([0, 1, 2, 3].map((n) => entry(s, n, child)?.pfn === entry(s, n)?.pfn)).toEqual([true, true, true, true]);
    expect([0, 1, 2, 3].map((n) => entry(s, n, child)?.write)).toEqual([false, false, false, false]);
    expect([child.mm.anonRss, child.mm.fileRss]).toEqual([1, 0]);
    machine.check();
    process.munmap(AT, 4 * pageSize);
    child.store8(page(0), 5);
    expect([child.load8(page(0)), child.load8(page(1) + 0x123n), child.mm.anonRss]).toEqual([5, 8, 2]);
    machine.check();
    child.exit();
    process.exit();
    machine.check();
  });

  test('parts of a private raw area keep the rule: split, protected, moved, partly unmapped', () => {
    const s = setUp(arch);
    const { machine, process, page, pageSize, screen, k, area } = s;
    const fb = new FrameBuffer(k, screen);
    process.mmap({ addr: AT, length: 6 * pageSize, prot: 'rw', flags: 'private|fixed', file: fb.open() });
    process.store8(page(4), 1);
    process.mprotect(page(1), 2 * pageSize, 'r');
    process.munmap(page(2), pageSize);
    machine.check();
    const to = process.mremap(page(3), 3 * pageSize, 3 * pageSize, 3, page(40));
    expect(to).toBe(page(40));
    machine.check();
    expect([area(40).pgoff, entry(s, 40)?.pfn, process.load8(page(41))]).toEqual([
      screen.base / pageSize + 3,
      screen.base / pageSize + 3,
      1,
    ]);
    expect(runToEnd(process.ops.mremap(page(40), BigInt(3 * pageSize), BigInt(5 * pageSize), 1, 0n))).toBe(-14);
    expect(runToEnd(process.ops.madvise(page(40), BigInt(pageSize), 4))).toBe(-22);
    process.exit();
    machine.check();
  });

  test('/dev/mem over RAM: the frames are the ones others own, and their counts never move', () => {
    const s = setUp(arch);
    const { machine, process, page, pageSize, k } = s;
    const victim = process.mmap({ addr: page(32), length: pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
    process.store8(victim, 42);
    const pfn = entry(s, 32)?.pfn as number;
    const frame = k.memory.pfnToPage(pfn);
    const counts = (): number[] => [k.map.count[frame] as number, k.map.mapcount[frame] as number];
    const before = counts();
    const mem = new DevMem(k);
    process.mmap({
      addr: AT,
      length: pageSize,
      prot: 'rw',
      flags: 'shared|fixed',
      file: mem.open(),
      offset: pfn * pageSize,
    });
    expect(process.load8(page(0))).toBe(42);
    process.store8(page(0), 43);
    expect(process.load8(victim)).toBe(43);
    process.mmap({
      addr: page(1),
      length: pageSize,
      prot: 'rw',
      flags: 'private|fixed',
      file: mem.open(),
      offset: pfn * pageSize,
    });
    process.store8(page(1), 44);
    expect([process.load8(victim), process.load8(page(1))]).toEqual([43, 44]);
    expect(counts()).toEqual(before);
    const child = process.fork();
    child.exit();
    process.munmap(page(0), 2 * pageSize);
    machine.check();
    const nowhere = BigInt(2 ** 11 * pageSize);
    expect(
      runToEnd(
        process.ops.mmap({ addr: 0n, length: BigInt(pageSize), prot: 1, flags: 1, file: mem.open(), offset: nowhere }),
      ),
    ).toBe(-22);
    machine.check();
  });

  test('remap_pfn_range: whole where pages may be copied, any part in any order elsewhere', () => {
    const s = setUp(arch);
    const { machine, process, page, pageSize, k, area, screen } = s;
    const first = screen.base / pageSize;
    const fb = new FrameBuffer(k, screen);
    const open = (mmap: (vma: Vma) => Generator<never, number, void>, writable = true) => ({
      ...fb.open({ writable }),
      inode: Object.create(fb, { mmap: { value: mmap } }),
    });
    const idle = open(function* () {
      return 0;
    });
    const partly = (vma: Vma, at: number, pfn: number, n: number): number =>
      runToEnd(remapPfnRange(k, vma, vma.start + at, pfn, n));
    const seen: unknown[] = [];
    const whole = open(function* (vma) {
      const state = (): number[] => [vma.flags, vma.pgoff, process.mm.nrPtes];
      const before = state();
      seen.push(partly(vma, 0, first, 2), before.filter((n, k) => n !== state()[k]).length);
      seen.push(partly(vma, 0, first, 4), vma.pgoff - first);
      return 0;
    });
    process.mmap({ addr: AT, length: 4 * pageSize, prot: 'r', flags: 'private|fixed', file: whole });
    expect(seen).toEqual([-22, 0, 0, 0]);

    // A shared mapping, and one that is shared for show only (a read-only descriptor).
    for (const [base, writable] of [
      [16, true],
      [32, false],
    ] as const) {
      const file = writable ? idle : { ...idle, writable: false };
      process.mmap({
        addr: page(base),
        length: 4 * pageSize,
        prot: 'r',
        flags: 'shared|fixed',
        file,
        offset: 7 * pageSize,
      });
      const vma = area(base);
      expect([partly(vma, 2, first + 1, 1), partly(vma, 0, first + 5, 1), partly(vma, 1, first, 1)]).toEqual([0, 0, 0]);
      expect([vma.pgoff, [0, 1, 2, 3].map((n) => entry(s, base + n)?.pfn ?? null)]).toEqual([
        7,
        [first + 5, first, first + 1, null],
      ]);
      // A hole of such an area has no page to give: D9.
      expect(() => process.load8(page(base + 3))).toThrow('BUS_ADRERR');
    }
    process.mm.reservedVm = [...process.mm.vmas].reduce(
      (sum, vma) => sum + ((vma.flags & VM_RESERVED) !== 0 ? vma.pages : 0),
      0,
    );
    const child = process.fork();
    expect([0, 1, 2].map((n) => entry(s, 16 + n, child)?.pfn)).toEqual([first + 5, first, first + 1]);
    machine.check();
    process.exit();
    child.exit();
    machine.check();
  });

  test('what no frame answers is a bus error, and a copy of it is zero', () => {
    const s = setUp(arch);
    const { machine, process, page, pageSize, k, screen } = s;
    const fb = new FrameBuffer(k, screen);
    const nowhere = {
      ...fb.open(),
      *mmap(_k: unknown, vma: Vma) {
        return yield* remapPfnRange(k, vma, vma.start, 2 ** 11, vma.pages);
      },
    };
    process.mmap({ addr: AT, length: 2 * pageSize, prot: 'rw', flags: 'private|fixed', file: nowhere });
    expect(() => process.load8(page(0))).toThrow('BUS_ADRERR');
    process.store8(page(1), 6);
    expect([...process.read(page(1), 2)]).toEqual([6, 0]);
    machine.inject.failUserCopy = () => true;
    process.mmap({ addr: page(8), length: pageSize, prot: 'rw', flags: 'private|fixed', file: fb.open() });
    process.store8(page(8), 7);
    machine.inject.clear();
    expect([...process.read(page(8), 2)]).toEqual([7, 0]);
    machine.check();
    process.exit();
    machine.check();
  });

  test('an absent page of a private raw area is anonymous, and counted', () => {
    const s = setUp(arch);
    const { machine, process, page, pageSize, k, screen } = s;
    const fb = new FrameBuffer(k, screen);
    const lazy = {
      ...fb.open(),
      *mmap(_k: unknown, vma: Vma) {
        vma.flags |= VM_PFNMAP | VM_RESERVED;
        vma.pgoff = 2 ** 13;
        return 0;
      },
    };
    process.mmap({ addr: AT, length: 2 * pageSize, prot: 'rw', flags: 'private|fixed', file: lazy });
    expect(process.load8(page(0))).toBe(0);
    expect([entry(s, 0)?.pfn, process.mm.fileRss]).toEqual([k.memory.pageToPfn(k.zeroPage), 1]);
    process.store8(page(0), 1);
    expect([process.mm.fileRss, process.mm.anonRss]).toEqual([0, 1]);
    machine.check();
    process.exit();
    machine.check();
  });

  test('D9: an absent page of a shared area without nopage is SIGBUS; kept, it is the zero page, writable', () => {
    for (const defects of ['mended', 'kept'] as const) {
      const s = setUp(arch, defects);
      const { process, page, pageSize, k, screen } = s;
      const fb = new FrameBuffer(k, screen);
      const idle = {
        ...fb.open(),
        *mmap() {
          return 0;
        },
      };
      process.mmap({ addr: AT, length: 2 * pageSize, prot: 'rw', flags: 'shared|fixed', file: idle });
      if (defects === 'mended') {
        expect(() => process.load8(page(0))).toThrow('BUS_ADRERR');
        expect(entry(s, 0)).toBeNull();
      } else {
        expect(process.load8(page(0))).toBe(0);
        expect(entry(s, 0)).toEqual({ pfn: k.memory.pageToPfn(k.zeroPage), write: true });
      }
    }
  });

  test('a driver that gives up half way: what it mapped goes again, and the charge with it (D16: kept, once too often)', () => {
    for (const defects of ['mended', 'kept'] as const) {
      const s = setUp(arch, defects);
      const { machine, process, page, pageSize, k, screen } = s;
      const fb = new FrameBuffer(k, screen);
      const ring = new RingDevice(k, 2, 'insert');
      const failing = {
        ...fb.open(),
        *mmap(_k: unknown, vma: Vma) {
          yield* vmInsertPage(k, vma, vma.start, ring.pages[0] as number);
          return -5;
        },
      };
      const map = (flags: number): number =>
        runToEnd(
          process.ops.mmap({ addr: AT, length: BigInt(2 * pageSize), prot: 3, flags, file: failing, offset: 0n }),
        );
      process.mmap({ addr: page(8), length: 4 * pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
      expect([map(0x12), k.committed, process.mm.rss]).toEqual([-5, 4, 0]);
      machine.check();
      expect([map(0x11), k.committed, process.mm.rss]).toEqual([-5, defects === 'kept' ? 2 : 4, 0]);
      expect([process.mm.totalVm, failing.refs, fb.mapping.linear.size, fb.mapping.writableAreas]).toEqual([
        4, 1, 0, 0,
      ]);
      expect(k.map.count[ring.pages[0] as number]).toBe(1);
      machine.check();
    }
  });

  test('vm_insert_page: who may, what it counts, and that fork copies it', () => {
    const s = setUp(arch);
    const { machine, process, page, pageSize, k, area } = s;
    const ring = new RingDevice(k, 4, 'insert');
    process.mmap({ addr: AT, length: 4 * pageSize, prot: 'rw', flags: 'shared|fixed', file: ring.open() });
    const buffer = ring.pages[1] as number;
    expect([k.map.count[buffer], k.map.mapcount[buffer], process.mm.fileRss]).toEqual([2, 1, 4]);
    process.store8(page(1), 5);
    expect(k.memory.loadByte(buffer, 0)).toBe(5);
    expect(process.minFlt - process.bitFlt).toBe(0);
    const child = process.fork();
    expect([k.map.count[buffer], k.map.mapcount[buffer], child.mm.fileRss]).toEqual([3, 2, 4]);
    expect(child.load8(page(1))).toBe(5);
    machine.check();
    const vma = area(0);
    const insert = (at: number, frame: number): number => runToEnd(vmInsertPage(k, vma, at, frame));
    const free = k.pages.alloc(0);
    k.pages.put(free);
    process.mmap({ addr: page(32), length: pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
    process.store8(page(32), 1);
    const anon = k.memory.pfnToPage(entry(s, 32)?.pfn as number);
    expect([
      insert(vma.end, buffer),
      insert(vma.start, free),
      insert(vma.start, anon),
      insert(vma.start, buffer),
    ]).toEqual([-14, -22, -22, -16]);
    expect(vma.flags & VM_INSERTPAGE).not.toBe(0);
    child.exit();
    process.exit();
    machine.check();
    expect(ring.pages.map((p) => [k.map.count[p], k.map.mapcount[p]])).toEqual(Array(4).fill([1, 0]));
    ring.destroy();
    machine.check();
  });

  test('a driver with nopage: its pages are counted while they are mapped, and reserved_vm tells the area', () => {
    const s = setUp(arch);
    const { machine, process, page, pageSize, k } = s;
    const ring = new RingDevice(k, 4, 'nopage');
    process.mmap({ addr: AT, length: 4 * pageSize, prot: 'rw', flags: 'private|fixed', file: ring.open() });
    expect([process.mm.reservedVm, process.status().VmSize]).toEqual([4, 0]);
    for (let n = 0; n < 4; n++) process.load8(page(n));
    expect([process.mm.fileRss, k.map.count[ring.pages[0] as number]]).toEqual([4, 2]);
    process.store8(page(0), 3);
    expect([k.memory.loadByte(ring.pages[0] as number, 0), process.mm.anonRss]).toEqual([0, 1]);
    machine.check();
    const pinned = process.pin(AT, 4, false);
    expect(pinned.slice(1)).toEqual(ring.pages.slice(1));
    expect(k.map.count[ring.pages[1] as number]).toBe(3);
    machine.check();
    machine.unpin(pinned);
    process.munmap(AT, 4 * pageSize);
    expect([process.mm.reservedVm, process.mm.rss]).toEqual([0, 0]);
    expect(ring.pages.map((p) => [k.map.count[p], k.map.mapcount[p]])).toEqual(Array(4).fill([1, 0]));
    machine.check();
  });

  test('zeromap_page_range maps the zero page, never writable, counted each time', () => {
    const s = setUp(arch);
    const { machine, process, page, pageSize, k, screen } = s;
    const fb = new FrameBuffer(k, screen);
    const zeros = {
      ...fb.open(),
      *mmap(_k: unknown, vma: Vma) {
        return yield* zeromapPageRange(k, vma, vma.start, vma.pages);
      },
    };
    const before = [k.map.count[k.zeroPage] as number, k.map.mapcount[k.zeroPage] as number];
    process.mmap({ addr: AT, length: 3 * pageSize, prot: 'rw', flags: 'private|fixed', file: zeros });
    expect([k.map.count[k.zeroPage], k.map.mapcount[k.zeroPage], process.mm.fileRss]).toEqual([
      (before[0] as number) + 3,
      (before[1] as number) + 3,
      3,
    ]);
    expect([0, 1, 2].map((n) => entry(s, n)?.write)).toEqual([false, false, false]);
    process.store8(page(1), 4);
    expect([process.load8(page(0)), process.load8(page(1)), process.mm.fileRss]).toEqual([0, 4, 2]);
    machine.check();
    process.exit();
    expect([k.map.count[k.zeroPage], k.map.mapcount[k.zeroPage]]).toEqual(before);
    machine.check();
  });

  test('an ordinary entry with a frame that is no memory is reported once, and has no page', () => {
    const s = setUp(arch);
    const { machine, process, pageSize, k, area } = s;
    process.mmap({ addr: AT, length: pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
    const vma = area(0);
    const at = runToEnd(getLockedPte(k, process.mm, vma.start));
    pteUnmapUnlock(k, at, pteLock(k, process.mm, at));
    const f = arch.pteFormat;
    const pfn = 2 ** 11;
    k.memory.words[at + k.tables.loAt] = f.makeLo(pfn, vma.protLo);
    if (k.tables.pteWords === 2) k.memory.words[at + k.tables.hiAt] = f.makeHi(pfn, vma.protHi);
    expect(vmNormalPage(k, vma, vma.start, f.makeHi(pfn, vma.protHi), f.makeLo(pfn, vma.protLo))).toBe(-1);
    expect(machine.counters.get('badPtes')).toBe(1);
    process.munmap(AT, pageSize);
    expect([machine.counters.get('badPtes'), process.mm.rss]).toEqual([2, 0]);
    machine.check();
  });
});
