/**
 * Walks of an image as the hardware finds a translation: the segment in the SLB, then both groups of the hash table
 * (PowerPC Architecture Book III; 970 user's manual). Beside it stands what the Linux tables say, which the hardware never
 * reads: a page that nothing has hashed is there only.
 */
import {
  type ArchDescriptor,
  asObject,
  asWord,
  findPte,
  hexOf,
  type Image,
  type ImageSupport,
  type Mm,
  pteMissing,
  type Roots,
  rightsFrom,
  rootList,
  rootWord,
  translated,
  untranslated,
  type Walk,
  type WalkStep,
} from '@fourfold/core/arch';
import { userVsid } from './context.js';
import { GROUP_BYTES, HPTES_PER_GROUP } from './hash-table.js';
import {
  HARDWARE_PAGES,
  HPTE_C,
  HPTE_R,
  HPTE_V_BOLTED,
  HPTE_V_LARGE,
  HPTE_V_SECONDARY,
  HPTE_V_VALID,
  hashOf,
  hpteRights,
  virtualAddress,
} from './hpte.js';
import { HPAGE_SHIFT, hugeAreasOf } from './hugetlb.js';
import type { Ppc64Mmu } from './mmu.js';
import {
  SLB_ESID_V,
  SLB_NUM_BOLTED,
  SLB_VSID_KP,
  SLB_VSID_L,
  SLB_VSID_LP,
  SLB_VSID_USER,
  slbEsidWord,
  slbVsidWord,
} from './slb.js';

/** One entry of the SLB, as slbmte takes it. */
export interface SlbEntry {
  /** ESID, V, index. */
  readonly esid: bigint;
  /** VSID, keys, class, page size. */
  readonly vsid: bigint;
}

/** Registers that decide a walk. */
export interface Ppc64Roots extends Roots {
  /** Physical address of the hash table, and log2 of its groups less 11 in the low bits. */
  readonly sdr1: bigint;
  readonly slb: readonly SlbEntry[];
  /** Physical address of the Linux root table, 0 for none. */
  readonly pgd: bigint;
}

const SEGMENT_SHIFT = 28n;
const SDR1_ORIGIN = ~0x3_ffffn & 0x3fff_ffff_ffff_ffffn;

/** The ppc64 side of images. */
export function ppc64Images(arch: ArchDescriptor): ImageSupport<Ppc64Roots> {
  return {
    rootName: 'sdr1',
    parse: (json) => ({
      sdr1: rootWord(json, 'sdr1'),
      slb: rootList(json, 'slb', (item, name) => {
        const entry = asObject(item, name);
        return { esid: asWord(entry.esid, `${name}.esid`), vsid: asWord(entry.vsid, `${name}.vsid`) };
      }),
      pgd: rootWord(json, 'pgd', 0n),
    }),
    rootsOf: (_host, mmu, mm, pages) => rootsOf(arch, mmu as Ppc64Mmu, mm, pages),
    walk: (image, roots, address) => {
      const hardware = walkHash(image, roots, address);
      return roots.pgd === 0n ? hardware : { ...hardware, beside: walkLinux(arch, image, roots, address) };
    },
  };
}

/** SDR1, and an SLB with every segment that the mm has pages in, as the miss handler would load them. */
function rootsOf(arch: ArchDescriptor, { table }: Ppc64Mmu, mm: Mm, pages: Iterable<number>): Ppc64Roots {
  const areas = hugeAreasOf(mm);
  const base = HARDWARE_PAGES[arch.tlbPageShift === 12 ? '4K' : '64K'];
  const shift = Number(SEGMENT_SHIFT) - arch.geometry.pageShift;
  const segments = new Set<number>();
  for (const vpn of pages) segments.add(Math.floor(vpn / 2 ** shift));
  const slb = [...segments].map((segment, i) => {
    const size = areas.hasSegment(segment) ? HARDWARE_PAGES['16M'] : base;
    return {
      esid: slbEsidWord(BigInt(segment) << SEGMENT_SHIFT, SLB_NUM_BOLTED + i),
      vsid: slbVsidWord(userVsid(mm.context, segment), SLB_VSID_USER, size.sllp),
    };
  });
  return { sdr1: BigInt(table.pa) | BigInt(Math.log2(table.groups) - 11), slb, pgd: BigInt(mm.rootPa) };
}

function segmentOf(roots: Ppc64Roots, address: bigint): SlbEntry | undefined {
  return roots.slb.find(({ esid }) => (esid & SLB_ESID_V) !== 0n && esid >> SEGMENT_SHIFT === address >> SEGMENT_SHIFT);
}

/** The page size that the bits of a segment say. */
function pageOf({ vsid }: SlbEntry): '4K' | '64K' | '16M' {
  if ((vsid & SLB_VSID_L) === 0n) return '4K';
  return (vsid & SLB_VSID_LP) === 0n ? '16M' : '64K';
}

function walkHash(image: Image, roots: Ppc64Roots, address: bigint): Walk {
  const steps: WalkStep[] = [];
  const end = (missing: string): Walk => untranslated(address, 'hash table', steps, missing);
  const segment = segmentOf(roots, address);
  if (segment === undefined) {
    steps.push({ what: 'SLB', at: null, value: null, bits: 64, says: 'no entry for the segment' });
    return end(`no SLB entry for segment ${hexOf(address >> SEGMENT_SHIFT)}`);
  }
  const isLarge = (segment.vsid & SLB_VSID_L) !== 0n;
  const name = pageOf(segment);
  const page = HARDWARE_PAGES[name];
  const vsid = segment.vsid >> 12n;
  steps.push({
    what: 'SLB',
    at: null,
    value: segment.vsid,
    bits: 64,
    says: `VSID ${vsid.toString(16)}${isLarge ? `, ${name === '16M' ? '16 MiB' : '64 KiB'} pages` : ''}`,
  });
  const va = virtualAddress(Number(vsid), address);
  const hash = hashOf(va, page.shift);
  const mask = (1n << (11n + (roots.sdr1 & 31n))) - 1n;
  const origin = roots.sdr1 & SDR1_ORIGIN;
  const avpn = (va >> 23n) & ~BigInt(page.avpnm);
  for (const [what, secondary] of [
    ['primary group', false],
    ['secondary group', true],
  ] as const) {
    const group = (secondary ? ~hash : hash) & mask;
    const base = origin + group * BigInt(GROUP_BYTES);
    for (let slot = 0; slot < HPTES_PER_GROUP; slot++) {
      const at = base + BigInt(16 * slot);
      const v = image.read(at, 8);
      const r = image.read(at + 8n, 8);
      if (v === null || r === null) return end(`the image has no hash table at ${hexOf(at)}`);
      if (!matches(v, avpn, isLarge, secondary)) continue;
      steps.push({ what, at, value: v, bits: 64, says: `slot ${slot}: ${vSays(v)}` });
      steps.push({ what: 'HPTE', at: at + 8n, value: r, bits: 64, says: rSays(r) });
      const size = 1n << BigInt(page.shift);
      const frame = r & 0x3fff_ffff_ffff_f000n & ~(size - 1n);
      return translated(address, 'hash table', steps, frame, size, rightsUnder(segment, r));
    }
    steps.push({ what, at: base, value: null, bits: 64, says: 'none of eight matches' });
  }
  return end('no entry in either group');
}

function matches(v: bigint, avpn: bigint, isLarge: boolean, secondary: boolean): boolean {
  return (
    (v & HPTE_V_VALID) !== 0n &&
    ((v & HPTE_V_LARGE) !== 0n) === isLarge &&
    ((v & HPTE_V_SECONDARY) !== 0n) === secondary &&
    v >> 7n === avpn
  );
}

/** User mode has key Kp; without it PP alone decides otherwise. */
function rightsUnder({ vsid }: SlbEntry, r: bigint): Walk['rights'] {
  const lo = Number(r & 0xfffn);
  const rights = rightsFrom(hpteRights(lo));
  if ((vsid & SLB_VSID_KP) !== 0n) return rights;
  return { read: true, write: (lo & 3) !== 3, exec: (lo & 4) === 0 };
}

function vSays(v: bigint): string {
  const flags = [
    [HPTE_V_BOLTED, 'bolted'],
    [HPTE_V_LARGE, 'large'],
    [HPTE_V_SECONDARY, 'secondary'],
    [HPTE_V_VALID, 'valid'],
  ] as const;
  return flags
    .filter(([bit]) => (v & bit) !== 0n)
    .map(([, name]) => name)
    .join(' ');
}

const STORAGE = ['N', 'G', 'M', 'I', 'W'] as const;

function rSays(r: bigint): string {
  const flags = STORAGE.filter((_, i) => (r & (4n << BigInt(i))) !== 0n);
  return [`PP=${r & 3n}`, ...flags, ...((r & HPTE_C) === 0n ? [] : ['C']), ...((r & HPTE_R) === 0n ? [] : ['R'])].join(
    ' ',
  );
}

/** What hash_page would make an entry of. */
function walkLinux(arch: ArchDescriptor, image: Image, roots: Ppc64Roots, address: bigint): Walk {
  const through = 'Linux tables';
  if (address >> 44n !== 0n) return untranslated(address, through, [], 'the address has more than 44 bits');
  const segment = segmentOf(roots, address);
  const isHuge = segment !== undefined && pageOf(segment) === '16M';
  const huge = 1n << BigInt(HPAGE_SHIFT);
  const lookUp = isHuge ? address & ~(huge - 1n) : address;
  const found = findPte(arch, image, roots.pgd, address, lookUp, isHuge ? arch.huge?.level : undefined);
  if ('ended' in found) return { ...found.ended, through };
  const missing = pteMissing(arch, found.value);
  if (missing !== '') return untranslated(address, through, found.steps, missing);
  const frame = arch.pte.pfn(found.value) << BigInt(arch.geometry.pageShift);
  const { exec = false, read = false, write = false } = arch.pte.decode(found.value);
  const size = isHuge ? huge : BigInt(arch.pageSize);
  return translated(address, through, found.steps, frame, size, { exec, read, write });
}
