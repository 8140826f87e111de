/**
 * What commits of the reference's history brought and can be taken out again: one named field each, true as the end state
 * has it. A machine made `without` a commit has that field false and behaves as the kernel did before. Code reads the
 * field, never the commit's name.
 */
import { MmError } from '../errors.js';

/** The commits that can be taken out, and the field each one stands for. */
export const SWITCHES = {
  ac9b9c667c: 'spuriousHugeIsMinor',
  e040f218bb: 'resetsCopyProgress',
  '6237bcd948': 'zapDropsAnonDirty',
  fc2acab31b: 'zapLowersRss',
  ae85976233: 'batchesRss',
  '365e9c87a9': 'lateHiwater',
  '872fec16d9': 'kernelTablesLockInside',
  '8f4f8c164c': 'unlinksBeforeTables',
  '508034a32b': 'zapLocksTables',
  '65500d234e': 'strayFileEntriesAreBad',
  '9e9bef07ce': 'readIsMajorInRace',
  '4c21e2f244': 'splitsPteLocks',
  '1a44e14908': 'keepsUnchangedPte',
  '51c6f666fc': 'zapCountsWork',
  ed5297a940: 'gupTakesReserved',
  '325f04dbca': 'noPageRefusesRaw',
  e3c3374fbf: 'insertPageIsPlain',
  fb155c1619: 'sharedRawIsFree',
  '4d7672b462': 'forkCopiesInserted',
  f6b3ec238d: 'madviseRemoves',
} as const;

/** A commit that can be taken out, by the first ten digits of its name. */
export type SwitchableCommit = keyof typeof SWITCHES;
type Field = (typeof SWITCHES)[SwitchableCommit];

/** What a kernel does of all this. */
export class Behaviour implements Readonly<Record<Field, boolean>> {
  /** A fault on a huge page that is mapped already is minor; before, the end of the process. */
  readonly spuriousHugeIsMinor: boolean;
  /** fork's copy loop counts its progress anew after every poll; before, it polled at every entry once it had begun. */
  readonly resetsCopyProgress: boolean;
  /** Unmapping an anonymous page drops the entry's dirty bit; before, it dirtied the page. */
  readonly zapDropsAnonDirty: boolean;
  /** rss falls where entries are cleared; before, when the gather ended. */
  readonly zapLowersRss: boolean;
  /** The counters of an mm change once a table in fork and unmap; before, once a page. */
  readonly batchesRss: boolean;
  /** High-water marks are taken before a total falls; before, whenever it rose. */
  readonly lateHiwater: boolean;
  /** Kernel tables are allocated without init_mm.page_table_lock held; before, vmalloc held it all along. */
  readonly kernelTablesLockInside: boolean;
  /** Areas leave the lists of rmap before their tables go; before, after. */
  readonly unlinksBeforeTables: boolean;
  /** Unmapping takes the pte lock of each table; before, page_table_lock around everything. */
  readonly zapLocksTables: boolean;
  /** A file entry in a linear area is a broken one; before, its page was faulted in. */
  readonly strayFileEntriesAreBad: boolean;
  /** A fault that read from swap is major, whoever mapped the page first; before, only who mapped it. */
  readonly readIsMajorInRace: boolean;
  /** From four CPUs on every pte table has its lock; before, page_table_lock was the only one. */
  readonly splitsPteLocks: boolean;
  /** A fault that changes nothing in the entry stores nothing; before, it was written again and announced. */
  readonly keepsUnchangedPte: boolean;
  /** Unmapping breaks off by work done; before, by distance of addresses. */
  readonly zapCountsWork: boolean;

  /** get_user_pages takes pages of VM_RESERVED areas; before, it refused them. */
  readonly gupTakesReserved: boolean;
  /** do_no_page stops the kernel when it is called for an area of raw entries; before, it went on. */
  readonly noPageRefusesRaw: boolean;
  /** Every entry of a shared VM_PFNMAP area is raw; before, only those in the order of the file. */
  readonly sharedRawIsFree: boolean;
  /** fork copies areas that pages were inserted into; before, it left them to faults that nobody can answer. */
  readonly forkCopiesInserted: boolean;
  /** vm_insert_page may be called by modules of any licence; before, of the GPL only. */
  readonly insertPageIsPlain: boolean;

  /** madvise knows MADV_REMOVE. */
  readonly madviseRemoves: boolean;

  /** @throws MmError MM_COMMIT for a commit that cannot be taken out */
  constructor(without: readonly string[] = []) {
    for (const commit of without) {
      if (commit in SWITCHES) continue;
      const known = Object.keys(SWITCHES).join(', ');
      throw new MmError('MM_COMMIT', `expected a commit that can be taken out (${known}), got ${commit}`);
    }
    const has = (commit: SwitchableCommit): boolean => !without.includes(commit);
    this.spuriousHugeIsMinor = has('ac9b9c667c');
    this.resetsCopyProgress = has('e040f218bb');
    this.zapDropsAnonDirty = has('6237bcd948');
    this.zapLowersRss = has('fc2acab31b');
    this.batchesRss = has('ae85976233');
    this.lateHiwater = has('365e9c87a9');
    this.kernelTablesLockInside = has('872fec16d9');
    this.unlinksBeforeTables = has('8f4f8c164c');
    this.zapLocksTables = has('508034a32b');
    this.strayFileEntriesAreBad = has('65500d234e');
    this.readIsMajorInRace = has('9e9bef07ce');
    this.splitsPteLocks = has('4c21e2f244');
    this.keepsUnchangedPte = has('1a44e14908');
    this.zapCountsWork = has('51c6f666fc');
    this.gupTakesReserved = has('ed5297a940');
    this.noPageRefusesRaw = has('325f04dbca');
    this.sharedRawIsFree = has('fb155c1619');
    this.forkCopiesInserted = has('4d7672b462');
    this.insertPageIsPlain = has('e3c3374fbf');
    this.madviseRemoves = has('f6b3ec238d');
  }
}
