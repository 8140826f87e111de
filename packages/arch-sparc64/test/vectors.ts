/**
 * Golden vectors. Origin of all of them: computed from the definitions in asm-sparc64 and arch/sparc64/mm, which are
 * the same in Linux 2.6.12.2 and 2.6.16.38; the numbers are those of the reference's section 14. 8 KiB pages unless stated.
 */
import {
  batchEntry,
  ContextAllocator,
  cheetahDemapWord,
  colourAlign,
  dcacheAliases,
  directMapTte,
  hugePteAt,
  PAGE_NONE,
  PAGE_READONLY,
  PAGE_SHARED,
  sparc64_8k,
  sparc64_64k,
  spitfireDemapWord,
  VpteArea,
  vpteAddress,
  vpteColour,
  vpteFlushRange,
  withPageSizes,
} from '../src/index.js';

export const ORIGIN = 'asm-sparc64, arch/sparc64/mm of 2.6.12.2 and 2.6.16.38';

export interface Vector {
  readonly number: string;
  readonly what: string;
  readonly got: () => unknown;
  readonly want: unknown;
}

const { pte } = sparc64_8k;
const wide = sparc64_64k.pte;
const S111 = 0b1111;
const P001 = 0b0001;
const S011 = 0b1011;
const one = pte.make(0x1234, S111);
const five = pte.change(one, 'mkdirty');
const six = pte.change(one, 'mkold');
const twelve = pte.modify(five, PAGE_NONE);

export const PTE_VECTORS: readonly Vector[] = [
  vector(1, 'pfn 0x1234, PAGE_SHARED', () => [one, pte.make(0x1234, PAGE_SHARED)], [
    w('80000000024697b0'),
    w('80000000024697b0'),
  ]),
  vector(2, 'the same, 64K pages', () => wide.make(0x1234, S111), w('a0000000123417b0')),
  vector(3, 'pfn 0x1234, private read', () => pte.make(0x1234, P001), w('80000000024686b0')),
  vector(4, 'pfn 0x1234, PAGE_NONE', () => pte.make(0x1234, 0), w('00000000024684b0')),
  vector(5, 'mkdirty', () => five, w('8000000002469fb2')),
  vector(6, 'mkold', () => six, w('00000000024693b0')),
  vector(7, 'mkold, mkyoung', () => pte.change(six, 'mkyoung'), w('80000000024697b0')),
  vector(8, 'wrprotect of a dirty page', () => pte.change(five, 'wrprotect'), w('8000000002469eb0')),
  vector(9, 'mkclean', () => pte.change(five, 'mkclean'), w('80000000024697b0')),
  vector(
    10,
    'mkdirty of a read-only page',
    () => pte.change(pte.make(0x1234, PAGE_READONLY), 'mkdirty'),
    w('8000000002469eb2'),
  ),
  vector(11, 'pte_modify of an old page: valid, not young', () => pte.modify(six, P001), w('80000000024682b0')),
  vector(12, 'pte_modify of a dirty page to PAGE_NONE', () => twelve, w('0000000002468cb0')),
  vector(13, 'and on to shared write: dirty, WRITE, no W', () => pte.modify(twelve, S011), w('8000000002468fb0')),
];

export const ENTRY_VECTORS: readonly Vector[] = [
  vector(14, 'swap type 0 offset 1', () => pte.makeSwap(0, 1), w('0000000000200000')),
  vector(15, 'swap type 3 offset 0x1234, and back', () => swap(pte, 3, 0x1234), [w('0000000246806000'), 3, 0x1234n]),
  vector(16, 'swap type 31 offset 0x3ffff', () => pte.makeSwap(31, 0x3ffff), w('0000007fffe3e000')),
  vector(17, 'swap type 3 offset 0x1234, 64K pages', () => swap(wide, 3, 0x1234), [w('0000001234030000'), 3, 0x1234n]),
  vector(18, 'file offsets', () => [0, 1, 0x1234].map((n) => pte.makeFile(n)), [0x800n, 0x2800n, 0x2468800n]),
  vector(19, 'file offset 2^50-1', () => pte.makeFile(2n ** 50n - 1n), w('7fffffffffffe800')),
  vector(20, 'table at 0x2000', () => upper(0x2000n), 0x4n),
  vector(21, 'table at 0x12344000', () => upper(0x12344000n), 0x24688n),
  vector(22, 'table at 0x3fe000000', () => upper(0x3fe000000n), 0x7fc000n),
  vector(23, 'table at 0x7ffffffe000, the highest', () => upper(0x7ffffffe000n), 0xfffffffcn),
];

export const ADDRESS_VECTORS: readonly Vector[] = [
  address('24', 13, '0000000000000000', [0, 0, 0, 0], 'fffffffe00000000'),
  address('25', 13, '0000000000002000', [0, 0, 1, 0], 'fffffffe00000008'),
  address('26', 13, '0000000070000000', [0, 224, 0, 0], 'fffffffe001c0000'),
  address('27', 13, '00000000effffff0', [0, 479, 1023, 8176], 'fffffffe003bfff8'),
  address('28', 13, '0000000100000000', [0, 512, 0, 0], 'fffffffe00400000'),
  address('29', 13, '000007fffffffe00', [511, 2047, 1023, 7680], 'fffffffffffffff8'),
  address('30', 13, 'fffff80000000000', [1536, 0, 0, 0], 'fffffffc00000000'),
  address('31', 13, 'fffff80000012345', [1536, 0, 9, 837], 'fffffffc00000048'),
  address('32', 13, 'fffff80100402000', [1536, 512, 513, 0], 'fffffffc00401008'),
  address('33', 13, 'fffffbffffffe000', [1791, 2047, 1023, 0], 'fffffffcfffffff8'),
  address('34', 13, 'fffffffbffffe000', [2046, 2047, 1023, 0], 'fffffffdfefffff8'),
  address('34b', 13, 'ffffffffffffe000', [2047, 2047, 1023, 0], 'fffffffdfffffff8'),
  address('35', 16, '0000000070000000', [0, 3, 4096, 0], 'ffffffffc0038000'),
  address('36', 16, 'fffff80000012345', [16383, 0, 1, 9029], 'ffffffff80000008'),
];

export const CONTEXT_VECTORS: readonly Vector[] = [
  vector(37, 'first three contexts', () => allocations([1, 2, 3]), [0x400001, 0x400002, 0x400003]),
  vector(38, 'contexts 1022 and 1023', () => allocations([1022, 1023]), [0x4003fe, 0x4003ff]),
  vector(39, 'contexts 1024 and 1025: the version wraps', () => allocations([1024, 1025]), [0x800001, 0x800002]),
  vector(40, '4M huge hook of cheetah_plus', () => pageSizes(0x400005), [0x580005, 0x180005, 5]),
];

const dataEntry = batchEntry(0x70002000n, false);
const execEntry = batchEntry(0x70002000n, true);

export const KERNEL_VECTORS: readonly Vector[] = [
  vector(41, 'direct map, first page', () => directMapTte(w('fffff80000000000')), w('e000000000000036')),
  vector(42, 'direct map, second 4 MiB', () => directMapTte(w('fffff80000400000')), w('e000000000400036')),
  vector(43, 'direct map, inside a page', () => directMapTte(w('fffff80012345000')), w('e000000012344036')),
  vector(44, 'batch entry, data and executable', () => [dataEntry, execEntry], [0x70002000n, 0x70002001n]),
  vector(45, 'spitfire demap word', () => [dataEntry, execEntry].map(spitfireDemapWord), [0x70002010n, 0x70002010n]),
  vector(46, 'cheetah demap word', () => [dataEntry, execEntry].map(cheetahDemapWord), [0x70002000n, 0x70002000n]),
];

const huge = pte.change(pte.change(pte.make(0x800, S111), 'mkhuge'), 'mkdirty');

export const COLOUR_VECTORS: readonly Vector[] = [
  vector(47, '4M page at pfn 0x800, first pte', () => hugePteAt(13, huge, 0), w('e000000001001fb2')),
  vector(48, 'the second and the last pte', () => [1, 511].map((i) => hugePteAt(13, huge, i)), [
    w('e000000001003fb2'),
    w('e0000000013ffFb2'),
  ]),
  vector(49, 'colour align 0x70000000', () => [0n, 1n].map((n) => colourAlign(13, 0x70000000n, n)), [
    0x70000000n,
    0x70002000n,
  ]),
  vector(50, 'colour align 0x70002000', () => [1n, 2n].map((n) => colourAlign(13, 0x70002000n, n)), [
    0x70006000n,
    0x70004000n,
  ]),
  vector(51, 'VPTE colour, low', () => [0x70000000n, 0x70800000n].map((va) => vpteColour(13, va)), [0, 1]),
  vector(
    52,
    'VPTE colour, high',
    () => [w('fffff80000000000'), w('fffff80000800000')].map((va) => vpteColour(13, va)),
    [0, 1],
  ),
  vector(53, 'alias: bit 13 differs', () => dcacheAliases(w('fffff80000004000'), 0x70002000n), true),
  vector(54, 'no alias', () => dcacheAliases(w('fffff80000006000'), 0x70002000n), false),
];

/** 59 needs a machine and is in flush.test.ts. */
export const FLUSH_VECTORS: readonly Vector[] = [
  range(55, '70000000', '70002000', ['fffffffe001c0000', 'fffffffe001c2000'], 1),
  range(56, '70000000', '71000000', ['fffffffe001c0000', 'fffffffe001c4000'], 2),
  range(57, '0', '80000000', ['fffffffe00000000', 'fffffffe00200000'], 256),
  range(58, 'fffff80000000000', 'fffff80000002000', ['fffffffc00000000', 'fffffffc00002000'], 1),
  range(60, '7ffff000000', 'fffff80000800000', ['fffffffc00002000', 'ffffffffffffc000'], 2097149),
];

function vector(number: number, what: string, got: () => unknown, want: unknown): Vector {
  return { number: String(number), what, got, want };
}

function w(digits: string): bigint {
  return BigInt(`0x${digits}`);
}

function swap(codec: typeof pte, type: number, offset: number): unknown[] {
  const word = codec.makeSwap(type, offset);
  const back = codec.decode(word);
  return [word, back.swapType, back.swapOffset];
}

function upper(pa: bigint): bigint {
  const word = sparc64_8k.tables.make('pgd', pa);
  const back = sparc64_8k.tables.decode('pmd', word);
  if (back.table !== pa || back.none || back.bad || !back.present) throw new Error('does not decode to the table');
  return word;
}

function address(number: string, pageShift: 13 | 16, va: string, want: readonly number[], vpte: string): Vector {
  const { geometry } = pageShift === 13 ? sparc64_8k : sparc64_64k;
  const at = w(va);
  const vpn = at >> BigInt(pageShift);
  const index = (level: number): number => geometry.index(level, Number(vpn >> 32n), Number(BigInt.asIntN(32, vpn)));
  return {
    number,
    what: `0x${va}, page shift ${pageShift}`,
    got: () => [index(0), index(1), index(2), Number(at % BigInt(2 ** pageShift)), vpteAddress(pageShift, at)],
    want: [...want, w(vpte)],
  };
}

function allocations(which: readonly number[]): number[] {
  const contexts = new ContextAllocator(10);
  const given = Array.from({ length: Math.max(...which) }, () => contexts.allocate(0));
  return which.map((n) => given[n - 1] as number);
}

function pageSizes(value: number): number[] {
  const contexts = new ContextAllocator(10);
  const after = withPageSizes(value, 0, 3);
  return [after, contexts.hardwareOf(after), contexts.numberOf(after)];
}

function range(number: number, start: string, end: string, want: readonly string[], entries: number): Vector {
  return {
    number: String(number),
    what: `linear table of [0x${start}, 0x${end})`,
    got: () => {
      const r = vpteFlushRange(new VpteArea(13), Number(w(start) >> 13n), Number(w(end) >> 13n), true);
      return [BigInt(r.first) << 13n, BigInt(r.end) << 13n, r.end - r.first];
    },
    want: [...want.map(w), entries],
  };
}
