/** Accesses to many pages, one each. */
import type { Machine } from '@fourfold/core';
import { AccessBatch } from '@fourfold/replay';

/** One access of `kind` a page over `pages` pages from `start`, in a scattered order. */
export function sweep(machine: Machine, start: bigint, pages: number, kind: number): AccessBatch {
  const batch = new AccessBatch(pages);
  for (let i = 0; i < pages; i++) {
    const address = start + BigInt((i * 1031) % pages) * BigInt(machine.pageSize);
    batch.kind[i] = kind;
    batch.addrLo[i] = Number(BigInt.asIntN(32, address));
    batch.addrHi[i] = Number(address >> 32n);
    batch.size[i] = 1;
  }
  batch.count = pages;
  return batch;
}
