/**
 * The code that runs on the emulated 970, in real mode at the bottom of memory. It loads SDR1 and the SLB, then for each
 * address of a list it switches MSR[DR] on for one load and one store of the byte that it read, and enters the address in
 * user mode for one fetch. An interrupt notes its vector and registers and goes on at the address in CTR.
 *
 * r3 address, r4 byte, r10 vector (0 none), r11 DSISR, r12 DAR, r13 SRR1, r14 SRR0, r25 MSR of user mode, r26 MSR with DR,
 * r27 MSR in real mode, r28 addresses left, r29 results, r30 list, r31 parameters.
 */
import { assemble, type Line } from '../assembler.js';
import {
  addi,
  b,
  bctr,
  bdnz,
  beq,
  bne,
  cmpdi,
  isync,
  la,
  lbz,
  ld,
  li,
  lis,
  mfmsr,
  mfspr,
  mtmsrd,
  mtspr,
  ori,
  rfid,
  SPR,
  slbia,
  slbmte,
  stb,
  std,
} from './instructions.js';

/** Where the parameters lie, and what is where in them. */
export const PARAMETERS_AT = 0x3000;
export const PARAMETER = {
  sdr1: 0,
  nrSlb: 8,
  slb: 16,
  list: 24,
  results: 32,
  count: 40,
  userMsr: 48,
  done: 56,
} as const;
/** An item of the list: the address; 1 if it is to be fetched from. */
export const ITEM_BYTES = 16;
/** A result of one address: doublewords at these offsets. */
export const RESULT_BYTES = 128;
export const RESULT = {
  loadVector: 0,
  loadCause: 8,
  byte: 16,
  loadDar: 24,
  storeVector: 32,
  storeCause: 40,
  storeDar: 48,
  fetchVector: 56,
  fetchCause: 64,
  fetchAt: 72,
} as const;
/** SF, PR, IR, DR, and ME. */
export const USER_MSR = 0x8000_0000_0000_5030n;

const VECTORS = [0x200, 0x300, 0x380, 0x400, 0x480, 0x500, 0x600, 0x700, 0x800, 0x900, 0xc00, 0xd00] as const;
const START = 0x1000;

const HANDLERS: readonly Line[] = VECTORS.flatMap((vector): readonly Line[] => [
  { origin: vector },
  [li(10, vector), 'which interrupt it was'],
  [b('note'), ''],
]);

const CODE: readonly Line[] = [
  ...HANDLERS,
  { origin: 0xf00 },
  'note:',
  [mfspr(11, SPR.DSISR), 'why a load or store was refused'],
  [mfspr(12, SPR.DAR), 'at which address'],
  [mfspr(13, SPR.SRR1), 'why a fetch was refused'],
  [mfspr(14, SPR.SRR0), 'where the fetch was'],
  [bctr(), 'on with what comes behind the access'],
  { origin: START },
  [li(31, PARAMETERS_AT), ''],
  [ld(3, PARAMETER.sdr1, 31), ''],
  [mtspr(SPR.SDR1, 3), 'our hash table'],
  [slbia(), 'no segments but those that follow'],
  [ld(5, PARAMETER.slb, 31), ''],
  [ld(4, PARAMETER.nrSlb, 31), ''],
  [mtspr(SPR.CTR, 4), ''],
  'segment:',
  [ld(6, 0, 5), 'VSID word'],
  [ld(7, 8, 5), 'ESID word'],
  [slbmte(6, 7), ''],
  [addi(5, 5, 16), ''],
  [bdnz('segment'), ''],
  [isync(), ''],
  [ld(30, PARAMETER.list, 31), ''],
  [ld(29, PARAMETER.results, 31), ''],
  [ld(28, PARAMETER.count, 31), ''],
  [ld(25, PARAMETER.userMsr, 31), ''],
  [mfmsr(27), ''],
  [ori(26, 27, 0x10), 'DR: loads and stores are translated, fetches are not'],
  'each:',
  [lis(5, 0x7fff), ''],
  [mtspr(SPR.DEC, 5), 'the decrementer has nothing to say'],
  [ld(3, 0, 30), ''],
  [li(10, 0), ''],
  [li(11, 0), ''],
  [li(12, 0), ''],
  [li(4, 0), ''],
  [la(5, 'loaded'), ''],
  [mtspr(SPR.CTR, 5), 'where an interrupt goes on'],
  [mtmsrd(26), ''],
  [isync(), ''],
  [lbz(4, 0, 3), 'the load'],
  [mtmsrd(27), ''],
  [isync(), ''],
  'loaded:',
  [std(10, RESULT.loadVector, 29), ''],
  [std(11, RESULT.loadCause, 29), ''],
  [std(12, RESULT.loadDar, 29), ''],
  [std(4, RESULT.byte, 29), ''],
  [li(10, 0), ''],
  [li(11, 0), ''],
  [li(12, 0), ''],
  [la(5, 'stored'), ''],
  [mtspr(SPR.CTR, 5), ''],
  [mtmsrd(26), ''],
  [isync(), ''],
  [stb(4, 0, 3), 'the store, of what is there already'],
  [mtmsrd(27), ''],
  [isync(), ''],
  'stored:',
  [std(10, RESULT.storeVector, 29), ''],
  [std(11, RESULT.storeCause, 29), ''],
  [std(12, RESULT.storeDar, 29), ''],
  [li(10, 0), ''],
  [li(13, 0), ''],
  [li(14, 0), ''],
  [ld(6, 8, 30), ''],
  [cmpdi(6, 0), ''],
  [beq('next'), 'not to be fetched from'],
  [la(5, 'next'), ''],
  [mtspr(SPR.CTR, 5), ''],
  [mtspr(SPR.SRR0, 3), ''],
  [mtspr(SPR.SRR1, 25), ''],
  [rfid(), 'the fetch, in user mode: a word of zeros is no instruction, so it ends in an interrupt either way'],
  'next:',
  [std(10, RESULT.fetchVector, 29), ''],
  [std(13, RESULT.fetchCause, 29), ''],
  [std(14, RESULT.fetchAt, 29), ''],
  [addi(30, 30, ITEM_BYTES), ''],
  [addi(29, 29, RESULT_BYTES), ''],
  [addi(28, 28, -1), ''],
  [cmpdi(28, 0), ''],
  [bne('each'), ''],
  [li(3, 1), ''],
  [std(3, PARAMETER.done, 31), 'whoever started the emulator waits for this'],
  'halt:',
  [b('halt'), ''],
];

/** The code, from address 0 on. */
export function guestCode(): Uint8Array {
  return assemble(CODE, 0);
}

/** What the emulator starts with: a jump into the code, 0x100 bytes into the ROM. */
export function romCode(): Uint8Array {
  const jump: readonly Line[] = [
    { origin: 0x100 },
    [li(3, START), ''],
    [mtspr(SPR.CTR, 3), ''],
    [bctr(), ''],
    { origin: 0x200 },
  ];
  return assemble(jump, 0);
}
