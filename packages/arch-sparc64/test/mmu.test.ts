import { FAULT_ABSENT, FAULT_BUS, FAULT_RIGHTS, type Mm, TLB_TABLE } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import {
  cheetahPlusPlainTlb,
  createSparc64,
  hugePteAt,
  PAGE_G,
  PAGE_KERNEL,
  sparc64Arches,
  taskSize,
  vpteAddress,
} from '../src/index.js';
import { pageOf, TestHost } from './host.js';

const EXEC = 0;
const LOAD = 1;
const STORE = 2;
const READ = 1;
const SHARED_RW = 11;
const SHARED_RWX = 15;

const MACHINES = [
  ...sparc64Arches,
  createSparc64({ tlb: 'cheetah' }),
  createSparc64({ pageShift: 16, tlb: 'cheetah' }),
  createSparc64({ tlb: 'cheetah_plus' }),
  createSparc64({ tlb: 'cheetah_plus', hugeShift: 19 }),
  createSparc64({ tlb: 'cheetah_plus', hugeShift: 16 }),
  createSparc64({ pageShift: 16, tlb: 'cheetah_plus' }),
  createSparc64({ tlb: cheetahPlusPlainTlb(13) }),
  createSparc64({ pageShift: 16, tlb: cheetahPlusPlainTlb(16) }),
];

for (const arch of MACHINES) {
  const { pageShift } = arch.geometry;
  const page = (address: bigint): number => pageOf(arch, address);
  const setUp = (): { host: TestHost; mm: Mm } => {
    const host = new TestHost(arch);
    const mm = host.newMm();
    host.mmu.switchMm(host.cpu, null, mm);
    return { host, mm };
  };
  const counters = (host: TestHost): number[] =>
    (['softwareFills', 'nestedFills', 'walkReferences'] as const).map((name) => host.counters.get(name));

  describe(`${arch.name}, ${arch.tlb.processor}, huge pages of ${arch.hugetlb}`, () => {
    for (const va of [0n, 0x2000_0000n, 0x7ff_fffe_0000n, 0xffff_f800_0000_0000n, taskSize(pageShift) - 0x20000n]) {
      test(`the first miss takes the nested handler, the next one of the table does not: 0x${va.toString(16)}`, () => {
        const { host, mm } = setUp();
        const frames = [host.takePage(), host.takePage()];
        host.setPte(mm, page(va), arch.pte.make(host.pfnOf(frames[0] as number), SHARED_RW));
        host.setPte(mm, page(va) + 1, arch.pte.make(host.pfnOf(frames[1] as number), READ));
        const slot = host.access(LOAD, page(va));
        expect(slot).toBeGreaterThanOrEqual(0);
        expect(host.cpu.tlb.frameOf(slot)).toBe(frames[0]);
        expect(host.cpu.tlb.rightsOf(slot)).toBe(2); // clean: no hardware write
        expect(counters(host)).toEqual([1, 1, 3]);
        expect(host.cpu.tlb.frameOf(host.access(LOAD, page(va) + 1))).toBe(frames[1]);
        expect(counters(host)).toEqual([2, 1, 4]);
      });
    }

    test('the VPTE page is a table translation at its linear place, which user mode cannot use', () => {
      const { host, mm } = setUp();
      const va = 0x2000_0000n;
      host.setPte(mm, page(va), arch.pte.make(host.pfnOf(host.takePage()), SHARED_RWX));
      host.access(LOAD, page(va));
      const vpte = Number(vpteAddress(pageShift, va) >> BigInt(pageShift));
      const slot = host.cpu.tlb.find(LOAD, (vpte / 2 ** 32) | 0, vpte | 0, host.cpu.context);
      expect(host.cpu.tlb.attrsOf(slot)).toBe(TLB_TABLE);
      expect(host.cpu.tlb.rightsOf(slot)).toBe(0);
      expect(host.cpu.tlb.frameOf(slot)).toBe(host.pteTablePage(mm, page(va)));
      expect(host.access(LOAD, vpte)).toBe(FAULT_ABSENT);
      expect(host.mmu.truth(mm, host.cpu, slot)).toEqual({ frame: host.cpu.tlb.frameOf(slot), rights: 0 });
      host.write(host.entryAt(mm, page(va), 1), 0n, 1);
      expect(host.mmu.truth(mm, host.cpu, slot)).toEqual({ frame: -1, rights: 0 });
    });

    test('the truth of a user page is its pte', () => {
      const { host, mm } = setUp();
      const vpn = page(0x2000_0000n);
      const frame = host.takePage();
      host.setPte(mm, vpn, arch.pte.change(arch.pte.make(host.pfnOf(frame), SHARED_RW), 'mkdirty'));
      const slot = host.access(STORE, vpn);
      expect(host.mmu.truth(mm, host.cpu, slot)).toEqual({ frame, rights: 6 });
    });

    test('nothing is translated in the hole, past user space, or without tables', () => {
      const { host } = setUp();
      for (const va of [1n << 43n, (1n << 63n) - 1n, 1n << 63n, 0xffff_f7ff_ffff_ffffn, taskSize(pageShift), -1n]) {
        expect(host.access(LOAD, page(BigInt.asUintN(64, va)))).toBe(FAULT_ABSENT);
      }
      expect(counters(host)).toEqual([0, 0, 0]);
      expect(host.access(LOAD, 5)).toBe(FAULT_ABSENT);
      expect(counters(host)).toEqual([1, 1, 1]); // the pgd entry is empty: one reference, no word is loaded
    });

    test('an empty pmd entry costs two references and leaves no VPTE page', () => {
      const { host, mm } = setUp();
      host.setPte(mm, 0, 0n);
      const next = arch.geometry.entryPages(1);
      expect(host.access(LOAD, next)).toBe(FAULT_ABSENT);
      expect(counters(host)).toEqual([1, 1, 2]);
      expect(host.access(LOAD, next)).toBe(FAULT_ABSENT);
      expect(counters(host)).toEqual([2, 2, 4]);
    });

    test('old, PROT_NONE, swap and file entries are absent; the handler looks at VALID alone', () => {
      const { host, mm } = setUp();
      const made = arch.pte.make(host.pfnOf(host.takePage()), SHARED_RWX);
      const words = [
        arch.pte.change(made, 'mkold'),
        arch.pte.modify(made, 0),
        arch.pte.makeSwap(1, 2),
        arch.pte.makeFile(3),
      ];
      words.forEach((word, i) => {
        host.setPte(mm, 100 + i, word);
        for (const kind of [EXEC, LOAD, STORE] as const) expect(host.access(kind, 100 + i)).toBe(FAULT_ABSENT);
      });
    });

    test('a fetch needs EXEC and fills the instruction side only', () => {
      const { host, mm } = setUp();
      host.setPte(mm, 7, arch.pte.make(host.pfnOf(host.takePage()), READ));
      expect(host.access(EXEC, 7)).toBe(FAULT_RIGHTS);
      host.setPte(mm, 8, arch.pte.make(host.pfnOf(host.takePage()), SHARED_RWX));
      expect(host.access(EXEC, 8)).toBeGreaterThanOrEqual(0);
      expect(host.cpu.tlb.find(LOAD, 0, 8, host.cpu.context)).toBe(-1);
    });

    test('a store to a clean page fills the TLB and is a protection trap, on the miss and on the hit', () => {
      const { host, mm } = setUp();
      host.setPte(mm, 7, arch.pte.make(host.pfnOf(host.takePage()), SHARED_RW));
      expect(host.access(STORE, 7)).toBe(FAULT_RIGHTS);
      const fills = host.counters.get('softwareFills');
      expect(host.access(STORE, 7)).toBe(FAULT_RIGHTS);
      expect(host.access(LOAD, 7)).toBeGreaterThanOrEqual(0);
      expect(host.counters.get('softwareFills')).toBe(fills);
    });

    test('a privileged page gives a rights fault', () => {
      const { host, mm } = setUp();
      host.setPte(mm, 7, arch.pte.make(host.pfnOf(host.takePage()), PAGE_KERNEL));
      for (const kind of [EXEC, LOAD, STORE] as const) expect(host.access(kind, 7)).toBe(FAULT_RIGHTS);
    });

    test('nothing answers at a frame outside every bank', () => {
      const { host, mm } = setUp();
      for (const pfn of [0, 0xff, 0x100 + 64, 2 ** (43 - pageShift) - 1]) {
        host.setPte(mm, 7, arch.pte.make(pfn, SHARED_RW));
        expect(host.access(LOAD, 7)).toBe(FAULT_BUS);
      }
    });

    test('frames of a second bank above 4 GiB are found', () => {
      const host = new TestHost(arch, { banks: [0x100, 2 ** (36 - pageShift)] });
      const mm = host.newMm();
      host.mmu.switchMm(host.cpu, null, mm);
      while (host.takePage() < 40);
      host.setPte(mm, 7, arch.pte.make(host.pfnOf(50), SHARED_RW));
      expect(host.cpu.tlb.frameOf(host.access(LOAD, 7))).toBe(50);
    });

    test('G makes a global slot', () => {
      const { host, mm } = setUp();
      host.setPte(mm, 7, arch.pte.make(host.pfnOf(host.takePage()), READ) | PAGE_G);
      expect(host.cpu.tlb.attrsOf(host.access(LOAD, 7))).toBe(1);
    });

    test('the pgd is the one of the mm that runs', () => {
      const { host, mm } = setUp();
      const other = host.newMm();
      host.setPte(mm, 7, arch.pte.make(host.pfnOf(host.takePage()), READ));
      host.mmu.switchMm(host.cpu, mm, other);
      expect(host.access(LOAD, 7)).toBe(FAULT_ABSENT);
    });
  });
}

test('a 4 MiB page is one translation, loaded from any of its ptes', () => {
  const arch = sparc64Arches[0] as (typeof sparc64Arches)[0];
  const host = new TestHost(arch, { pages: 1024, banks: [0, 0x1000] });
  const mm = host.newMm();
  host.mmu.switchMm(host.cpu, null, mm);
  while (host.takePage() < 16);
  const vpn = 0x10000;
  const first = arch.pte.change(arch.pte.make(0x1000, SHARED_RW), 'mkhuge');
  for (let i = 0; i < 512; i++) host.setPte(mm, vpn + i, hugePteAt(13, first, i));
  const slot = host.access(LOAD, vpn + 300);
  expect([host.cpu.tlb.spanOf(slot), host.cpu.tlb.pageOf(slot), host.cpu.tlb.frameOf(slot)]).toEqual([9, vpn, 512]);
  expect(host.access(LOAD, vpn + 511)).toBe(slot);
  expect(host.counters.get('softwareFills')).toBe(1);
});
