/**
 * The hash table against the Linux page tables: every valid entry of a user segment must belong to a present pte of a
 * living mm that has HASHPTE, with the same frame and no more rights than the pte gives. Bolted entries are the kernel's;
 * entries of a context that no mm has, and of pages that wait in a CPU's batch, are out of reach or about to go.
 */
import { hex, type Mm, type MmuHost, type PageTables } from '@fourfold/core/arch';
import { type ContextAllocator, unscramble } from './context.js';
import { HW_PAGE_SHIFT } from './geometry.js';
import { GROUP_WORDS, type HashTable, HPTE_WORDS } from './hash-table.js';

const VALID = 1n;
const SECONDARY = 2n;
const LARGE = 4n;
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

/** Context, segment and page in the segment of an entry, from its V word and the group it is in. */
export function addressOf(v: bigint, group: number): { context: number; page: number } {
  const proto = unscramble(Number(v >> 12n));
  const low = (v & SECONDARY) !== 0n ? ~group : group;
  // The AVPN of a large page has all of its number.
  if ((v & LARGE) !== 0n)
    return { context: Math.floor(proto / 65536), page: (proto % 65536) * 65536 + Number((v >> 8n) & 15n) * 4096 };
  const below = (low ^ Number((v >> 12n) & 0x7ffn)) & 0x7ff;
  const inSegment = (Number((v >> 7n) & 31n) << 11) | below;
  return { context: Math.floor(proto / 65536), page: (proto % 65536) * 65536 + inSegment };
}

function auditEntry(
  host: MmuHost,
  contexts: ContextAllocator,
  group: number,
  v: bigint,
  r: bigint,
  seen: Set<bigint>,
): string | null {
  const key = (v & ~SECONDARY & ~VALID) * 2n ** 11n + BigInt(addressOf(v, group).page % 2048);
  if (seen.has(key)) return `a second entry for V ${hex(v)}`;
  seen.add(key);
  const { context, page } = addressOf(v, group);
  const mm = contexts.owner(context);
  if (mm === null) return null;
  const sub = host.arch.geometry.pageShift - HW_PAGE_SHIFT;
  const vpn = Math.floor(page / 2 ** sub);
  if (isPending(host, mm, vpn)) return null;
  const what = `page ${vpn} of mm ${mm.id}`;
  const isLarge = (v & LARGE) !== 0n;
  const pte = readPte(host, host.tables, mm, vpn, isLarge);
  const f = host.arch.pteFormat;
  if (pte === null || !f.isPresent(pte.hi, pte.lo)) return `${what} has no pte`;
  if ((pte.lo & HASHPTE) === 0) return `the pte of ${what} does not know of it`;
  const subPage = page % 2 ** sub;
  if (sub !== 0 && !isLarge && ((pte.lo >>> (27 - subPage)) & 1) === 0)
    return `the pte of ${what} does not know of sub-page ${subPage}`;
  const frame = Number((r >> 12n) & 0xffff_ffffn);
  if (frame !== f.frame(pte.hi, pte.lo) * 2 ** sub + subPage) {
    return `${what} has frame ${f.frame(pte.hi, pte.lo)}, the entry ${frame / 2 ** sub}`;
  }
  const pp = r & 3n;
  if (pp !== 0n && !f.isUser(pte.hi, pte.lo)) return `${what} is not for user mode`;
  if (pp === 2n && isLarge && !f.write.allows(pte.hi, pte.lo)) return `${what} is not writable`;
  if (pp === 2n && !isLarge && !f.hardwareWrite.allows(pte.hi, pte.lo)) return `${what} is not writable and dirty`;
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
  isLarge: boolean,
): { hi: number; lo: number } | null {
  const at = isLarge ? tables.lookupHuge(mm, vpn) : tables.lookup(mm, (vpn / 4294967296) | 0, vpn | 0);
  if (at === 0) return null;
  const { words } = host.memory;
  return { hi: words[at + tables.hiAt] as number, lo: words[at + tables.loAt] as number };
}

function join(words: Int32Array, at: number): bigint {
  return (BigInt((words[at] as number) >>> 0) << 32n) | BigInt((words[at + 1] as number) >>> 0);
}
