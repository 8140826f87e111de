/** `@fourfold/core`: machines, processes, and what drives and inspects them. */
export { type AccessBatch, BatchStop, runBatch } from './access/batch.js';
export { touch, translate } from './access/translate.js';
export { audit } from './audit/audit.js';
export type { Finding } from './audit/finding.js';
export * from './errors.js';
export * from './events/counters.js';
export { everyCall, Injection, onCall, type PausePoint, type PollPoint } from './events/injection.js';
export { OPERATION_NAMES, type OperationName } from './events/operations.js';
export * from './events/ring.js';
export { Spy, type SpyRecord } from './events/spy.js';
export * from './fault/codes.js';
export { handleMmFault } from './fault/handle.js';
export { BUS_ADRERR, FAULT_OOM, type FaultCounts, SEGV_ACCERR, SEGV_MAPERR } from './fault/page-fault.js';
export * from './fs/file.js';
export * from './fs/file-system.js';
export { maxLfsFileSize } from './fs/limits.js';
export * from './fs/segments.js';
export {
  FOLL_ANON,
  FOLL_GET,
  FOLL_TOUCH,
  FOLL_WRITE,
  FOLLOW_BUSY,
  FOLLOW_NONE,
  followPage,
} from './gup/follow-page.js';
export { type GupRequest, getUserPages, makePagesPresent } from './gup/get-user-pages.js';
export { hugePageOf, hugePteIsNone, hugePteWord } from './hugetlb/entry.js';
export { followHugetlbPages, hugeSubPage } from './hugetlb/follow.js';
export { HugeFile, Hugetlbfs, type HugetlbfsOptions, hugetlbfs } from './hugetlb/hugetlbfs.js';
export { HugePool } from './hugetlb/pool.js';
export { describeImage, IMAGE_VERSION, type ImageDocument, type ImageProcess, mappedPages } from './image/describe.js';
export { type DumpedFrame, dumpFrames, type Image, imageOf } from './image/image.js';
export { type Roots, type Walk, type WalkStep, walk } from './image/walk.js';
export { Kernel, type KernelConfig } from './kernel.js';
export { FlushLedger } from './ledger/ledger.js';
export type { OverFlushLine } from './ledger/over-flush.js';
export { SWITCHES, type SwitchableCommit } from './machine/behaviour.js';
export { type BuildOptions, buildByDefault } from './machine/build.js';
export { defaultChecks, type MachineChecks, watchByDefault } from './machine/checks.js';
export { type ExportClass, exportedSymbols } from './machine/exported-symbols.js';
export { Machine, type MachineOptions, type SpawnOptions } from './machine/machine.js';
export { parseSize } from './machine/size.js';
export { MemMap, PG_REFERENCED } from './memory/mem-map.js';
export type { Bank } from './memory/physical.js';
export { DiskFile, type DiskFileOptions } from './pagecache/disk-file.js';
export { vmtruncate, vmtruncateRange } from './pagecache/truncate.js';
export { DevMem, FrameBuffer, RingDevice, type RingFill } from './pfnmap/devices.js';
export { vmInsertPage, zeromapPageRange } from './pfnmap/insert-page.js';
export { ioRemapPfnRange } from './pfnmap/io-remap.js';
export { vmNormalPage } from './pfnmap/normal-page.js';
export { remapPfnRange } from './pfnmap/remap-pfn-range.js';
export { PteCursor } from './pgtable/cursor.js';
export { pteLock, pteUnmapUnlock } from './pgtable/lock.js';
export { getLockedPte } from './pgtable/locked-pte.js';
export { setPteAt } from './pgtable/set-pte.js';
export type { ExplainedLevel, Explanation } from './proc/explain.js';
export { mapsText } from './proc/maps.js';
export { type Meminfo, meminfoText } from './proc/meminfo.js';
export { type SmapsEntry, type SmapsSizes, smapsText } from './proc/smaps.js';
export { type Statm, statmText } from './proc/statm.js';
export { type ProcessStatus, statusText } from './proc/status.js';
export { type Vmstat, vmstatText } from './proc/vmstat.js';
export { type Backtrace, copyFromUserInatomic, userBacktrace } from './process/backtrace.js';
export type { ProcessOps } from './process/ops.js';
export { type MmapOptions, Process } from './process/process.js';
export type { AccessResult } from './process/user-memory.js';
export { pageOutRange } from './reclaim/page-out.js';
export { tryToFreePages } from './reclaim/reclaim.js';
export { pageAddressInVma } from './rmap/page-address.js';
export { clearFlushYoung } from './rmap/referenced.js';
export type { Cpu } from './smp/cpu.js';
export { interleave, runToEnd, SteppedOp } from './smp/driver.js';
export { type Op, RwSemaphore, SpinLock, type Wait } from './smp/lock.js';
export { swapOff } from './swap/swapoff.js';
export * from './vma/flags.js';
export type { Mm, Rlimits } from './vma/mm.js';
export * from './vma/mmap.js';
export * from './vma/mmap-bits.js';
export { Vma } from './vma/vma.js';
export { VmaTree } from './vma/vma-tree.js';
export { kernelLoad, kernelStore } from './vmalloc/access.js';
export { lookupKernelPte } from './vmalloc/kernel-lookup.js';
export { initMm } from './vmalloc/kernel-tables.js';
export { ioremap, iounmap, vfree, vmalloc, vmallocToPage } from './vmalloc/vmalloc.js';
