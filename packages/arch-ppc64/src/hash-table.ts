/**
 * The hashed page table: groups (PTEG) of eight entries of 16 bytes, real words in simulated memory, reserved at boot
 * (arch/powerpc/mm/hash_utils_64.c, hash_native_64.c).
 *
 * An entry is named by the word index of its V word; 0 is none. V and R are doublewords with the high half first, so an
 * entry is four words: V high, V low, R high, R low. The table has at least 2048 groups, so a group's number holds the
 * eleven bits of the page number that V lacks.
 */
import { MmError, type MmuHost, type PhysicalMemory } from '@fourfold/core/arch';

/** Entries of a group, and words of an entry and of a group. */
export const HPTES_PER_GROUP = 8;
export const HPTE_WORDS = 4;
export const GROUP_WORDS = 32;
/** Bytes of a group: a cache line of the 970. */
export const GROUP_BYTES = 128;
/** Fewest groups the hardware can be told of. */
export const MIN_GROUPS = 2048;

const VALID = 0x01;
const LOCK = 0x08;
const BOLTED = 0x10;
/** Bits of V that a search compares: all but the two of software. */
const COMPARED = ~(LOCK | BOLTED);
/** Low half of the AVPN. */
const AVPN_LO = ~0x7f;

/** Groups for a machine with `ramBytes` of memory: half as many as it has 4 KiB pages. */
export function groupsFor(ramBytes: number): number {
  return Math.max(2 ** Math.ceil(Math.log2(ramBytes)) / 8192, MIN_GROUPS);
}

/** The size field of SDR1: log2(groups) - 11. */
export function sdr1Size(groups: number): number {
  return Math.log2(groups) - 11;
}

export class HashTable {
  readonly groups: number;
  /** groups - 1. */
  readonly mask: number;
  /** Physical address, and word index, of the first group. */
  readonly pa: number;
  readonly base: number;
  /** Entries thrown out because both groups were full. */
  evictions = 0;
  /** Entries inserted in all, and of them in the secondary group of their hash. */
  inserts = 0;
  secondaryInserts = 0;
  private readonly memory: PhysicalMemory;
  /** The era's match test: VALID and AVPN alone. Else LARGE and SECONDARY must agree too. */
  private readonly compared: number;

  /** @throws MmError MM_MEMORY when the machine has no room for the table. */
  constructor(host: MmuHost, groups: number) {
    const { memory } = host;
    const pages = Math.max(1, (groups * GROUP_BYTES) / memory.pageSize);
    const page = host.reserve?.(Math.log2(pages)) ?? -1;
    if (page < 0) {
      throw new MmError(
        'MM_MEMORY',
        `expected room for a hash table of ${groups * GROUP_BYTES} bytes, aligned to its size`,
      );
    }
    this.groups = groups;
    this.mask = groups - 1;
    this.pa = memory.pageToPfn(page) * memory.pageSize;
    this.base = memory.slot[page] as number;
    this.memory = memory;
    this.compared = host.defectsKept ? AVPN_LO | VALID : COMPARED;
  }

  /** What SDR1 holds. */
  get sdr1(): bigint {
    return BigInt(this.pa) | BigInt(sdr1Size(this.groups));
  }

  /** The entry of a slot in a group. */
  entryAt(group: number, slot: number): number {
    return this.base + group * GROUP_WORDS + slot * HPTE_WORDS;
  }

  /** What the hardware does with one group: the entry whose V is (vHi, vLo) but for the software bits, or 0. */
  search(group: number, vHi: number, vLo: number): number {
    const words = this.memory.words;
    const first = this.base + group * GROUP_WORDS;
    for (let at = first; at < first + GROUP_WORDS; at += HPTE_WORDS) {
      if (words[at] === vHi && ((words[at + 1] as number) & COMPARED) === vLo) return at;
    }
    return 0;
  }

  /** The match test of updatepp and invalidate. */
  matches(at: number, vHi: number, vLo: number): boolean {
    const words = this.memory.words;
    return words[at] === vHi && (((words[at + 1] as number) ^ vLo) & this.compared) === 0;
  }

  /** hpte_insert into one group: the slot, or -1 when all are valid. R is written first: V makes the entry count. */
  insert(group: number, vHi: number, vLo: number, rHi: number, rLo: number): number {
    const words = this.memory.words;
    let at = this.base + group * GROUP_WORDS + 1;
    for (let slot = 0; slot < HPTES_PER_GROUP; slot++) {
      if (((words[at] as number) & VALID) === 0) {
        words[at + 1] = rHi;
        words[at + 2] = rLo;
        words[at - 1] = vHi;
        words[at] = vLo;
        return slot;
      }
      at += HPTE_WORDS;
    }
    return -1;
  }

  /**
   * hpte_remove: throws out the first entry from slot `timebase` & 7 up, around the group, that is not bolted. TLBs keep
   * it, and the Linux pte goes on saying where it was. The slot, or -1 when all are bolted.
   */
  evict(group: number, timebase: number): number {
    const words = this.memory.words;
    for (let i = 0; i < HPTES_PER_GROUP; i++) {
      const slot = (timebase + i) & (HPTES_PER_GROUP - 1);
      const at = this.entryAt(group, slot);
      if (((words[at + 1] as number) & (VALID | BOLTED)) !== VALID) continue;
      words[at] = 0;
      words[at + 1] = 0;
      this.evictions++;
      return slot;
    }
    return -1;
  }

  /** How many groups have 0, 1 ... 8 valid entries, those of the linear map included. */
  occupancy(): number[] {
    const words = this.memory.words;
    const groups = new Array<number>(HPTES_PER_GROUP + 1).fill(0);
    for (let group = 0; group < this.groups; group++) {
      let used = 0;
      for (let slot = 0; slot < HPTES_PER_GROUP; slot++) {
        used += (words[this.entryAt(group, slot) + 1] as number) & VALID;
      }
      groups[used] = (groups[used] as number) + 1;
    }
    return groups;
  }

  /** hpte_updatepp without its tlbie: new PP and N bits if the entry is that of (vHi, vLo). */
  updatePp(at: number, vHi: number, vLo: number, flags: number): boolean {
    if (!this.matches(at, vHi, vLo)) return false;
    const words = this.memory.words;
    words[at + 3] = ((words[at + 3] as number) & ~7) | (flags & 7);
    return true;
  }

  /** hpte_invalidate without its tlbie: V goes if the entry is that of (vHi, vLo). */
  invalidate(at: number, vHi: number, vLo: number): boolean {
    if (!this.matches(at, vHi, vLo)) return false;
    const words = this.memory.words;
    words[at] = 0;
    words[at + 1] = 0;
    return true;
  }
}
