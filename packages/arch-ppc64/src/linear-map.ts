/** The kernel's linear map of physical memory (htab_initialize): bolted entries of 16 MiB, made once at boot. */
import { kernelVsid } from './context.js';
import { vWordHi } from './hash-page.js';
import type { HashTable } from './hash-table.js';

/** Bytes of a page of the linear map. */
const LINEAR_PAGE = 2 ** 24;
/** V of a bolted 16 MiB entry, and R's flags: accessed, dirty, coherent, kernel rights, and no execute but for kernel text. */
const LINEAR_V = 0x15;
const LINEAR_R = 0x194;
const LINEAR_R_TEXT = 0x190;

/** Enters physical memory [start, end), in bytes, into the hash table. */
export function boltLinearMap(table: HashTable, start: number, end: number): void {
  for (let pa = start - (start % LINEAR_PAGE); pa < end; pa += LINEAR_PAGE) {
    const vsid = kernelVsid(0xc000_0000_0000_0000n + BigInt(pa));
    const vsidLo = vsid | 0;
    const page = (pa / LINEAR_PAGE) & 15; // in its segment
    table.insert(
      (vsidLo ^ page) & table.mask,
      vWordHi((vsid / 4294967296) | 0, vsidLo),
      (vsidLo << 12) | (page << 8) | LINEAR_V,
      (pa / 4294967296) | 0,
      pa | 0 | linearFlags(pa),
    );
  }
}

/** Flags of R of the linear page that a physical address lies in. */
export function linearFlags(pa: number): number {
  return pa < LINEAR_PAGE ? LINEAR_R_TEXT : LINEAR_R;
}
