/**
 * The code that runs on the emulated UltraSPARC, from a ROM with the instruction MMU off. It obeys a list of orders in
 * physical memory: load a TTE into the data MMU as a fill does, probe an address with a load and a store of the byte that was
 * read, both as user mode, or demap the context. A trap notes its type and the MMU's registers and goes on behind the access.
 *
 * %i0 list, %i1 results, %l0 order, %l1 and %l2 its operands, %l3 trap type (0 none), %l4 SFSR, %l5 tag access, %l6 byte.
 */
import { assemble, type Line } from '../assembler.js';
import {
  add,
  ba,
  be,
  cmp,
  done,
  lduba,
  ldxa,
  ldxaAt,
  membarSync,
  mov,
  nop,
  PR,
  REG,
  rdpr,
  sethi,
  sllx,
  stba,
  stxa,
  stxaAt,
  wrAsi,
  wrpr,
} from './instructions.js';

/** Physical addresses. */
export const DONE_AT = 0x8000;
export const LIST_AT = 0x10_0000;
export const RESULTS_AT = 0x80_0000;
/** An order: what, and two operands. */
export const ORDER_BYTES = 32;
export const ORDER = { end: 0, tte: 1, demap: 2, context: 3, probe: 4 } as const;
/** A result of one probe: doublewords at these offsets. */
export const RESULT_BYTES = 64;
export const RESULT = {
  loadTrap: 0,
  loadSfsr: 8,
  loadTag: 16,
  byte: 24,
  storeTrap: 32,
  storeSfsr: 40,
  storeTag: 48,
} as const;

/** Address spaces: physical memory, user mode in the primary context, and the MMU's own. */
const ASI_PHYS_USE_EC = 0x14;
const ASI_AIUP = 0x10;
const ASI_LSU_CONTROL = 0x45;
const ASI_DMMU = 0x58;
const ASI_DTLB_DATA_IN = 0x5c;
const ASI_DMMU_DEMAP = 0x5f;
const PRIMARY_CONTEXT = 0x08;
const SFSR = 0x18;
const TAG_ACCESS = 0x30;
const DEMAP_PRIMARY_CONTEXT = 0x40;
const LSU_DM = 0x8;
const PSTATE_PRIV = 0x4;

/** The ROM's address, which is also the trap table's; shifted to fit sethi. */
const ROM_SHIFT = 16;
const ROM_SHIFTED = 0x1fff000;
const TRAPS = 0x200;
const POWER_ON = 1;
const START = 0x8000;

const { g0, g1, i0, i1, l0, l1, l2, l3, l4, l5, l6, l7 } = REG;

/** One handler for all traps but the reset, of 32 bytes at most. */
const HANDLERS: readonly Line[] = Array.from({ length: TRAPS }, (_, type): readonly Line[] =>
  type === POWER_ON
    ? [{ origin: type * 32 }, [ba('start'), 'where the processor starts'], [nop(), '']]
    : [
        { origin: type * 32 },
        [rdpr(PR.tt, l3), 'which trap it was'],
        [mov(SFSR, l7), ''],
        [ldxaAt(l7, ASI_DMMU, l4), 'fault status'],
        [mov(TAG_ACCESS, l7), ''],
        [ldxaAt(l7, ASI_DMMU, l5), 'page and context that missed'],
        [done(), 'on behind the access'],
      ],
).flat();

const CODE: readonly Line[] = [
  ...HANDLERS,
  { origin: START },
  'start:',
  [wrpr(g0, 0, PR.tl), 'no trap is being handled'],
  [wrpr(g0, PSTATE_PRIV, PR.pstate), 'privileged, no interrupts, the ordinary globals'],
  [sethi(ROM_SHIFTED, g1), ''],
  [sllx(g1, ROM_SHIFT, g1), ''],
  [wrpr(g1, 0, PR.tba), 'the handlers'],
  [wrAsi(ASI_PHYS_USE_EC), 'what is ours is read and written by physical address'],
  [sethi(LIST_AT, i0), ''],
  [sethi(RESULTS_AT, i1), ''],
  [mov(LSU_DM, l0), ''],
  [stxaAt(l0, g0, ASI_LSU_CONTROL), 'the data MMU on'],
  [membarSync(), ''],
  'each:',
  [ldxa(i0, 0, l0), ''],
  [ldxa(i0, 8, l1), ''],
  [ldxa(i0, 16, l2), ''],
  [cmp(l0, ORDER.probe), ''],
  [be('probe'), ''],
  [add(i0, ORDER_BYTES, i0), ''],
  [cmp(l0, ORDER.tte), ''],
  [be('tte'), ''],
  [cmp(l0, ORDER.demap), ''],
  [be('demap'), ''],
  [cmp(l0, ORDER.context), ''],
  [be('context'), ''],
  [nop(), ''],
  [sethi(DONE_AT, l7), ''],
  [mov(1, l0), ''],
  [stxa(l0, l7, 0), 'whoever started the emulator waits for this'],
  'halt:',
  [ba('halt'), ''],
  [nop(), ''],
  'tte:',
  [mov(TAG_ACCESS, l7), ''],
  [stxaAt(l1, l7, ASI_DMMU), 'page and context'],
  [stxaAt(l2, g0, ASI_DTLB_DATA_IN), 'the TTE, into any entry'],
  [membarSync(), ''],
  [ba('each'), ''],
  [nop(), ''],
  'demap:',
  [mov(DEMAP_PRIMARY_CONTEXT, l7), ''],
  [stxaAt(g0, l7, ASI_DMMU_DEMAP), 'all of the primary context'],
  [membarSync(), ''],
  [ba('each'), ''],
  [nop(), ''],
  'context:',
  [mov(PRIMARY_CONTEXT, l7), ''],
  [stxaAt(l1, l7, ASI_DMMU), ''],
  [membarSync(), ''],
  [ba('each'), ''],
  [nop(), ''],
  'probe:',
  [mov(0, l3), ''],
  [mov(0, l4), ''],
  [mov(0, l5), ''],
  [mov(0, l6), ''],
  [lduba(l1, ASI_AIUP, l6), 'the load'],
  [stxa(l3, i1, RESULT.loadTrap), ''],
  [stxa(l4, i1, RESULT.loadSfsr), ''],
  [stxa(l5, i1, RESULT.loadTag), ''],
  [stxa(l6, i1, RESULT.byte), ''],
  [mov(0, l3), ''],
  [mov(0, l4), ''],
  [mov(0, l5), ''],
  [stba(l6, l1, ASI_AIUP), 'the store, of what is there already'],
  [stxa(l3, i1, RESULT.storeTrap), ''],
  [stxa(l4, i1, RESULT.storeSfsr), ''],
  [stxa(l5, i1, RESULT.storeTag), ''],
  [ba('each'), ''],
  [add(i1, RESULT_BYTES, i1), ''],
];

/** The ROM: the trap table, then the code. */
export function romCode(): Uint8Array {
  return assemble(CODE, 0);
}
