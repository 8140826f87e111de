// System call records across lines: asynchronous calls get their arguments back at their return, results on lines of their
// own find their call, a forked child's return is told from its parent's, and records that share a line are taken apart.
//
// What makes it necessary (Valgrind 3.19): a fork prints its result a line later, and the child prints its own, without a
// head, whenever it first runs; a vfork's child prints its result under the parent's pid, and the parent's comes behind the
// child's execve, on the same line; an execve that succeeds, and some clones, have no line end; paths may contain one.

import { isAccess, isMessage, type ReadRecord, readForked, readLateResult, readRecord } from './record-text.js';
import type { SyscallPhase, SyscallRecord, SyscallResult } from './syscall-record.js';
import type { TraceErrorCode } from './trace-error.js';
import type { WarningCode } from './warnings.js';

/** What the reader of records needs from the parser around it. */
export interface CallHost {
  /** The current line, counted from 1, and the offset of its first byte. */
  readonly line: number;
  readonly lineOffset: number;
  /** A record is complete. */
  call(record: SyscallRecord): void;
  /** An access record follows on the same line. */
  trailingAccess(text: string): void;
  /** Whose records the following lines are. */
  runs(pid: number, tid: number): void;
  warn(code: WarningCode, line: number, text: string): void;
  /** A line of the tool's own. */
  message(text: string): void;
}

/** Why a line cannot be read, and where its record begins; the parser turns it into the TraceError. */
export interface Refusal {
  readonly code: TraceErrorCode;
  readonly expected: string;
  readonly came: string;
  readonly line: number;
  readonly byteOffset: number;
}

/** Longer than any record, over all its lines: not two paths of PATH_MAX occur in one. */
export const MAX_RECORD_BYTES = 16384;

/** More calls than any system has threads: a bound on memory, not on traces. */
const MAX_UNRETURNED = 4096;
const MAX_PROCESSES = 4096;

const EXPECTED = 'an access, a system call or a header line';

interface Held {
  /** `open`: in the middle of a string. `waiting`: its result comes on a later line. */
  readonly state: 'open' | 'waiting';
  readonly line: number;
  readonly lineOffset: number;
  readonly text: string;
  readonly record: ReadRecord | undefined;
  readonly phase: SyscallPhase;
  childPid: number | undefined;
}

interface Fork {
  readonly record: ReadRecord;
  /** The child that has not printed its own return yet. */
  awaitedChild: number | undefined;
}

export class CallReader {
  readonly #host: CallHost;
  /** Calls between entry and return, by `pid,tid,nr`, oldest first. */
  readonly #entries = new Map<string, { record: ReadRecord; line: number }>();
  /** The last fork, clone or vfork of each process. */
  readonly #forks = new Map<number, Fork>();
  #held: Held | undefined;
  /** Line of a fork whose child has not called execve or exit: until then two processes write into one text. */
  forkLine: number | undefined;
  #forkChild: number | undefined;

  constructor(host: CallHost) {
    this.#host = host;
  }

  /** Whether the next line belongs to a record that is not closed, whatever it looks like. */
  get isInside(): boolean {
    return this.#held?.state === 'open';
  }

  /** Takes one line of text that is not an access line; `undefined` if it could be read. */
  line(text: string): Refusal | undefined {
    const held = this.#held;
    if (held?.state === 'open') {
      if (text.startsWith('SYSCALL[') || isAccess(text)) return unclosed('TRACE_LINE', held);
      return this.#join(held, text);
    }
    if (held !== undefined) {
      const late = readLateResult(text);
      if (late !== undefined) {
        this.#finish(held, late.result);
        return this.#rest(late.rest);
      }
      // The parenthesis that seemed to close it may have been part of a path with a line end.
      const isText = !text.startsWith('SYSCALL[') && !isMessage(text) && text.trim() !== '';
      if (
        isText &&
        held.record?.texts.some((t) => t !== undefined) === true &&
        readForked(text.trimStart()) === undefined
      ) {
        return this.#join(held, text);
      }
    }
    // An access at the start of a line that comes here lacks a column.
    return isAccess(text.trim()) ? this.#refuse(EXPECTED, text) : this.#rest(text);
  }

  /** The text ends here. */
  end(): Refusal | undefined {
    const held = this.#held;
    if (held?.state === 'open') return unclosed('TRACE_TRUNCATED', held);
    if (held !== undefined) this.#finish(held, undefined);
    for (const { record, line } of this.#entries.values()) this.#host.warn('unreturned-call', line, record.name);
    this.#entries.clear();
    return undefined;
  }

  #join(held: Held, text: string): Refusal | undefined {
    const joined = `${held.text}\n${text}`;
    if (joined.length > MAX_RECORD_BYTES) return unclosed('TRACE_LINE_TOO_LONG', held);
    this.#held = undefined;
    return this.#records(joined, held.line, held.lineOffset);
  }

  /** Everything that one line, or the rest of one, may hold: records, messages, an access, in any number. */
  #rest(text: string): Refusal | undefined {
    const rest = text.trimStart();
    if (rest === '') return undefined;
    if (rest.startsWith('SYSCALL[')) return this.#records(rest, this.#host.line, this.#host.lineOffset);
    if (isMessage(rest)) {
      this.#host.message(rest);
      return undefined;
    }
    if (isAccess(rest)) {
      this.#flushHeld();
      this.#host.trailingAccess(rest);
      return undefined;
    }
    const forked = readForked(rest);
    if (forked !== undefined) {
      if (!this.#forked(forked.parent, forked.child)) return this.#refuse('the fork that this belongs to', rest);
      return this.#rest(forked.rest);
    }
    const late = readLateResult(text) ?? readLateResult(` ${rest}`);
    if (late !== undefined) {
      if (!this.#childReturns(late.result)) return this.#refuse('the call that this result belongs to', rest);
      return this.#rest(late.rest);
    }
    return this.#refuse(EXPECTED, text);
  }

  #records(text: string, line: number, lineOffset: number): Refusal | undefined {
    let from = text;
    for (;;) {
      this.#flushHeld();
      const read = readRecord(from);
      if (read.state === 'bad') return this.#refuse(read.expected, from);
      if (read.state === 'open') {
        this.#hold({ state: 'open', line, lineOffset, text: from, record: undefined, phase: 'whole' });
        return undefined;
      }
      this.#host.runs(read.pid, read.tid);
      this.#take(read, from, line, lineOffset);
      if (!read.rest.startsWith('SYSCALL[')) return this.#rest(read.rest);
      from = read.rest;
    }
  }

  #take(read: ReadRecord, text: string, line: number, lineOffset: number): void {
    const key = `${read.pid},${read.tid},${read.nr}`;
    if (read.state === 'waiting') {
      this.#hold({ state: 'waiting', line, lineOffset, text, record: read, phase: 'whole' });
      return;
    }
    if (read.state === 'entry') {
      this.#dropEntry(key);
      if (this.#entries.size >= MAX_UNRETURNED) this.#dropEntry(this.#entries.keys().next().value!);
      this.#entries.set(key, { record: read, line });
      this.#emit(read, line, 'entry', undefined, undefined);
      return;
    }
    if (read.state === 'return') {
      const entry = this.#entries.get(key);
      this.#entries.delete(key);
      if (entry === undefined) this.#host.warn('return-without-entry', line, `call ${read.nr}`);
      this.#emit(entry?.record ?? read, line, 'return', read.result, undefined);
      return;
    }
    this.#emit(read, line, 'whole', read.result, undefined);
  }

  #hold(held: Omit<Held, 'childPid'>): void {
    this.#held = { ...held, childPid: undefined };
  }

  #dropEntry(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#host.warn('unreturned-call', entry.line, entry.record.name);
    this.#entries.delete(key);
  }

  /** A record was waiting for its result, and another one comes: it has none. */
  #flushHeld(): void {
    const held = this.#held;
    if (held?.state === 'waiting') this.#finish(held, undefined);
    this.#held = undefined;
  }

  #finish(held: Held, result: SyscallResult | undefined): void {
    this.#held = undefined;
    const record = held.record!;
    if (result === undefined && !isExec(record.name)) this.#host.warn('no-result', held.line, record.name);
    this.#emit(record, held.line, held.phase, result, held.childPid);
  }

  /** `pid` has made `child`, and its result comes next: of the call just read, or of an earlier one that the child returned from first. */
  #forked(pid: number, child: number): boolean {
    const held = this.#held;
    if (held?.record !== undefined && held.record.pid === pid && isFork(held.record.name)) {
      held.childPid = child;
      this.#rememberFork(held.record, child);
      return true;
    }
    this.#flushHeld();
    const fork = this.#forks.get(pid);
    if (fork === undefined) return false;
    this.#host.runs(pid, fork.record.tid);
    const { line, lineOffset } = this.#host;
    this.#hold({ state: 'waiting', line, lineOffset, text: '', record: fork.record, phase: 'return' });
    this.#held!.childPid = child;
    return true;
  }

  /** A result without a call: a forked child's own return. */
  #childReturns(result: SyscallResult | undefined): boolean {
    for (const fork of this.#forks.values()) {
      if (fork.awaitedChild === undefined) continue;
      const record = { ...fork.record, pid: fork.awaitedChild, tid: 1 };
      fork.awaitedChild = undefined;
      this.#host.runs(record.pid, record.tid);
      this.#emit(record, this.#host.line, 'return', result, undefined);
      return true;
    }
    return false;
  }

  #rememberFork(record: ReadRecord, awaitedChild: number | undefined): void {
    this.#forks.delete(record.pid);
    if (this.#forks.size >= MAX_PROCESSES) this.#forks.delete(this.#forks.keys().next().value!);
    this.#forks.set(record.pid, { record, awaitedChild });
    if (awaitedChild === undefined) return;
    this.forkLine = this.#host.line;
    this.#forkChild = awaitedChild;
  }

  #emit(
    read: ReadRecord,
    line: number,
    phase: SyscallPhase,
    result: SyscallResult | undefined,
    childPid: number | undefined,
  ): void {
    const { pid, tid, nr, name, args, texts } = read;
    const isAfterFork = childPid === undefined && phase === 'whole';
    if (isAfterFork && isFork(name)) this.#rememberFork(read, undefined);
    if (pid === this.#forkChild && (name === 'exit_group' || (isExec(name) && result === undefined))) {
      this.forkLine = undefined;
      this.#forkChild = undefined;
    }
    this.#host.call({ line, pid, tid, nr, name, args, texts, phase, result, childPid });
  }

  #refuse(expected: string, came: string): Refusal {
    return { code: 'TRACE_LINE', expected, came, line: this.#host.line, byteOffset: this.#host.lineOffset };
  }
}

function unclosed(code: TraceErrorCode, held: Held): Refusal {
  const expected = 'a system call record whose arguments are closed';
  return { code, expected, came: held.text, line: held.line, byteOffset: held.lineOffset };
}

function isFork(name: string): boolean {
  return name === 'sys_clone' || name === 'sys_fork' || name === 'sys_vfork';
}

function isExec(name: string): boolean {
  return name === 'sys_execve' || name === 'sys_execveat';
}
