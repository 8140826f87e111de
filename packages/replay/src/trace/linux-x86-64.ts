// Numbers of the machine that traces are recorded on: Linux on x86-64 (asm/unistd_64.h, asm-generic/mman-common.h, sched.h).

/** Page of the machine that recorded: the grain of every address and offset in a trace. */
export const RECORDED_PAGE_BYTES = 4096;

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
/** MAP_SHARED with unknown flags refused. */
export const MAP_SHARED_VALIDATE = 0x03;
export const MAP_TYPE = 0x0f;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
export const MAP_GROWSDOWN = 0x100;
export const MAP_DENYWRITE = 0x800;
export const MAP_LOCKED = 0x2000;
export const MAP_NORESERVE = 0x4000;
export const MAP_POPULATE = 0x8000;
export const MAP_STACK = 0x20000;
export const MAP_HUGETLB = 0x40000;
export const MAP_FIXED_NOREPLACE = 0x100000;

export const MREMAP_MAYMOVE = 1;
export const MREMAP_FIXED = 2;
export const MREMAP_DONTUNMAP = 4;

export const MADV_DONTNEED = 4;

export const CLONE_VM = 0x100;
export const CLONE_VFORK = 0x4000;
export const CLONE_THREAD = 0x10000;
export const SIGCHLD = 17;

export const F_DUPFD = 0;
export const F_DUPFD_CLOEXEC = 1030;

export const CLOSE_RANGE_CLOEXEC = 4;

export const NR_OPEN = 2;
export const NR_CLOSE = 3;
export const NR_MMAP = 9;
export const NR_MPROTECT = 10;
export const NR_MUNMAP = 11;
export const NR_BRK = 12;
export const NR_MREMAP = 25;
export const NR_MADVISE = 28;
export const NR_SHMGET = 29;
export const NR_SHMAT = 30;
export const NR_DUP = 32;
export const NR_DUP2 = 33;
export const NR_CLONE = 56;
export const NR_FORK = 57;
export const NR_VFORK = 58;
export const NR_EXECVE = 59;
export const NR_EXIT = 60;
export const NR_SHMDT = 67;
export const NR_FCNTL = 72;
export const NR_CREAT = 85;
export const NR_MLOCK = 149;
export const NR_MUNLOCK = 150;
export const NR_MLOCKALL = 151;
export const NR_MUNLOCKALL = 152;
export const NR_EXIT_GROUP = 231;
export const NR_OPENAT = 257;
export const NR_DUP3 = 292;
export const NR_MEMFD_CREATE = 319;
export const NR_EXECVEAT = 322;
export const NR_MLOCK2 = 325;
export const NR_PKEY_MPROTECT = 329;
export const NR_CLOSE_RANGE = 436;
export const NR_OPENAT2 = 437;
