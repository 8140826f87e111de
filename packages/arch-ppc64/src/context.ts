/**
 * Context ids and the VSIDs made from them (asm-ppc64/mmu.h, arch/powerpc/mm/mmu_context_64.c).
 *
 * An id is the lowest free one from 1 up. A segment of a context has the number proto = (id << 16) + ESID, and its VSID
 * is proto * 200730139 mod (2^36 - 1): a bijection that spreads neighbours over the hash table. Kernel segments have
 * proto = EA >> 28.
 *
 * Ids and VSIDs are plain numbers: a VSID has 36 bits, and the product is taken in two halves of the proto-VSID so that
 * nothing leaves 2^53.
 */
import { type Mm, MmError } from '@fourfold/core/arch';

/** A prime; the header's comment quotes another number. */
export const VSID_MULTIPLIER = 200730139;
export const VSID_BITS = 36;
export const VSID_MODULUS: number = 2 ** VSID_BITS - 1;
/** Inverse of the multiplier, to get from a VSID back to context and segment. */
export const VSID_INVERSE = 35924692504;
/** Bits of a user ESID. */
export const USER_ESID_BITS = 16;
/** Highest id that keeps its segments out of the kernel's half. */
export const MAX_CONTEXT: number = 2 ** 19 - 1;
/** Highest id that the era's kernel gives: one bit too many. */
export const MAX_CONTEXT_ERA: number = 2 ** 20 - 1;

const HALF = 2 ** 18;

/** vsid_scramble: (proto * multiplier) mod (2^36 - 1), exact for every proto below 2^36. */
export function scramble(proto: number): number {
  const high = Math.floor(proto / HALF);
  const product = high * VSID_MULTIPLIER; // times 2^18; its own high part times 2^36, which is 1
  const carry = Math.floor(product / HALF);
  const sum = carry + (product - carry * HALF) * HALF + (proto - high * HALF) * VSID_MULTIPLIER;
  const above = Math.floor(sum / 2 ** VSID_BITS);
  const folded = sum - above * VSID_MODULUS; // sum - above * 2^36 + above
  return folded >= VSID_MODULUS ? folded - VSID_MODULUS : folded;
}

/** The proto-VSID of a VSID. Not for hot paths. */
export function unscramble(vsid: number): number {
  return Number((BigInt(vsid) * BigInt(VSID_INVERSE)) % BigInt(VSID_MODULUS));
}

/** Proto-VSID of a user segment. */
export function userProto(context: number, esid: number): number {
  return context * 2 ** USER_ESID_BITS + esid;
}

/** get_vsid: VSID of a user segment. */
export function userVsid(context: number, esid: number): number {
  return scramble(userProto(context, esid));
}

/** get_kernel_vsid: VSID of a kernel address. */
export function kernelVsid(ea: bigint): number {
  return scramble(Number(ea >> 28n));
}

/** The machine's context ids: the idr of mmu_context. */
export class ContextAllocator {
  private readonly owners: (Mm | null)[] = [null];
  private readonly max: number;
  /** No free id lies below. */
  private lowest = 1;

  constructor(max: number = MAX_CONTEXT) {
    this.max = max;
  }

  /** Gives `mm` the lowest free id. @throws MmError ENOMEM when none is left. */
  allocate(mm: Mm): number {
    const owners = this.owners;
    let id = this.lowest;
    while (id < owners.length && owners[id] !== null) id++;
    if (id > this.max) throw new MmError('ENOMEM', `all ${this.max} contexts are in use`);
    owners[id] = mm;
    this.lowest = id + 1;
    return id;
  }

  release(id: number): void {
    if (id <= 0 || id >= this.owners.length) return;
    this.owners[id] = null;
    if (id < this.lowest) this.lowest = id;
  }

  /** The mm that has an id now. */
  owner(id: number): Mm | null {
    return this.owners[id] ?? null;
  }
}
