/**
 * The kinds of events and the names of their three words. A record in the ring is numbers only; the words named `kind`,
 * `call`, `counter` and `mode` are indices that the spy turns into names.
 */

/** What each event's words are. `mm` is an mm's id, `vpn` a page number, `page` an index of the mem_map, `pa` bytes. */
export const EVENT_FIELDS = {
  operation: ['pid', 'call'],
  trap: ['cpu', 'vpn', 'code'],
  fault: ['vpn', 'access', 'result'],
  signal: ['vpn', 'signal'],
  switchMm: ['cpu', 'from', 'mm'],
  ipi: ['cpu', 'cause', 'mm'],
  ipiAck: ['cpu'],
  lazyTlb: ['cpu', 'mm'],
  // entries
  setPte: ['vpn', 'hi', 'lo'],
  clearPte: ['mm', 'vpn', 'full'],
  accessFlags: ['mm', 'vpn', 'write'],
  updateMmuCache: ['mm', 'vpn'],
  lazyMmuProtUpdate: ['hi', 'lo'],
  badPte: ['mm', 'vpn', 'flags'],
  // flushes of translations and of caches
  flushPage: ['mm', 'vpn'],
  flushRange: ['mm', 'start', 'end'],
  flushMm: ['mm'],
  flushTables: ['mm', 'start', 'end'],
  flushPending: ['cpu', 'entries'],
  flushKernelRange: ['start', 'end'],
  flushCachePage: ['mm', 'vpn', 'pfn'],
  flushCacheRange: ['mm', 'start', 'end'],
  flushCacheMm: ['mm'],
  flushCacheVmap: ['start', 'end'],
  flushCacheVunmap: ['start', 'end'],
  flushDcachePage: ['page'],
  // locks
  lock: ['lock', 'kind', 'mode'],
  unlock: ['lock', 'kind', 'mode'],
  contend: ['lock', 'kind', 'mode'],
  // the gather
  gatherStart: ['mm', 'full'],
  gatherFlush: ['mm', 'start', 'end'],
  gatherFinish: ['mm', 'start', 'end'],
  startVma: ['mm', 'start'],
  endVma: ['mm', 'start'],
  // frames and tables
  allocPage: ['page', 'order'],
  freePage: ['page', 'order'],
  copyPage: ['to', 'from', 'vpn'],
  clearPage: ['page'],
  copyUser: ['page', 'address'],
  allocTable: ['level', 'pa'],
  linkTable: ['mm', 'level', 'vpn'],
  unlinkTable: ['mm', 'level', 'pa'],
  freeTable: ['level', 'pa'],
  // counters and page state
  addRss: ['mm', 'counter', 'pages'],
  setDirty: ['page'],
  markAccessed: ['page'],
  // areas
  unlinkAnon: ['mm', 'start'],
  unlinkFile: ['mm', 'start'],
  closeVma: ['mm', 'start'],
} as const;

/** An event's name. */
export type EventName = keyof typeof EVENT_FIELDS;

export const EVENT_NAMES: readonly EventName[] = /* @__PURE__ */ Object.keys(EVENT_FIELDS) as EventName[];

function kind(name: EventName): number {
  return EVENT_NAMES.indexOf(name);
}

export const OPERATION: number = kind('operation');
/** A page fault as the processor delivers it, with the machine's own error code. */
export const TRAP: number = kind('trap');
export const FAULT: number = kind('fault');
export const SIGNAL: number = kind('signal');
export const SWITCH_MM: number = kind('switchMm');
export const IPI: number = kind('ipi');
export const IPI_ACK: number = kind('ipiAck');
export const LAZY_TLB: number = kind('lazyTlb');
export const SET_PTE: number = kind('setPte');
export const CLEAR_PTE: number = kind('clearPte');
export const ACCESS_FLAGS: number = kind('accessFlags');
export const UPDATE_MMU_CACHE: number = kind('updateMmuCache');
export const LAZY_MMU_PROT_UPDATE: number = kind('lazyMmuProtUpdate');
export const BAD_PTE: number = kind('badPte');
export const EV_FLUSH_PAGE: number = kind('flushPage');
export const EV_FLUSH_RANGE: number = kind('flushRange');
export const EV_FLUSH_MM: number = kind('flushMm');
export const EV_FLUSH_TABLES: number = kind('flushTables');
export const EV_FLUSH_PENDING: number = kind('flushPending');
export const EV_FLUSH_KERNEL_RANGE: number = kind('flushKernelRange');
export const FLUSH_CACHE_PAGE: number = kind('flushCachePage');
export const FLUSH_CACHE_RANGE: number = kind('flushCacheRange');
export const FLUSH_CACHE_MM: number = kind('flushCacheMm');
export const FLUSH_CACHE_VMAP: number = kind('flushCacheVmap');
export const FLUSH_CACHE_VUNMAP: number = kind('flushCacheVunmap');
export const FLUSH_DCACHE_PAGE: number = kind('flushDcachePage');
export const LOCK: number = kind('lock');
export const UNLOCK: number = kind('unlock');
export const CONTEND: number = kind('contend');
export const GATHER_START: number = kind('gatherStart');
export const GATHER_FLUSH: number = kind('gatherFlush');
export const GATHER_FINISH: number = kind('gatherFinish');
export const START_VMA: number = kind('startVma');
export const END_VMA: number = kind('endVma');
export const ALLOC_PAGE: number = kind('allocPage');
export const FREE_PAGE: number = kind('freePage');
export const COPY_PAGE: number = kind('copyPage');
export const CLEAR_PAGE: number = kind('clearPage');
export const COPY_USER: number = kind('copyUser');
export const ALLOC_TABLE: number = kind('allocTable');
export const LINK_TABLE: number = kind('linkTable');
export const UNLINK_TABLE: number = kind('unlinkTable');
export const FREE_TABLE: number = kind('freeTable');
export const ADD_RSS: number = kind('addRss');
export const SET_DIRTY: number = kind('setDirty');
export const MARK_ACCESSED: number = kind('markAccessed');
export const UNLINK_ANON: number = kind('unlinkAnon');
export const UNLINK_FILE: number = kind('unlinkFile');
export const CLOSE_VMA: number = kind('closeVma');

/** Words of `addRss`' counter. */
export const FILE_RSS = 0;
export const ANON_RSS = 1;
export const RSS_NAMES: readonly string[] = ['file_rss', 'anon_rss'];

/** Words of a lock's mode: a spin lock, or a semaphore for reading or writing. */
export const SPIN = 0;
export const READ = 1;
export const WRITE = 2;
export const MODE_NAMES: readonly string[] = ['spin', 'read', 'write'];
