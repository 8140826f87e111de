/**
 * The hash table against the Linux page tables: every valid entry of a user segment must belong to a present pte of a
 * living mm that has HASHPTE, with the same frame and no more rights than the pte gives; of a segment of the kernel's, to
 * one of init_mm. Bolted entries are the linear map; entries of a context that no mm has, and of pages that wait in a CPU's batch, are out of reach or about to go.
 */
import { hex, kernelEntryOf, type Mm, type MmuHost, type PageTables } from '@fourfold/core/arch';
import { type ContextAllocator, MAX_CONTEXT, unscramble } from './context.js';
import { HW_PAGE_SHIFT } from './geometry.js';
import { GROUP_WORDS, type HashTable, HPTE_WORDS } from './hash-table.js';

const VALID = 1n;
const SECONDARY = 2n;
const LARGE = 4n;
/** R's size code of a page of 64 KiB; that of 16 MiB is 0. */
const PENC_64K = 0x1000n;
const BELOW_64K = 0xf000n;
const VALID_BOLTED = 0x11;
const HASHPTE = 0x400;

/** One sentence for each entry that should not be there. */
export function auditHashTable(host: MmuHost, table: HashTable, contexts: ContextAllocator): string[] {
  const findings: string[] = [];
  const seen = new Set<bigint>();
  const { words } = host.memory;
  const { base } = table;
  const step = HPTE_WORDS;
  const end = base + table.groups * GROUP_WORDS;
  for (let at = base; at < end; at += step) {
    if (((words[at + 1] as number) & VALID_BOLTED) !== 1) continue;
    const group = Math.floor((at - base) / GROUP_WORDS);
    const finding = auditEntry(host, contexts, group, join(words, at), join(words, at + 2), seen);
    if (finding !== null) {
      findings.push(`hash table group ${group} slot ${(at - base - group * GROUP_WORDS) / HPTE_WORDS}: ${finding}`);
    }
  }
  return findings;
}

/** Whether an entry is of a page of 16 MiB. */
function isHugeEntry(v: bigint, r: bigint): boolean {
  return (v & LARGE) !== 0n && (r & BELOW_64K) !== PENC_64K;
}

/** Context and first page of 4 KiB of an entry, from its words and the group it is in. */
export function addressOf(v: bigint, r: bigint, group: number): { context: number; page: number } {
  const proto = unscramble(Number(v >> 12n));
  const low = (v & SECONDARY) !== 0n ? ~group : group;
  const context = Math.floor(proto / 65536);
  const segment = (proto % 65536) * 65536;
  // The AVPN of a page of 16 MiB has all of its number, of others the upper five bits; the hash has the rest.
  if (isHugeEntry(v, r)) return { context, page: segment + Number((v >> 8n) & 15n) * 4096 };
  const below = low ^ Number((v >> 12n) & 0x7ffn);
  const upper = Number((v >> 7n) & 31n) << 11;
  return { context, page: segment + upper + ((v & LARGE) !== 0n ? (below & 0x7f) * 16 : below & 0x7ff) };
}

function auditEntry(
  host: MmuHost,
  contexts: ContextAllocator,
  group: number,
  v: bigint,
  r: bigint,
  seen: Set<bigint>,
): string | null {
  const { context, page } = addressOf(v, r, group);
  const key = (v & ~SECONDARY & ~VALID) * 2n ** 16n + BigInt(page % 65536);
  if (seen.has(key)) return `a second entry for V ${hex(v)}`;
  seen.add(key);
  const sub = host.arch.geometry.pageShift - HW_PAGE_SHIFT;
  const owner = contexts.owner(context);
  const isKernel = owner === null && context > MAX_CONTEXT;
  const mm = isKernel ? host.initMm : owner;
  if (mm === null) return null;
  // A context above all others is the upper part of a kernel address.
  const vpn = Math.floor((isKernel ? context * 2 ** 32 + page : page) / 2 ** sub);
  if (isPending(host, mm, vpn)) return null;
  const what = isKernel ? `the kernel's page ${vpn}` : `page ${vpn} of mm ${mm.id}`;
  const isHuge = isHugeEntry(v, r);
  const pte = isKernel ? kernelEntryOf(host, vpn) : readPte(host, host.tables, mm, vpn, isHuge);
  const f = host.arch.pteFormat;
  if (pte === null || !f.isPresent(pte.hi, pte.lo)) return `${what} has no pte`;
  if ((pte.lo & HASHPTE) === 0) return `the pte of ${what} does not know of it`;
  const subPage = page % 2 ** sub;
  if (sub !== 0 && (v & LARGE) === 0n && ((pte.lo >>> (27 - subPage)) & 1) === 0)
    return `the pte of ${what} does not know of sub-page ${subPage}`;
  const large = (v & LARGE) !== 0n && !isHuge;
  const frame = Number(((large ? r & ~BELOW_64K : r) >> 12n) & 0xffff_ffffn);
  if (frame !== f.frame(pte.hi, pte.lo) * 2 ** sub + subPage) {
    return `${what} has frame ${f.frame(pte.hi, pte.lo)}, the entry ${frame / 2 ** sub}`;
  }
  const pp = r & 3n;
  if (pp !== 0n && !f.isUser(pte.hi, pte.lo)) return `${what} is not for user mode`;
  if (pp === 2n && isHuge && !f.write.allows(pte.hi, pte.lo)) return `${what} is not writable`;
  if (pp === 2n && !isHuge && !f.hardwareWrite.allows(pte.hi, pte.lo)) return `${what} is not writable and dirty`;
  return (r & 4n) === 0n && !f.exec.allows(pte.hi, pte.lo) ? `${what} is not executable` : null;
}

function isPending(host: MmuHost, mm: Mm, vpn: number): boolean {
  return host.cpus.some(({ batch }) => batch.mm === mm && batch.vpn.subarray(0, batch.nr).includes(vpn));
}

function readPte(
  host: MmuHost,
  tables: PageTables,
  mm: Mm,
  vpn: number,
  isHuge: boolean,
): { hi: number; lo: number } | null {
  const at = isHuge ? tables.lookupHuge(mm, vpn) : tables.lookup(mm, (vpn / 4294967296) | 0, vpn | 0);
  if (at === 0) return null;
  const { words } = host.memory;
  return { hi: words[at + tables.hiAt] as number, lo: words[at + tables.loAt] as number };
}

function join(words: Int32Array, at: number): bigint {
  return (BigInt((words[at] as number) >>> 0) << 32n) | BigInt((words[at + 1] as number) >>> 0);
}
