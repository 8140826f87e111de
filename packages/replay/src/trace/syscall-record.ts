// A system call as the trace tells it, before anyone asks what it means.

/** A number (a bigint where a number would not be exact), or the text of what is not one. */
export type SyscallArg = number | bigint | string;

export type SyscallResult = { readonly ok: bigint } | { readonly err: number };

/**
 * `whole`: entry and result in one record. `entry`: a call that may block begins; it has no result yet. `return`: it ends,
 * and takes effect now, with the arguments of its entry; or, after a fork, the other process's return from the same call.
 */
export type SyscallPhase = 'whole' | 'entry' | 'return';

export interface SyscallRecord {
  /** Where the record begins, counted from 1: of a `return`, the line of the return. */
  readonly line: number;
  readonly pid: number;
  readonly tid: number;
  /** Number of the call on x86-64. */
  readonly nr: number;
  /** As printed, mostly with `sys_`; empty for a call that the tool does not know, or whose entry the trace does not have. */
  readonly name: string;
  readonly args: readonly SyscallArg[];
  /** The string that an argument's address points to, at the argument's position. */
  readonly texts: readonly (string | undefined)[];
  readonly phase: SyscallPhase;
  /** `undefined` for an entry, for a call that does not return (execve, sigreturn), and for one whose result is not in the trace. */
  readonly result: SyscallResult | undefined;
  /** Of a fork, clone without CLONE_VM or vfork, in the parent: the process it made. */
  readonly childPid: number | undefined;
}
