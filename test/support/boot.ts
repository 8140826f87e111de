/** What a machine has before its first process. */
import { Machine } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';

/** Page tables of the kernel's own, by real level: none where user roots do not carry its entries. */
export function bootTables(arch: ArchDescriptor): number[] {
  return [...new Machine({ arch }).kernel.tablesInUse];
}
