// Which file a descriptor stands for, in one process. A file is the path of the open that returned its descriptor; numbers are
// used again after a close, and a dup stands for the same file.

import type { TraceOp } from './trace-op.js';

/** More than processes have open: a bound on memory against a hostile trace. The oldest are forgotten. */
const MAX_DESCRIPTORS = 65536;

export class FileTable {
  readonly #paths: Map<number, string>;

  constructor(paths: ReadonlyMap<number, string> = new Map()) {
    this.#paths = new Map(paths);
  }

  /** The table of a process that this one forks. */
  copy(): FileTable {
    return new FileTable(this.#paths);
  }

  /** Takes open, close and dup; passes over the rest. */
  apply(op: TraceOp): void {
    if (op.op === 'open') this.#set(op.fd, op.path ?? unknownPath(op.fd));
    else if (op.op === 'dup') this.#set(op.newFd, this.pathOf(op.fd));
    else if (op.op === 'close') this.#close(op.fd, op.lastFd);
  }

  /** A descriptor that the trace did not open (an inherited one, a socket) is a file of its own. */
  pathOf(fd: number): string {
    return this.#paths.get(fd) ?? unknownPath(fd);
  }

  #set(fd: number, path: string): void {
    if (this.#paths.size >= MAX_DESCRIPTORS) this.#paths.delete(this.#paths.keys().next().value!);
    this.#paths.set(fd, path);
  }

  #close(first: number, last: number): void {
    if (first === last) {
      this.#paths.delete(first);
      return;
    }
    for (const fd of [...this.#paths.keys()]) {
      if (fd >= first && fd <= last) this.#paths.delete(fd);
    }
  }
}

function unknownPath(fd: number): string {
  return `fd:${fd}`;
}
