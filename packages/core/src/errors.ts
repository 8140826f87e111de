/**
 * The three kinds of error (style.md section 7). Inside core the simulated program's failures are negative errno
 * numbers; only the public edge throws.
 */

/** Linux errno numbers by name, as far as mm calls answer them (asm-generic/errno). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EISDIR: 21,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  ETXTBSY: 26,
  ENOSYS: 38,
  EIDRM: 43,
  EOVERFLOW: 75,
} as const;

/** A name in ERRNO. */
export type ErrnoName = keyof typeof ERRNO;

const NAME_OF = new Map<number, ErrnoName>(
  (Object.entries(ERRNO) as [ErrnoName, number][]).map(([name, value]) => [value, name]),
);

/** The name of a (positive or negative) errno number, such as `'EINVAL'`. */
export function errnoName(errno: number): string {
  return NAME_OF.get(Math.abs(errno)) ?? `E${Math.abs(errno)}`;
}

/** A failed call: `code` is an errno name for the simulated program's failures, `MM_...` for misuse of the API. */
export class MmError extends Error {
  readonly code: string;
  /** Numbers behind the message, by name. */
  readonly meta: Readonly<Record<string, number | bigint | string>>;
  constructor(code: string, message: string, meta: Record<string, number | bigint | string> = {}) {
    super(`${code}: ${message}`);
    this.name = 'MmError';
    this.code = code;
    this.meta = meta;
  }
}

/** A bad access by the simulated program: the signal it would get. */
export class MemoryFault extends Error {
  /** SIGSEGV or SIGBUS; SIGKILL when memory was short. */
  readonly signal: 'SIGSEGV' | 'SIGBUS' | 'SIGKILL';
  /** si_code: SEGV_MAPERR, SEGV_ACCERR or BUS_ADRERR; OOM for SIGKILL. */
  readonly code: 'SEGV_MAPERR' | 'SEGV_ACCERR' | 'BUS_ADRERR' | 'OOM';
  readonly address: bigint;
  constructor(code: MemoryFault['code'], address: bigint) {
    super(`${code} at 0x${address.toString(16)}`);
    this.name = 'MemoryFault';
    this.code = code;
    this.signal = code === 'OOM' ? 'SIGKILL' : code === 'BUS_ADRERR' ? 'SIGBUS' : 'SIGSEGV';
    this.address = address;
  }
}

/** An invariant of ours is broken: a defect of the simulator, never of the simulated program. */
export class KernelBug extends Error {
  readonly code = 'MM_KERNEL_BUG';
  constructor(message: string, state = '') {
    super(state === '' ? message : `${message}\n${state}`);
    this.name = 'KernelBug';
  }
}
