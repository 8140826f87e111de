/** access_process_vm (generic-mm 8.3): a debugger's look at, or change of, another process's memory (ptrace peek and poke). */
import type { FaultCounts } from '../fault/page-fault.js';
import type { Kernel } from '../kernel.js';
import { setPageDirty } from '../pagecache/dirty.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';
import { toPages, word } from '../vma/words.js';
import { getUserPages } from './get-user-pages.js';

/**
 * Copies between `bytes` and the memory of `mm` at `addr`, page by page, through the kernel's own mapping of each page: no
 * translation of the process is used. What the process may not write now but could be allowed to, private text for one, is
 * written all the same, into a copy.
 * @param task counts the faults.
 * @returns the bytes copied, which is less than asked for where nothing can be got.
 */
export function* accessProcessVm(
  k: Kernel,
  task: FaultCounts | null,
  mm: Mm,
  addr: bigint,
  bytes: Uint8Array,
  write: boolean,
): Op<number> {
  const { pageSize } = k.memory;
  let done = 0;
  if (!mm.mmapSem.tryRead()) yield* mm.mmapSem.waitRead();
  while (done < bytes.length) {
    const at = word(k, addr + BigInt(done));
    const pages: number[] = [];
    const got = yield* getUserPages(k, task, mm, toPages(k, at), 1, { write, force: true, pages });
    if (got <= 0) break;
    const page = pages[0] as number;
    const offset = Number(at & BigInt(pageSize - 1));
    const part = Math.min(bytes.length - done, pageSize - offset);
    if (k.contents) copy(k, page, offset, bytes.subarray(done, done + part), write);
    if (write) {
      k.mmu.copyToUserPage(page);
      setPageDirty(k, page);
    }
    k.pins.release(k, page);
    done += part;
  }
  mm.mmapSem.upRead();
  return done;
}

function copy(k: Kernel, page: number, offset: number, bytes: Uint8Array, write: boolean): void {
  for (let i = 0; i < bytes.length; i++) {
    if (write) k.memory.storeByte(page, offset + i, bytes[i] as number);
    else bytes[i] = k.memory.loadByte(page, offset + i);
  }
}
