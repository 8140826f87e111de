/** The operations of a process, as events name them. */

/** Operations by number: what the second word of an `operation` event means. */
export const OPERATION_NAMES = [
  'mmap',
  'munmap',
  'mprotect',
  'mremap',
  'brk',
  'madvise',
  'mlock',
  'munlock',
  'mlockall',
  'munlockall',
  'msync',
  'mincore',
  'shmget',
  'shmat',
  'shmdt',
  'shmctl',
  'remap_file_pages',
  'get_user_pages',
  'access_vm',
  'fork',
  'exit',
  'load',
  'store',
  'fetch',
] as const;

/** An operation's name. */
export type OperationName = (typeof OPERATION_NAMES)[number];
