/**
 * Format of a page-table entry: which bits mean what, and what the kernel's mk- functions set and clear. Data only,
 * one class for all machines; the functions over it (pte-codec.ts for the edge, the fault, fork and zap code for the
 * hot paths) read these words and know no architecture.
 *
 * Every word field is a pair xxxLo, xxxHi of signed 32-bit integers; entries of 4 bytes use the low half only.
 */
import { packHi, packLo, unpack } from './field-pieces.js';
import type { BitField } from './table-format.js';
import { Word } from './words.js';

/** What one of pte_mkyoung, pte_mkold ... does: clear some bits, then set some. */
export interface ChangeSpec {
  readonly clear?: bigint;
  readonly set?: bigint;
}

/**
 * A right as a field with a truth table: bit v of `table` is 1 when field value v gives the right. One-bit rights are
 * the simple case (`bits` 1, table 0b10; NX is table 0b01), an access-rights field of several bits the full one.
 */
export interface RightSpec {
  readonly bit: number;
  readonly bits: number;
  readonly table: number;
}

/** Where a number lives inside a word, lowest part first (an offset may be split around a flag). */
export interface FieldPiece {
  readonly bit: number;
  readonly bits: number;
}

export interface PteFormatSpec {
  /** Bytes of an entry. */
  readonly bytes: 4 | 8;
  /** Bits that do not count for pte_none and pte_same and are never stored (traces of a hash table). Default 0. */
  readonly ignore?: bigint;
  /** Or-ed into whatever set_pte_at stores, whether present or not. Default 0. */
  readonly storeSet?: bigint;
  /**
   * ptep_set_access_flags only or-s these bits of the new entry into the old one and flushes nothing. Default 0:
   * it is set_pte_at and a flush of the page.
   */
  readonly accessFlags?: bigint;
  /** pte_present: any of these bits (several where PROT_NONE entries are present by a bit of their own). */
  readonly present: bigint;
  /** Hardware may translate through the entry: (word & mask) == value. */
  readonly valid: { readonly mask: bigint; readonly value: bigint };
  /** User mode may use the entry: (word & mask) == value. Default: always. */
  readonly user?: { readonly mask: bigint; readonly value: bigint };
  /** pte_young and pte_dirty: any of these bits. */
  readonly young: bigint;
  readonly dirty: bigint;
  /** pte_file, asked only of entries that are not present. */
  readonly file: bigint;
  /** pte_read, pte_write, pte_exec as the kernel defines them. */
  readonly read: RightSpec;
  readonly write: RightSpec;
  readonly exec: RightSpec;
  /** What the hardware lets through; default: the software rights above. */
  readonly hardwareRead?: RightSpec;
  readonly hardwareWrite?: RightSpec;
  readonly hardwareExec?: RightSpec;
  /** What the functions of these names (pte_mkyoung ...) clear and set. */
  readonly mkyoung: ChangeSpec;
  readonly mkold: ChangeSpec;
  readonly mkdirty: ChangeSpec;
  readonly mkclean: ChangeSpec;
  readonly mkwrite: ChangeSpec;
  readonly wrprotect: ChangeSpec;
  /** The same; default: nothing. */
  readonly mkexec?: ChangeSpec;
  readonly mkread?: ChangeSpec;
  readonly rdprotect?: ChangeSpec;
  readonly exprotect?: ChangeSpec;
  readonly mkhuge?: ChangeSpec;
  /** Frame number = (word & pfnMask) >> pfnShift. */
  readonly pfnMask: bigint;
  readonly pfnShift: number;
  /** Or-ed into every entry built from a frame (the base page's size bits). Default 0. */
  readonly base?: bigint;
  /** And-ed into the protection part of every entry built (no-execute off where unsupported). Default all. */
  readonly supported?: bigint;
  /** pte_modify keeps these bits of the old entry. */
  readonly modifyKeep: bigint;
  /**
   * Bits that pte_modify takes from the new protection. Default all: the whole protection is
   * or-ed in, and so its accessed bit. Machines that take only what they do not keep leave an old entry old.
   */
  readonly modifyTake?: bigint;
  /** protection_map[16], indexed by the low four vm_flags (shared, exec, write, read). */
  readonly protectionMap: readonly bigint[];
  /** Where a swap entry has its area and the page in it. */
  readonly swapType: FieldPiece;
  readonly swapOffset: FieldPiece;
  /** Pieces of a nonlinear file offset, lowest bits first, and what is set beside them. */
  readonly fileOffset: readonly FieldPiece[];
  /** What decoding reads back, where that is less than was written. Default: the same. */
  readonly fileOffsetDecode?: readonly FieldPiece[];
  /** PTE_FILE_MAX_BITS. */
  readonly fileMaxBits: number;
  /** Named fields, for decode and the docs; they cover every bit of the word once in each state. */
  readonly fields: readonly BitField[];
  /**
   * A store of the two halves of a wide entry is two stores; the high half goes first. Default false: one store.
   */
  readonly splitStore?: boolean;
}

/** A right's field: rights fields never straddle the halves, so one half and a shift inside it say it all. */
export class Right {
  /** 1 when the field lies in the high half. */
  readonly inHigh: number;
  readonly shift: number;
  readonly mask: number;
  readonly table: number;
  constructor(spec: RightSpec) {
    this.inHigh = spec.bit >= 32 ? 1 : 0;
    this.shift = spec.bit & 31;
    this.mask = (1 << spec.bits) - 1;
    this.table = spec.table;
  }
  /** Whether the word (hi, lo) gives the right. */
  allows(hi: number, lo: number): boolean {
    return ((this.table >>> (((this.inHigh === 1 ? hi : lo) >>> this.shift) & this.mask)) & 1) === 1;
  }
}

/** Clear-then-set masks of one pte_mk- function. */
export class Change {
  readonly keepLo: number;
  readonly keepHi: number;
  readonly setLo: number;
  readonly setHi: number;
  constructor(spec: ChangeSpec | undefined) {
    const clear = new Word(spec?.clear ?? 0n);
    const set = new Word(spec?.set ?? 0n);
    this.keepLo = ~clear.lo;
    this.keepHi = ~clear.hi;
    this.setLo = set.lo;
    this.setHi = set.hi;
  }
}

const ALL = 0xffff_ffff_ffff_ffffn;

export class PteFormat {
  readonly bytes: 4 | 8;
  readonly countLo: number; // bits that count for none and same
  readonly countHi: number;
  readonly storeSetLo: number;
  readonly storeSetHi: number;
  readonly accessFlagsLo: number;
  readonly accessFlagsHi: number;
  readonly presentLo: number;
  readonly presentHi: number;
  readonly validMaskLo: number;
  readonly validMaskHi: number;
  readonly validLo: number;
  readonly validHi: number;
  readonly userMaskLo: number;
  readonly userMaskHi: number;
  readonly userLo: number;
  readonly userHi: number;
  readonly youngLo: number;
  readonly youngHi: number;
  readonly dirtyLo: number;
  readonly dirtyHi: number;
  readonly fileLo: number;
  readonly fileHi: number;
  readonly read: Right;
  readonly write: Right;
  readonly exec: Right;
  readonly hardwareRead: Right;
  readonly hardwareWrite: Right;
  readonly hardwareExec: Right;
  readonly mkyoung: Change;
  readonly mkold: Change;
  readonly mkdirty: Change;
  readonly mkclean: Change;
  readonly mkwrite: Change;
  readonly wrprotect: Change;
  readonly mkexec: Change;
  readonly mkread: Change;
  readonly rdprotect: Change;
  readonly exprotect: Change;
  readonly mkhuge: Change;
  readonly pfnMaskLo: number;
  readonly pfnMaskHi: number;
  readonly pfnShift: number;
  readonly baseLo: number;
  readonly baseHi: number;
  readonly supportedLo: number;
  readonly supportedHi: number;
  readonly modifyKeepLo: number;
  readonly modifyKeepHi: number;
  /** Bits of the new protection, `supported` already applied: (old & modifyKeep) | (prot & modifyTake). */
  readonly modifyTakeLo: number;
  readonly modifyTakeHi: number;
  /** protection_map as pairs: low half of entry i at 2i, high half at 2i + 1; `supported` is already applied. */
  readonly protection: Int32Array;
  readonly swapType: FieldPiece;
  readonly swapOffset: FieldPiece;
  readonly fileOffset: readonly FieldPiece[];
  readonly fileOffsetDecode: readonly FieldPiece[];
  readonly fileMaxBits: number;
  readonly fields: readonly BitField[];
  readonly splitStore: boolean;
  /** The data this format was made from; variants (NX off) are made by changing it. */
  readonly spec: PteFormatSpec;

  constructor(spec: PteFormatSpec) {
    const ignore = new Word(spec.ignore ?? 0n);
    const storeSet = new Word(spec.storeSet ?? 0n);
    const accessFlags = new Word(spec.accessFlags ?? 0n);
    const present = new Word(spec.present);
    const validMask = new Word(spec.valid.mask);
    const valid = new Word(spec.valid.value);
    const userMask = new Word(spec.user?.mask ?? 0n);
    const user = new Word(spec.user?.value ?? 0n);
    const young = new Word(spec.young);
    const dirty = new Word(spec.dirty);
    const file = new Word(spec.file);
    const pfnMask = new Word(spec.pfnMask);
    const base = new Word(spec.base ?? 0n);
    const supported = new Word(spec.supported ?? ALL);
    const modifyKeep = new Word(spec.modifyKeep);
    const modifyTake = new Word(spec.modifyTake ?? ALL);
    this.bytes = spec.bytes;
    this.countLo = ~ignore.lo;
    this.countHi = ~ignore.hi;
    this.storeSetLo = storeSet.lo;
    this.storeSetHi = storeSet.hi;
    this.accessFlagsLo = accessFlags.lo;
    this.accessFlagsHi = accessFlags.hi;
    this.presentLo = present.lo;
    this.presentHi = present.hi;
    this.validMaskLo = validMask.lo;
    this.validMaskHi = validMask.hi;
    this.validLo = valid.lo;
    this.validHi = valid.hi;
    this.userMaskLo = userMask.lo;
    this.userMaskHi = userMask.hi;
    this.userLo = user.lo;
    this.userHi = user.hi;
    this.youngLo = young.lo;
    this.youngHi = young.hi;
    this.dirtyLo = dirty.lo;
    this.dirtyHi = dirty.hi;
    this.fileLo = file.lo;
    this.fileHi = file.hi;
    this.read = new Right(spec.read);
    this.write = new Right(spec.write);
    this.exec = new Right(spec.exec);
    this.hardwareRead = new Right(spec.hardwareRead ?? spec.read);
    this.hardwareWrite = new Right(spec.hardwareWrite ?? spec.write);
    this.hardwareExec = new Right(spec.hardwareExec ?? spec.exec);
    this.mkyoung = new Change(spec.mkyoung);
    this.mkold = new Change(spec.mkold);
    this.mkdirty = new Change(spec.mkdirty);
    this.mkclean = new Change(spec.mkclean);
    this.mkwrite = new Change(spec.mkwrite);
    this.wrprotect = new Change(spec.wrprotect);
    this.mkexec = new Change(spec.mkexec);
    this.mkread = new Change(spec.mkread);
    this.rdprotect = new Change(spec.rdprotect);
    this.exprotect = new Change(spec.exprotect);
    this.mkhuge = new Change(spec.mkhuge);
    this.pfnMaskLo = pfnMask.lo;
    this.pfnMaskHi = pfnMask.hi;
    this.pfnShift = spec.pfnShift;
    this.baseLo = base.lo;
    this.baseHi = base.hi;
    this.supportedLo = supported.lo;
    this.supportedHi = supported.hi;
    this.modifyKeepLo = modifyKeep.lo;
    this.modifyKeepHi = modifyKeep.hi;
    this.modifyTakeLo = modifyTake.lo & supported.lo;
    this.modifyTakeHi = modifyTake.hi & supported.hi;
    this.protection = new Int32Array(32);
    for (let i = 0; i < 16; i++) {
      const prot = new Word(spec.protectionMap[i] as bigint);
      this.protection[2 * i] = prot.lo & supported.lo;
      this.protection[2 * i + 1] = prot.hi & supported.hi;
    }
    this.swapType = spec.swapType;
    this.swapOffset = spec.swapOffset;
    this.fileOffset = spec.fileOffset;
    this.fileOffsetDecode = spec.fileOffsetDecode ?? spec.fileOffset;
    this.fileMaxBits = spec.fileMaxBits;
    this.fields = spec.fields;
    this.splitStore = spec.splitStore ?? false;
    this.spec = spec;
  }

  /** pte_none. */
  isNone(hi: number, lo: number): boolean {
    return ((lo & this.countLo) | (hi & this.countHi)) === 0;
  }

  /** pte_present: true for PROT_NONE entries too. */
  isPresent(hi: number, lo: number): boolean {
    return ((lo & this.presentLo) | (hi & this.presentHi)) !== 0;
  }

  /** pte_file; only meaningful for an entry that is not present. */
  isFile(hi: number, lo: number): boolean {
    return ((lo & this.fileLo) | (hi & this.fileHi)) !== 0;
  }

  isYoung(hi: number, lo: number): boolean {
    return ((lo & this.youngLo) | (hi & this.youngHi)) !== 0;
  }

  isDirty(hi: number, lo: number): boolean {
    return ((lo & this.dirtyLo) | (hi & this.dirtyHi)) !== 0;
  }

  /** Hardware may use the entry for user mode at all. */
  isUserValid(hi: number, lo: number): boolean {
    return (
      (lo & this.validMaskLo) === this.validLo &&
      (hi & this.validMaskHi) === this.validHi &&
      (lo & this.userMaskLo) === this.userLo &&
      (hi & this.userMaskHi) === this.userHi
    );
  }

  /** User mode is let through at all (a user bit, a privilege level, or no privileged bit). */
  isUser(hi: number, lo: number): boolean {
    return (lo & this.userMaskLo) === this.userLo && (hi & this.userMaskHi) === this.userHi;
  }

  /** What user mode may do through the entry: RIGHT_EXEC | RIGHT_LOAD | RIGHT_STORE bits, 0 when not valid. */
  hardwareRights(hi: number, lo: number): number {
    if (!this.isUserValid(hi, lo)) return 0;
    return (
      (this.hardwareExec.allows(hi, lo) ? 1 : 0) |
      (this.hardwareRead.allows(hi, lo) ? 2 : 0) |
      (this.hardwareWrite.allows(hi, lo) ? 4 : 0)
    );
  }

  /** Frame number (below 2^31 for frames the simulated machine can have; see `frameWide` for any). */
  frame(hi: number, lo: number): number {
    const s = this.pfnShift;
    const l = lo & this.pfnMaskLo;
    const h = hi & this.pfnMaskHi;
    return s >= 32 ? h >>> (s - 32) : ((l >>> s) | (h << (32 - s))) >>> 0;
  }

  /** Low half of the entry for frame `pfn` with protection (its low half) `protLo`: pfn_pte. */
  makeLo(pfn: number, protLo: number): number {
    const s = this.pfnShift;
    return (s >= 32 ? 0 : pfn << s) | this.baseLo | (protLo & this.supportedLo);
  }

  /** High half of pfn_pte. */
  makeHi(pfn: number, protHi: number): number {
    const s = this.pfnShift;
    return (s >= 32 ? pfn << (s - 32) : s === 0 ? 0 : pfn >>> (32 - s)) | this.baseHi | (protHi & this.supportedHi);
  }

  /** Low half of pgoff_to_pte: the entry that stands for page `pgoff` of a file. */
  fileEntryLo(pgoff: number): number {
    return packLo(this.fileOffset, pgoff) | this.fileLo;
  }

  /** High half of pgoff_to_pte. */
  fileEntryHi(pgoff: number): number {
    return packHi(this.fileOffset, pgoff) | this.fileHi;
  }

  /** pte_to_pgoff of a file entry. */
  fileIndex(hi: number, lo: number): number {
    return unpack(this.fileOffsetDecode, hi, lo);
  }
}
