/**
 * Golden vectors. Origin of all of them: computed from the definitions in asm-ia64 and arch/ia64/mm, which are the same in
 * Linux 2.6.12.2 and 2.6.16.38 unless stated, by a script of its own; the numbers are those of the reference's section 14.
 * 16 KiB pages, three levels, the kernel's own purge mask and huge pages of 256 MiB unless stated.
 */
import type { ArchDescriptor } from '@fourfold/core/arch';
import {
  ContextAllocator,
  createIa64,
  createKernelGeometry,
  hugeToPageAddress,
  ia64_4k,
  ia64_8k,
  ia64_16k,
  ia64_64k,
  identityEntry,
  indexBits,
  maxContext,
  PAGE_COPY_EXEC,
  PAGE_EXEC_ONLY,
  PAGE_NONE,
  PAGE_READONLY,
  PAGE_SHARED,
  purgePlan,
  regionBase,
  regionId,
  regionOf,
  regionRegister,
  thash,
} from '../src/index.js';
import { pageOf, TestHost } from './host.js';

export const ORIGIN = 'asm-ia64, arch/ia64/mm of 2.6.12.2 and 2.6.16.38';

export interface Vector {
  readonly number: string;
  readonly what: string;
  readonly got: () => unknown;
  readonly want: unknown;
}

function vector(number: number | string, what: string, got: () => unknown, want: unknown): Vector {
  return { number: String(number), what, got, want };
}

const { pte } = ia64_16k;
const one = pte.make(0x1234, PAGE_SHARED);
const five = pte.make(1, 0b0100);
const dirty = pte.change(one, 'mkdirty');

/** The arch-independent swap entry: type in bits 63:59, offset below. */
function generic(word: bigint): bigint {
  const { swapType, swapOffset } = pte.decode(word);
  return (BigInt(swapType ?? 0) << 59n) | (swapOffset ?? 0n);
}

export const PTE_VECTORS: readonly Vector[] = [
  vector(1, 'pfn 0x1234, PAGE_SHARED', () => [one, pte.make(0x1234, 0b1011)], [
    0x00100000048d05a1n,
    0x00100000048d05a1n,
  ]),
  vector(2, 'pfn 0x1234, PAGE_READONLY', () => pte.make(0x1234, PAGE_READONLY), 0x00100000048d01a1n),
  vector(3, 'pfn 0x1234, PAGE_COPY_EXEC', () => pte.make(0x1234, PAGE_COPY_EXEC), 0x00100000048d03a1n),
  vector(4, 'pfn 0x1234, PAGE_NONE', () => pte.make(0x1234, PAGE_NONE), 0x80000000048d0020n),
  vector(5, 'pfn 1, execute only', () => [five, pte.make(1, PAGE_EXEC_ONLY)], [
    0x0010000000004fa1n,
    0x0010000000004fa1n,
  ]),
  vector(6, 'mkdirty, mkold, wrprotect of 1', () => [dirty, pte.change(one, 'mkold'), pte.change(one, 'wrprotect')], [
    0x00100000048d05e1n,
    0x00100000048d0581n,
    0x00100000048d01a1n,
  ]),
  vector(7, '1 dirty, modified to PAGE_READONLY', () => pte.modify(dirty, PAGE_READONLY), 0x00100000048d01e1n),
  vector(8, '1 dirty, modified to PAGE_NONE', () => pte.modify(dirty, PAGE_NONE), 0x80000000048d0060n),
  vector(9, 'wrprotect of 5: ar 7 becomes 5', () => pte.change(five, 'wrprotect'), 0x0010000000004ba1n),
];

export const ENTRY_VECTORS: readonly Vector[] = [
  vector(10, 'swap type 0 offset 1', () => pte.makeSwap(0, 1), 0x200n),
  vector(
    11,
    'swap type 3 offset 0x1234, and back',
    () => {
      const word = pte.makeSwap(3, 0x1234);
      const { swapType, swapOffset } = pte.decode(word);
      return [word, swapType, swapOffset, generic(word)];
    },
    [0x24680cn, 3, 0x1234n, 0x1800000000001234n],
  ),
  vector(12, 'swap type 31 offset 0x3ffff', () => pte.makeSwap(31, 0x3ffff), 0x7fffe7cn),
  vector(13, 'the largest swap entry', () => pte.makeSwap(127, (1n << 54n) - 1n), 0x7ffffffffffffffcn),
  vector(
    14,
    'file offsets 0, 1, 0x1234, 2^61 - 1',
    () => [0n, 1n, 0x1234n, (1n << 61n) - 1n].map((pgoff) => pte.makeFile(pgoff)),
    [0x2n, 0x6n, 0x48d2n, 0x7ffffffffffffffen],
  ),
];

/** Region, index at each level root first, offset in the page. */
function indices(arch: ArchDescriptor, va: bigint): number[] {
  const { geometry } = arch;
  const vpn = va >> BigInt(geometry.pageShift);
  const hi = Number(vpn >> 32n);
  const lo = Number(BigInt.asIntN(32, vpn));
  const offset = Number(va & BigInt(geometry.pageSize - 1));
  return [regionOf(va), ...geometry.names.map((_, level) => geometry.index(level, hi, lo)), offset];
}

const four = createIa64({ levels: 4 });

export const INDEX_VECTORS: readonly Vector[] = [
  ...(
    [
      [15, 0x0000000000004000n, ia64_16k, [0, 0, 0, 1, 0]],
      [16, 0x20000000000abcden, ia64_16k, [1, 256, 0, 42, 15582]],
      [17, 0x2000001234567890n, ia64_16k, [1, 257, 282, 345, 14480]],
      [18, 0x4000000000012340n, ia64_16k, [2, 512, 0, 4, 9024]],
      [19, 0x6000000fedcba980n, ia64_16k, [3, 768, 2038, 1838, 10624]],
      [20, 0x60000fffffffbff0n, ia64_16k, [3, 1023, 2047, 2046, 16368]],
      [21, 0x8000000000000000n, ia64_16k, [4, 1024, 0, 0, 0]],
      [22, 0x2000001234567890n, four, [1, 256, 1, 282, 345, 14480]],
      [23, 0x60000fffffffbff0n, four, [3, 768, 255, 2047, 2046, 16368]],
      [24, 0x2000001234567890n, ia64_8k, [1, 137, 104, 691, 6288]],
      [25, 0x2000001234567890n, ia64_64k, [1, 1024, 145, 5206, 30864]],
      [26, 0x2000000234567890n, ia64_4k, [1, 72, 418, 359, 2192]],
    ] as const
  ).map(([number, va, arch, want]) =>
    vector(number, `0x${va.toString(16)} on ${arch.name}: region, indices, offset`, () => indices(arch, va), want),
  ),
  ...(
    [
      [27, 0xa000000000010000n, [0, 0, 4]],
      [28, 0xa000000100000000n, [0, 128, 0]],
      [29, 0xa000000200000000n, [0, 256, 0]],
      [30, 0xa0007fffffffc000n, [2047, 2047, 2047]],
    ] as const
  ).map(([number, va, want]) =>
    vector(
      number,
      `kernel 0x${va.toString(16)}: pgd, pmd, pte`,
      () => {
        const geometry = createKernelGeometry(14, 3);
        const vpn = va >> 14n;
        return [0, 1, 2].map((l) => geometry.index(l, Number(vpn >> 32n), Number(BigInt.asIntN(32, vpn))));
      },
      want,
    ),
  ),
];

function scaled(va: bigint): unknown {
  const at = hugeToPageAddress(va, 14);
  return [at, ...indices(ia64_16k, at).slice(1, 4)];
}

export const HUGE_VECTORS: readonly Vector[] = [
  vector(31, '0x8000000010000000', () => scaled(0x8000000010000000n), [0x8000000000004000n, 1024, 0, 1]),
  vector(32, '0x8000000123456789', () => scaled(0x8000000123456789n), [0x8000000000048d15n, 1024, 0, 18]),
  vector(33, '0x8000000800000000', () => scaled(0x8000000800000000n), [0x8000000000200000n, 1024, 0, 128]),
  vector(34, '0x80000fff00000000', () => scaled(0x80000fff00000000n), [0x800000003ffc0000n, 1024, 31, 2032]),
  vector(
    35,
    '0x8000000010000000 with huge pages of 4 and 16 MiB',
    () => [22, 24].map((shift) => hugeToPageAddress(0x8000000010000000n, 14, shift)),
    [0x8000000000100000n, 0x8000000000040000n],
  ),
];

export const THASH_VECTORS: readonly Vector[] = (
  [
    [36, 0x2000000000000000n, 14, 0x3fffff0000000000n, 0x3ffc000000000000n],
    [37, 0x2000001234567890n, 14, 0x3fffff0002468ac8n, 0x3ffc000002468ac8n],
    [38, 0x4000000000012340n, 14, 0x5fffff0000000020n, 0x5ffc000000000020n],
    [39, 0x60000fffffffbff0n, 14, 0x7fffff01fffffff0n, 0x7ffc0001fffffff0n],
    [40, 0xa000000200000000n, 14, 0xbfffff0000400000n, 0xbffc000000400000n],
    [41, 0x8000000123456789n, 28, 0x9fffff0000000090n, 0x9ffc000000000090n],
  ] as const
)
  .map(([number, va, shift, msb50, msb60]) =>
    vector(
      number,
      `0x${va.toString(16)}, IMPL_VA_MSB 50 and 60`,
      () => [thash(14, 50, va, shift), thash(14, 60, va, shift)],
      [msb50, msb60],
    ),
  )
  .concat(
    vector(
      42,
      'thash of the result of 37: the table maps itself',
      () => [50, 60].map((msb) => thash(14, msb, thash(14, msb, 0x2000001234567890n))),
      [0x3fffffffe00048d0n, 0x3fffff80000048d0n],
    ),
  );

export const PURGE_VECTORS: readonly Vector[] = (
  [
    [43, 0x2000000000004000n, 0x4000n, 14, 0x2000000000004000n, 1],
    [44, 0x2000000000004000n, 0x8000n, 16, 0x2000000000000000n, 1],
    [45, 0x2000000003ffc000n, 0x8000n, 16, 0x2000000003ff0000n, 2],
    [46, 0x2000000000004000n, 0x10000n, 16, 0x2000000000000000n, 2],
    [47, 0x200000000000c000n, 0x14000n, 16, 0x2000000000000000n, 2],
    [48, 0x2000000000100000n, 0x180000n, 20, 0x2000000000100000n, 2],
    [49, 0x2000000000000000n, 1n << 30n, 32, 0x2000000000000000n, 1],
    [50, 0x2000000000000000n, 1n << 39n, 32, 0x2000000000000000n, 128],
    [51, 0x8000000010000000n, 3n << 28n, 32, 0x8000000000000000n, 1],
    [52, 0x3fffff0000000008n, 8n, 12, 0x3fffff0000000000n, 1],
    [53, 0x3fffff0000000000n, 0x8000n, 16, 0x3fffff0000000000n, 1],
  ] as const
).map(([number, start, length, bits, first, purges]) =>
  vector(number, `0x${start.toString(16)} + 0x${length.toString(16)}`, () => purgePlan(start, start + length), {
    bits,
    first,
    purges,
  }),
);

/** Registers after a context is loaded, as the machine with huge pages has them. */
function loaded(context: number): (region: number) => number {
  const host = new TestHost(createIa64({ hugeShift: 28 }));
  const registers = host.cpu.registers as { rr: Uint32Array; load(context: number, pageShift: number): void };
  registers.load(context, 14);
  return (region) => registers.rr[region] as number;
}

export const REGION_VECTORS: readonly Vector[] = [
  vector(54, 'context 1: region ids', () => [0, 1, 2, 3, 4].map((r) => regionId(1, r)), [8, 9, 0xa, 0xb, 0xc]),
  vector(55, 'context 1: rr0, rr1, rr4', () => [0, 1, 4].map(loaded(1)), [0x839, 0x939, 0xc71]),
  vector(
    56,
    'context 300: region id and rr of region 1, rr4',
    () => [regionId(300, 1), loaded(300)(1), loaded(300)(4)],
    [0x961, 0x96139, 0x96471],
  ),
  vector(57, 'context 32766: id of region 4, rr0', () => [regionId(32766, 4), loaded(32766)(0)], [0x3fff4, 0x3fff039]),
  vector(58, 'the kernel, granule 16M', () => [5, 6, 7].map(loaded(1)), [0x539, 0x660, 0x760]),
  vector(59, 'miss in region 7', () => identityEntry(0xe000000004000000n), 0x0010000004000661n),
  vector(60, 'miss in region 6', () => identityEntry(0xc0000000fee00000n), 0x00100000fee00671n),
  vector('60b', 'granule 64M', () => [6, 7].map((r) => regionRegister(r, 26, false)), [0x668, 0x768]),
  vector(
    '60c',
    'backing store of an unlimited stack, and the start of its area',
    () => {
      const exact = ia64_16k.layout.backingStoreBottom(Infinity);
      return [exact, exact & ~0x3fffn];
    },
    [0x600007ffffffe000n, 0x600007ffffffc000n],
  ),
];

/** A run of allocations and flushes of the short machine (max_ctx 511), with what is left of its state. */
function contexts(steps: readonly { readonly flush?: readonly number[]; readonly take: number }[]): unknown {
  const allocator = new ContextAllocator(511, false);
  let taken: number[] = [];
  for (const { flush = [], take } of steps) {
    for (const number of flush) allocator.abandon(number);
    taken = Array.from({ length: take }, () => allocator.allocate());
  }
  const { next, limit, wraps } = allocator;
  return { last: taken.slice(-3), next, limit, wraps, five: allocator.isUsed(5) };
}

const full = { take: 510 };
const first = { flush: [5, 305, 306], take: 2 };

export const CONTEXT_VECTORS: readonly Vector[] = [
  vector(61, 'first three', () => contexts([{ take: 3 }]), {
    last: [1, 2, 3],
    next: 4,
    limit: 511,
    wraps: 0,
    five: false,
  }),
  vector(62, '510', () => contexts([full]), { last: [508, 509, 510], next: 511, limit: 511, wraps: 0, five: true }),
  vector(63, 'then two, when 5, 305 and 306 were flushed', () => contexts([full, first]), {
    last: [305, 306],
    next: 307,
    limit: 307,
    wraps: 1,
    five: false,
  }),
  vector(64, 'then one, when 400 was flushed', () => contexts([full, first, { flush: [400], take: 1 }]), {
    last: [400],
    next: 401,
    limit: 401,
    wraps: 2,
    five: false,
  }),
];

/** The handler of a clear a or d runs after another CPU has zeroed the pte. */
function lostPte(kind: 1 | 2, word: bigint): unknown {
  const host = new TestHost(ia64_16k, { defectsKept: true });
  const mm = host.newMm();
  const vpn = pageOf(ia64_16k, regionBase(1));
  host.mmu.switchMm(host.cpu, null, mm);
  host.setPte(mm, vpn, word | (BigInt(host.pfnOf(host.takePage())) << 14n));
  // An access that has another right leaves the translation in the TLB, with a or d clear.
  if (kind === 2) host.access(1, vpn);
  else host.cpu.tlb.fill(1, (vpn / 2 ** 32) | 0, vpn | 0, host.cpu.context, 0, 0, 2 << 4, 0);
  host.setPte(mm, vpn, 0n);
  host.access(kind, vpn);
  const left = host.getPte(mm, vpn);
  const { kind: state, swapType, swapOffset } = pte.decode(left);
  return [left, state, swapType, swapOffset, generic(left)];
}

export const RACE_VECTORS: readonly Vector[] = [
  vector(65, 'access-bit handler on a zeroed pte', () => lostPte(1, pte.change(PAGE_SHARED, 'mkold')), [
    0x20n,
    'swap',
    8,
    0n,
    0x4000000000000000n,
  ]),
  vector(66, 'dirty-bit handler on a zeroed pte', () => lostPte(2, PAGE_SHARED), [
    0x60n,
    'swap',
    24,
    0n,
    0xc000000000000000n,
  ]),
];

/** The table of section 1: index bits, entries of a slice, RGN_MAP_SHIFT, RGN_MAP_LIMIT. */
export const GEOMETRY_VECTORS: readonly Vector[] = (
  [
    [ia64_4k, 9, 64, 36, 0x0000000ffffff000n],
    [createIa64({ pageShift: 12, levels: 4 }), 9, 64, 45, 0x00001ffffffff000n],
    [ia64_8k, 10, 128, 40, 0x000000ffffffe000n],
    [createIa64({ pageShift: 13, levels: 4 }), 10, 128, 50, 0x0003ffffffffe000n],
    [ia64_16k, 11, 256, 44, 0x00000fffffffc000n],
    [four, 11, 256, 55, 0x007fffffffffc000n],
    [ia64_64k, 13, 1024, 52, 0x000fffffffff0000n],
  ] as const
).map(([arch, bits, slice, shift, limit]) =>
  vector(
    arch.name,
    'index bits, slice, RGN_MAP_SHIFT, RGN_MAP_LIMIT',
    () => {
      const { geometry, layout } = arch;
      const { pageShift } = geometry;
      const covered = geometry.coveredBits + pageShift;
      const entries = 2 ** ((geometry.bits[0] as number) - geometry.regionBits);
      return [indexBits(pageShift), entries, covered, layout.spec.region?.limit, maxContext(18)];
    },
    [bits, slice, shift, limit, 32767],
  ),
);
