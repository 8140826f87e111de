/**
 * The kinds of events and the names of their three words. A record in the ring is numbers only; the words named `kind`,
 * `call`, `counter`, `mode` and `slot` are indices that the spy turns into names. The numbers stand first, as literals, as in counters.ts.
 */

export const OPERATION = 0;
/** A page fault as the processor delivers it, with the machine's own error code. */
export const TRAP = 1;
export const FAULT = 2;
export const SIGNAL = 3;
export const SWITCH_MM = 4;
export const IPI = 5;
export const IPI_ACK = 6;
export const LAZY_TLB = 7;
export const SET_PTE = 8;
export const CLEAR_PTE = 9;
export const ACCESS_FLAGS = 10;
export const UPDATE_MMU_CACHE = 11;
export const LAZY_MMU_PROT_UPDATE = 12;
export const BAD_PTE = 13;
export const EV_FLUSH_PAGE = 14;
export const EV_FLUSH_RANGE = 15;
export const EV_FLUSH_MM = 16;
export const EV_FLUSH_TABLES = 17;
export const EV_FLUSH_PENDING = 18;
export const EV_FLUSH_KERNEL_RANGE = 19;
export const FLUSH_CACHE_PAGE = 20;
export const FLUSH_CACHE_RANGE = 21;
export const FLUSH_CACHE_MM = 22;
export const FLUSH_CACHE_VMAP = 23;
export const FLUSH_CACHE_VUNMAP = 24;
export const FLUSH_DCACHE_PAGE = 25;
export const LOCK = 26;
export const UNLOCK = 27;
export const CONTEND = 28;
export const GATHER_START = 29;
export const GATHER_FLUSH = 30;
export const GATHER_FINISH = 31;
export const START_VMA = 32;
export const END_VMA = 33;
export const ALLOC_PAGE = 34;
export const FREE_PAGE = 35;
export const COPY_PAGE = 36;
export const CLEAR_PAGE = 37;
export const COPY_USER = 38;
export const ALLOC_TABLE = 39;
export const LINK_TABLE = 40;
export const UNLINK_TABLE = 41;
export const FREE_TABLE = 42;
export const ADD_RSS = 43;
export const SET_DIRTY = 44;
export const MARK_ACCESSED = 45;
export const UNLINK_ANON = 46;
export const UNLINK_FILE = 47;
export const CLOSE_VMA = 48;
export const MAP_PTE = 49;
export const UNMAP_PTE = 50;

/** Words of `addRss`' counter. */
export const FILE_RSS = 0;
export const ANON_RSS = 1;

/** Words of a lock's mode: a spin lock, or a semaphore for reading or writing. */
export const SPIN = 0;
export const READ = 1;
export const WRITE = 2;

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
  // pte tables mapped to be looked at (CONFIG_HIGHPTE); `table` is the first word of the page
  mapPte: ['slot', 'table'],
  unmapPte: ['slot', 'table'],
} as const;

/** An event's name. */
export type EventName = keyof typeof EVENT_FIELDS;

export const EVENT_NAMES: readonly EventName[] = /* @__PURE__ */ Object.keys(EVENT_FIELDS) as EventName[];

export const RSS_NAMES: readonly string[] = ['file_rss', 'anon_rss'];

/** Words of `mapPte`'s slot, by type of kmap_atomic. */
export const SLOT_NAMES: readonly string[] = ['KM_PTE0', 'KM_PTE1'];

export const MODE_NAMES: readonly string[] = ['spin', 'read', 'write'];
