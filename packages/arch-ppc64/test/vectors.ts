/**
 * Golden vectors. Origin: computed from the definitions of include/asm-powerpc and arch/powerpc/mm of Linux 2.6.16.38,
 * whose formats are those of Nov 2005 (2.6.15-rc); the numbers are those of the reference's section 12. The hash table has
 * 0x20000 groups throughout (1 GiB of memory).
 */
import { type ArchDescriptor, type DecodedPte, lowWord, type Mm } from '@fourfold/core/arch';
import {
  busyPteLo,
  ContextAllocator,
  createPpc64,
  groupOf,
  groupsFor,
  HARDWARE_PAGES,
  hashOf,
  highAreaMask,
  hpteFlags,
  hpteFlagsMask,
  hpteR,
  hpteV,
  hugeHpteFlags,
  hugeSlot,
  kernelVsid,
  lowAreaMask,
  PAGE_KERNEL,
  ppc64_4k,
  ppc64_64k,
  SLB_VSID_KERNEL,
  SLB_VSID_USER,
  scramble,
  sdr1Size,
  slbEsidWord,
  slbieOperand,
  slbVsidWord,
  tlbieOperand,
  userProto,
  userVsid,
  virtualAddress,
} from '../src/index.js';
import { TestHost } from './host.js';

export const ORIGIN = 'asm-powerpc, arch/powerpc/mm of 2.6.16.38';

export interface Vector {
  readonly number: string;
  readonly what: string;
  readonly got: () => unknown;
  readonly want: unknown;
}

const GROUPS = 0x20000;
const MASK = GROUPS - 1;
const LOAD = 1;
const STORE = 2;
const NONE = 0;
const READONLY = 1;
const COPY = 3;
const READONLY_X = 5;
const SHARED = 11;

const narrow = ppc64_4k.pte;
const wide = ppc64_64k.pte;
const dirty = (word: bigint): bigint => narrow.change(word, 'mkdirty');
const one = dirty(narrow.make(0x12345, SHARED));
const five = w('00000002468ad793');
const wideOne = dirty(wide.make(0x12345, SHARED));

export const VECTORS_4K: readonly Vector[] = [
  vector('12.1 #1', 'pfn 0x12345 SHARED dirty', () => one, w('00000002468a0393')),
  vector('12.1 #2', 'pfn 0x12345 COPY', () => narrow.make(0x12345, COPY), w('00000002468a0113')),
  vector('12.1 #3', 'pfn 0x12345 NONE', () => narrow.make(0x12345, NONE), w('00000002468a0101')),
  vector('12.1 #4', 'kernel pfn 0x12345', () => narrow.make(0x12345, PAGE_KERNEL), w('00000002468a0391')),
  vector('12.1 #5', 'a hashed pte decodes as without its hash bits', () => facts(five), facts(one)),
  vector('12.1 #6', 'pte_modify to READONLY', () => narrow.modify(five, READONLY), w('00000002468ad593')),
  vector('12.1 #7', 'only HASHPTE and slot: none', () => narrow.decode(0xd400n).kind, 'none'),
  vector('12.1 #8', 'swap (0,1) and (1,0x1234)', () => [narrow.makeSwap(0, 1), narrow.makeSwap(1, 0x1234)], [
    w('0000000002000000'),
    w('0000002468040000'),
  ]),
  vector('12.1 #9', 'swap (31,0xabcdef)', () => narrow.makeSwap(31, 0xabcdef), w('0001579bde7c0000')),
  vector('12.1 #10', 'file offsets', () => [1n, 0x12345n, 2n ** 47n - 1n].map((n) => narrow.makeFile(n)), [
    w('0000000000020002'),
    w('00000002468a0002'),
    w('fffffffffffe0002'),
  ]),
  indices('12.1 #11', ppc64_4k, '100f1234', [0, 1, 0, 241, 0x234]),
  indices('12.1 #12', ppc64_4k, 'f7ff0000', [0, 15, 63, 496, 0]),
  indices('12.1 #13', ppc64_4k, '0000040000000000', [128, 0, 0, 0, 0]),
  indices('12.1 #14', ppc64_4k, '00000fffffff0123', [511, 127, 127, 496, 0x123]),
  indices('12.1 #15', ppc64_4k, '0000080000abcdef', [256, 0, 5, 188, 0xdef]),
  vector('12.1 #16', 'pmd for the pte table at 0x12345000', () => upper(ppc64_4k, 0x12345000n), [
    w('c000000012345000'),
    0x12345000n,
  ]),
];

export const VECTORS_64K: readonly Vector[] = [
  vector('12.2 #1', 'frame 0x12345 SHARED dirty', () => wideOne, w('0001234500000393')),
  vector(
    '12.2 #2',
    'frame 0x12345 COPY, NONE, kernel',
    () => [wide.make(0x12345, COPY), wide.make(0x12345, NONE), wide.make(0x12345, PAGE_KERNEL)],
    [w('0001234500000113'), w('0001234500000101'), w('0001234500000391')],
  ),
  vector(
    '12.2 #3',
    'pte_modify keeps the hash bits',
    () => wide.modify(w('0001234511000793'), READONLY),
    w('0001234511000593'),
  ),
  vector('12.2 #4', 'swap (0,1) and (1,0x1234)', () => [wide.makeSwap(0, 1), wide.makeSwap(1, 0x1234)], [
    w('0000010000000000'),
    w('0012340200000000'),
  ]),
  vector('12.2 #5', 'swap (31,0xabcdef)', () => wide.makeSwap(31, 0xabcdef), w('abcdef3e00000000')),
  vector('12.2 #6', 'file offsets', () => [1n, 0x12345n, 2n ** 32n - 1n].map((n) => wide.makeFile(n)), [
    w('0000000100000002'),
    w('0001234500000002'),
    w('ffffffff00000002'),
  ]),
  vector(
    '12.2 #7',
    '2.6.18 has another shift: its words are not ours',
    () => [wide.makeSwap(1, 0x1234) === w('00048d0080000000'), wide.makeFile(0x12345) === w('000048d140000002')],
    [false, false],
  ),
  indices('12.2 #8', ppc64_64k, '100f1234', [0, 1, 15, 0x1234]),
  indices('12.2 #9', ppc64_64k, 'f7ff0000', [0, 15, 2047, 0]),
  indices('12.2 #10', ppc64_64k, 'ffffe123', [0, 15, 4095, 0xe123]),
  indices('12.2 #11', ppc64_64k, '0000040000000000', [4, 0, 0, 0]),
  indices('12.2 #12', ppc64_64k, '00000fffffff0123', [15, 4095, 4095, 0x123]),
  indices('12.2 #13', ppc64_64k, '0000080000abcdef', [8, 0, 171, 0xcdef]),
  vector(
    '12.2 #14',
    'combo store, ctx 1, EA 0x10003000, frame 0x1234 SHARED, slot 5 primary',
    () =>
      hashed(ppc64_64k, {
        context: 1,
        ea: 0x10003000n,
        pfn: 0x1234,
        prot: SHARED,
        kind: STORE,
        slot: 5,
        secondary: false,
      }),
    {
      stored: w('0000123410000313'),
      busy: 0x10000f93,
      va: w('6f211e6da0003000'),
      hash: 0x6f211e6d9n,
      group: 0x1e6d9,
      v: w('00006f211e6da001'),
      r: w('0000000012343196'),
      pte: w('0000123411000793'),
      hidx: w('0000000000005000'),
    },
  ),
  vector(
    '12.2 #15',
    'combo load, ctx 1, EA 0x1000f000, frame 0x1234 READONLY, slot 2 secondary',
    () =>
      hashed(ppc64_64k, {
        context: 1,
        ea: 0x1000f000n,
        pfn: 0x1234,
        prot: READONLY,
        kind: LOAD,
        slot: 2,
        secondary: true,
      }),
    {
      stored: w('0000123410000113'),
      busy: 0x10000d13,
      va: w('6f211e6da000f000'),
      hash: 0x6f211e6d5n,
      group: 0x0192a,
      v: w('00006f211e6da003'),
      r: w('000000001234f117'),
      pte: w('0000123410001513'),
      hidx: w('a000000000000000'),
    },
  ),
  vector(
    '12.2 #16',
    '64 KiB HPTE, EA 0x10030000, frame 0x1234 SHARED dirty',
    () => words({ context: 1, ea: 0x10030000n, page: '64K', pa: 0x12340000n, pte: 0x393, secondary: false }),
    {
      va: w('6f211e6da0030000'),
      hash: 0x6f211e6d9n,
      group: 0x1e6d9,
      v: w('00006f211e6da005'),
      r: w('0000000012341196'),
    },
  ),
  vector(
    '12.2 #16b',
    'its pte: slot 6 in bits 15:12',
    () => finalPte(ppc64_64k, w('0000123400000393'), 6),
    w('0000123400006793'),
  ),
  vector(
    '12.2 #17',
    'set_pte_at of a combo kernel',
    () => [wideOne, wide.makeSwap(1, 0x1234), wide.makeFile(0x12345)].map((word) => stored(ppc64_64k, word)),
    [w('0001234510000393'), w('0012340210000000'), w('0001234510000002')],
  ),
  vector(
    '12.2 #17b',
    'which decode as before',
    () => [wide.decode(w('0012340210000000')).swapOffset, wide.decode(w('0001234510000002')).fileOffset],
    [0x1234n, 0x12345n],
  ),
  vector('12.2 #18', 'only COMBO: none', () => wide.decode(0x10000000n).kind, 'none'),
  vector(
    '12.2 #19',
    'tlbie operands of 64 KiB and 16 MiB pages',
    () => [
      tlbieOperand(w('6f211e6da0030000'), HARDWARE_PAGES['64K']),
      tlbieOperand(w('799927c541000000'), HARDWARE_PAGES['16M']),
    ],
    [w('00001e6da0030000'), w('000027c541000000')],
  ),
];

export const VECTORS_HASH: readonly Vector[] = [
  vsid('12.3 #1', 'ctx 1, EA 0', 1, 0n, [0x10000, 0x6e61b00bf]),
  vsid('12.3 #1b', 'ctx 1, EA 0x10000000', 1, 0x10000000n, [0x10001, 0x6f211e6da]),
  vector('12.3 #2', 'ctx 1, EA 0xf7ff0000', () => userVsid(1, 15), 0x799927c54),
  vsid('12.3 #2b', 'ctx 1, EA 0x40000000000', 1, 0x40000000000n, [0x14000, 0x49fa1c0ef]),
  vsid('12.3 #3', 'ctx 2, EA 0x10000000', 2, 0x10000000n, [0x20001, 0xdd82ce799]),
  vsid('12.3 #4', 'ctx 0x7ffff, EA 0xfffffff0000', 0x7ffff, 0xfffffff0000n, [0x7ffffffff, 0x7fa048cf2]),
  vector(
    '12.3 #5',
    'kernel 0xc000...',
    () => ['c000000000000000', 'c000000010000000'].map((a) => kernelVsid(w(a))),
    [0x408f92c94, 0x414f012af],
  ),
  vector(
    '12.3 #6',
    'kernel 0xd000... and 0xe000...',
    () => ['d000000000000000', 'e000000000000000'].map((a) => kernelVsid(w(a))),
    [0xf09b89af5, 0xa0a780957],
  ),
  vector('12.3 #7', 'scramble of 2^36 - 1', () => scramble(0xfffffffff), 0),
  vector(
    '12.3 #8',
    'SLB slot 0, linear map of 16 MiB or 4 KiB pages',
    () => [
      slbEsidWord(w('c000000000000000'), 0),
      ...(['16M', '4K'] as const).map((size) =>
        slbVsidWord(kernelVsid(w('c000000000000000')), SLB_VSID_KERNEL, HARDWARE_PAGES[size].sllp),
      ),
    ],
    [w('c000000008000000'), w('0000408f92c94500'), w('0000408f92c94400')],
  ),
  vector(
    '12.3 #9',
    'SLB slot 1',
    () => [slbEsidWord(w('d000000000000000'), 1), slbVsidWord(kernelVsid(w('d000000000000000')), SLB_VSID_KERNEL, 0)],
    [w('d000000008000001'), w('0000f09b89af5400')],
  ),
  vector(
    '12.3 #10',
    'user SLB, ctx 1, EA 0x10000000, slot 4',
    () => [slbEsidWord(0x10000000n, 4), slbVsidWord(userVsid(1, 1), SLB_VSID_USER, 0)],
    [w('0000000018000004'), w('00006f211e6dac80')],
  ),
  vector(
    '12.3 #11',
    'user SLB, ctx 1, EA 0xf0000000, slot 5, huge',
    () => [slbEsidWord(0xf0000000n, 5), slbVsidWord(userVsid(1, 15), SLB_VSID_USER, HARDWARE_PAGES['16M'].sllp)],
    [w('00000000f8000005'), w('0000799927c54d80')],
  ),
  vector('12.3 #12', 'slbie of ESID 1', () => slbieOperand(1), 0x18000000n),
  vector(
    '12.3 #13',
    'table for 16 MiB, 512 MiB, 1 GiB, 3 GiB, 64 GiB',
    () =>
      [2 ** 24, 2 ** 29, 2 ** 30, 3 * 2 ** 30, 2 ** 36].map((ram) => [
        groupsFor(ram),
        groupsFor(ram) * 128,
        sdr1Size(groupsFor(ram)),
      ]),
    [
      [0x800, 2 ** 18, 0],
      [0x10000, 2 ** 23, 5],
      [0x20000, 2 ** 24, 6],
      [0x80000, 2 ** 26, 8],
      [0x800000, 2 ** 30, 12],
    ],
  ),
  vector(
    '12.3 #14',
    'store, ctx 1, EA 0x10001000, pfn 0x12345 SHARED clean, slot 0',
    () =>
      hashed(ppc64_4k, {
        context: 1,
        ea: 0x10001000n,
        pfn: 0x12345,
        prot: SHARED,
        kind: STORE,
        slot: 0,
        secondary: false,
      }),
    {
      stored: w('00000002468a0313'),
      busy: 0x468a0f93,
      va: w('6f211e6da0001000'),
      hash: 0x6f211e6dbn,
      group: 0x1e6db,
      v: w('00006f211e6da001'),
      r: w('0000000012345196'),
      pte: w('00000002468a0793'),
      hidx: null,
    },
  ),
  vector(
    '12.3 #14b',
    'flags, secondary group, first slot, tlbie operand',
    () => [
      hpteFlags(0x468a0f93),
      groupOf(0x6f211e6dbn, MASK, true),
      groupOf(0x6f211e6dbn, MASK, false) * 8,
      tlbieOperand(w('6f211e6da0001000'), HARDWARE_PAGES['4K']),
    ],
    [0x196, 0x01924, 0xf36d8, w('00001e6da0001000')],
  ),
  vector(
    '12.3 #15',
    'load of the same pte, slot 3',
    () =>
      hashed(ppc64_4k, {
        context: 1,
        ea: 0x10001000n,
        pfn: 0x12345,
        prot: SHARED,
        kind: LOAD,
        slot: 3,
        secondary: false,
      }),
    {
      stored: w('00000002468a0313'),
      busy: 0x468a0f13,
      va: w('6f211e6da0001000'),
      hash: 0x6f211e6dbn,
      group: 0x1e6db,
      v: w('00006f211e6da001'),
      r: w('0000000012345117'),
      pte: w('00000002468a3713'),
      hidx: null,
    },
  ),
  vector('12.3 #16', 'then a store: PP alone changes, C stays 0', () => loadThenStore(), [
    w('0000000012345117'),
    w('0000000012345116'),
    w('00000002468a3793'),
  ]),
  vector(
    '12.3 #17',
    'load, ctx 1, EA 0x10000000, pfn 0x54321 READONLY_X, slot 5 secondary',
    () =>
      hashed(ppc64_4k, {
        context: 1,
        ea: 0x10000000n,
        pfn: 0x54321,
        prot: READONLY_X,
        kind: LOAD,
        slot: 5,
        secondary: true,
      }),
    {
      stored: w('0000000a86420117'),
      busy: lowWord(0x86420d17n),
      va: w('6f211e6da0000000'),
      hash: 0x6f211e6dan,
      group: 0x01925,
      v: w('00006f211e6da003'),
      r: w('0000000054321113'),
      pte: w('0000000a8642d517'),
      hidx: null,
    },
  ),
  vector(
    '12.3 #18',
    'store, ctx 2, EA 0x40000000000, pfn 0xabcde SHARED, slot 7',
    () =>
      hashed(ppc64_4k, {
        context: 2,
        ea: 0x40000000000n,
        pfn: 0xabcde,
        prot: SHARED,
        kind: STORE,
        slot: 7,
        secondary: false,
      }),
    {
      stored: w('0000001579bc0313'),
      busy: 0x79bc0f93,
      va: w('b85bcc1ae0000000'),
      hash: 0xb85bcc1aen,
      group: 0x0c1ae,
      v: w('0000b85bcc1ae001'),
      r: w('00000000abcde196'),
      pte: w('0000001579bc7793'),
      hidx: null,
    },
  ),
  vector(
    '12.3 #18b',
    'its VSID, first slot, secondary group',
    () => [userVsid(2, 0x4000), 0x0c1ae * 8, groupOf(0xb85bcc1aen, MASK, true)],
    [0xb85bcc1ae, 0x60d70, 0x13e51],
  ),
  vector(
    '12.3 #19',
    'user noncached guarded dirty, pfn 0xf8000',
    () => {
      const flags = hpteFlags(0x393 | 0x28);
      return [flags, hpteR(0xf8000000n, HARDWARE_PAGES['4K'], BigInt(flags))];
    },
    [0x1be, w('00000000f80001be')],
  ),
  vector(
    '12.3 #20',
    'huge, ctx 1, EA 0xf1000000, pfn 0x21000',
    () => words({ context: 1, ea: 0xf1000000n, page: '16M', pa: 0x21000000n, pte: 0x393, secondary: false }),
    {
      va: w('799927c541000000'),
      hash: 0x799927c55n,
      group: 0x07c55,
      v: w('0000799927c54105'),
      r: w('0000000021000016'),
    },
  ),
  vector(
    '12.3 #20b',
    'its pte in a 4 KiB kernel, and its place',
    () => [
      finalPte(ppc64_4k, w('0000000420000393'), 2),
      hugeSlot(12).level,
      indicesOf(ppc64_4k, 0xf1000000n).slice(0, 3),
    ],
    [w('0000000420002793'), 'pmd', [0, 15, 8]],
  ),
  vector(
    '12.3 #21',
    'the same in a 64 KiB kernel',
    () => [
      finalPte(ppc64_64k, w('0000210000000393'), 2),
      hugeSlot(16).level,
      indicesOf(ppc64_64k, 0xf1000000n).slice(0, 3),
    ],
    [w('0000210000002793'), 'pte', [0, 15, 256]],
  ),
  vector(
    '12.3 #22',
    'huge, ctx 1, EA 0xf0000000000',
    () => ({
      ...words({ context: 1, ea: 0xf0000000000n, page: '16M', pa: 0n, pte: 0x393, secondary: false }),
      proto: userProto(1, 0xf000),
      area: highAreaMask(0xf0000000000n, 2n ** 24n),
      slots: [indicesOf(ppc64_4k, 0xf0000000000n).slice(0, 3), indicesOf(ppc64_64k, 0xf0000000000n).slice(0, 3)],
    }),
    {
      va: w('e5dd451720000000'),
      hash: 0xe5dd45172n,
      group: 0x05172,
      v: w('0000e5dd45172005'),
      r: 0x16n,
      proto: 0x1f000,
      area: 1 << 15,
      slots: [
        [480, 0, 0],
        [15, 0, 0],
      ],
    },
  ),
  vector(
    '12.3 #23',
    'bolted linear page at 0x1000000',
    () => {
      const ea = w('c000000001000000');
      const va = virtualAddress(kernelVsid(ea), ea);
      const page = HARDWARE_PAGES['16M'];
      return [
        kernelVsid(ea),
        va,
        hashOf(va, 24),
        groupOf(hashOf(va, 24), MASK, false),
        hpteV(va, page, false, true),
        hpteR(0x1000000n, page, 0x194n),
      ];
    },
    [0x408f92c94, w('408f92c941000000'), 0x408f92c95n, 0x12c95, w('0000408f92c94115'), w('0000000001000194')],
  ),
  vector(
    '12.3 #23b',
    'as a machine made it at boot',
    () => {
      const host = new TestHost(ppc64_4k, { pages: 0x4000, groups: GROUPS });
      return host.hpte(0x12c95, 0);
    },
    { v: w('0000408f92c94115'), r: w('0000000001000194') },
  ),
  vector(
    '12.3 #24',
    'LOW masks',
    () =>
      [
        [0x10000000n, 2n ** 24n],
        [0x1f000000n, 2n ** 25n],
        [0xf0000000n, 2n ** 29n],
        [0n, 2n ** 32n],
      ].map(([a, l]) => lowAreaMask(a as bigint, l as bigint)),
    [0x0002, 0x0006, 0x8000, 0xffff],
  ),
  vector(
    '12.3 #25',
    'HIGH masks',
    () =>
      [
        [2n ** 32n, 2n ** 24n],
        [2n ** 40n, 2n ** 24n],
        [2n ** 40n - 2n ** 24n, 2n ** 25n],
        [2n ** 44n - 2n ** 24n, 2n ** 24n],
      ].map(([a, l]) => highAreaMask(a as bigint, l as bigint)),
    [0x0001, 0x0002, 0x0003, 0x8000],
  ),
  vector('12.3 #26', '193 unmaps: one flush at the 192nd, one entry stays', () => unmaps(193), {
    flushedAt: [192],
    left: 1,
  }),
];

function vector(number: string, what: string, got: () => unknown, want: unknown): Vector {
  return { number, what, got, want };
}

function w(digits: string): bigint {
  return BigInt(`0x${digits}`);
}

function facts(word: bigint): Omit<DecodedPte, 'value'> {
  const { value: _, ...rest } = narrow.decode(word);
  return rest;
}

function upper(arch: ArchDescriptor, pa: bigint): bigint[] {
  const word = arch.tables.make('pmd', pa);
  const back = arch.tables.decode('pmd', word);
  if (back.none || back.bad || !back.present) throw new Error('does not decode as a table');
  return [word, back.table];
}

function indicesOf(arch: ArchDescriptor, ea: bigint): number[] {
  const { geometry } = arch;
  const vpn = ea >> BigInt(geometry.pageShift);
  return geometry.names.map((_, level) => geometry.index(level, Number(vpn >> 32n), lowWord(vpn)));
}

function indices(number: string, arch: ArchDescriptor, ea: string, want: readonly number[]): Vector {
  const at = w(ea);
  return {
    number,
    what: `EA 0x${ea}: index of each level, offset`,
    got: () => [...indicesOf(arch, at), Number(at % BigInt(arch.pageSize))],
    want: [...want],
  };
}

function vsid(number: string, what: string, context: number, ea: bigint, want: readonly number[]): Vector {
  const esid = Number(ea >> 28n);
  return vector(number, what, () => [userProto(context, esid), userVsid(context, esid)], [...want]);
}

/** What set_pte_at stores. */
function stored(arch: ArchDescriptor, word: bigint): bigint {
  const host = new TestHost(arch);
  host.setPte(host.run(), 0x100, word);
  return host.pte([...host.mms][0] as Mm, 0x100);
}

/** The pte after hash_page, or hash_huge_page, recorded one HPTE in bits 15:12. */
function finalPte(arch: ArchDescriptor, word: bigint, index: number): bigint {
  return (word & ~hpteFlagsMask(arch.geometry.pageShift as 12 | 16)) | 0x400n | (BigInt(index) << 12n);
}

/** Virtual address, hash, group and the two words of an HPTE, from the functions for whole words. */
function words(o: {
  context: number;
  ea: bigint;
  page: '64K' | '16M';
  pa: bigint;
  pte: number;
  secondary: boolean;
}): Record<string, unknown> {
  const page = HARDWARE_PAGES[o.page];
  const va = virtualAddress(userVsid(o.context, Number(o.ea >> 28n)), o.ea);
  const hash = hashOf(va, page.shift);
  const flags = o.page === '16M' ? hugeHpteFlags(BigInt(o.pte)) : BigInt(hpteFlags(o.pte));
  return {
    va,
    hash,
    group: groupOf(hash, MASK, o.secondary),
    v: hpteV(va, page, o.secondary),
    r: hpteR(o.pa, page, flags),
  };
}

interface Case {
  readonly context: number;
  readonly ea: bigint;
  readonly pfn: number;
  readonly prot: number;
  readonly kind: 1 | 2;
  readonly slot: number;
  readonly secondary: boolean;
}

/** Runs one access on a machine whose memory holds the frame, and reads the words it left. */
function hashed(arch: ArchDescriptor, c: Case): Record<string, unknown> {
  const { host, mm, vpn, group } = prepared(arch, c);
  const before = host.pte(mm, vpn);
  if (host.access(c.kind, c.ea) < 0) throw new Error('the access faulted');
  const va = virtualAddress(userVsid(c.context, Number(c.ea >> 28n)), c.ea);
  return {
    stored: before,
    busy: busyPteLo(lowWord(before), c.kind === STORE),
    va,
    hash: hashOf(va, 12),
    group,
    ...host.hpte(group, c.slot),
    pte: host.pte(mm, vpn),
    hidx: arch === ppc64_64k ? host.hidx(mm, vpn) : null,
  };
}

function prepared(arch: ArchDescriptor, c: Case): { host: TestHost; mm: Mm; vpn: number; group: number } {
  // 2 MiB for the table do not fit beside everything else, so the machine has few frames around the one asked for.
  const pages = arch.geometry.pageShift === 12 ? 0x2400 : 0x240;
  const host = new TestHost(createPpc64({ pageShift: arch.geometry.pageShift as 12 | 16 }), {
    pages,
    firstPfn: c.pfn - 0x40,
    groups: GROUPS,
  });
  for (let context = 1; context < c.context; context++) host.newMm();
  const mm = host.run();
  const vpn = Number(c.ea >> BigInt(arch.geometry.pageShift));
  host.setPte(mm, vpn, arch.pte.make(c.pfn, c.prot));
  const hash = hashOf(virtualAddress(userVsid(c.context, Number(c.ea >> 28n)), c.ea), 12);
  const group = groupOf(hash, MASK, c.secondary);
  if (c.secondary) host.occupy(groupOf(hash, MASK, false), 8);
  host.occupy(group, c.slot);
  return { host, mm, vpn, group };
}

function loadThenStore(): bigint[] {
  const ea = 0x10001000n;
  const { host, mm, vpn, group } = prepared(ppc64_4k, {
    context: 1,
    ea,
    pfn: 0x12345,
    prot: SHARED,
    kind: LOAD,
    slot: 3,
    secondary: false,
  });
  host.access(LOAD, ea);
  const { r } = host.hpte(group, 3);
  host.access(STORE, ea);
  return [r, host.hpte(group, 3).r, host.pte(mm, vpn)];
}

function unmaps(n: number): { flushedAt: number[]; left: number } {
  const host = new TestHost(ppc64_4k);
  const mm = host.run();
  for (let i = 0; i < n; i++) {
    host.setPte(mm, 0x100 + i, narrow.make(0, READONLY));
    host.access(LOAD, BigInt(0x100 + i) << 12n);
  }
  const flushedAt: number[] = [];
  for (let i = 0; i < n; i++) {
    host.changePte(mm, 0x100 + i, 0n);
    if (host.cpu.batch.nr === 0) flushedAt.push(i + 1);
  }
  return { flushedAt, left: host.cpu.batch.nr };
}

/** The first ids a machine gives. */
export function firstIds(): number[] {
  const contexts = new ContextAllocator();
  return [1, 2, 3].map(() => contexts.allocate({} as Mm));
}
