// Push parser for the text of Valgrind's lackey tool with --trace-mem=yes --trace-syscalls=yes.
//
// Bytes go in by `feed`, cut anywhere; records come out in order: accesses in batches, each system call by itself, a batch
// always before the call that follows it. Memory is constant: one batch, one line, the calls that have not returned.
//
// What stops the reading, with everything before it delivered: a line of no known shape, control characters, a record longer
// than MAX_RECORD_BYTES, an address above 64 bits, an access that wraps or is of no size, an end inside a record, no record
// at all. It is thrown as one TraceError, and again by every later call. What is only counted, in `warnings`: the codes of
// WarningCode. Lines of the tool itself (`==pid== ...`) and empty lines are counted as messages and passed over.

import { AccessBatch, DEFAULT_BATCH_RECORDS } from './access-batch.js';
import { type CallHost, CallReader, MAX_RECORD_BYTES, type Refusal } from './calls.js';
import { ACCESS_FAULTS, ACCESS_NONE, ACCESS_TAKEN, parseAccess, scanAccesses } from './scan.js';
import type { SyscallRecord } from './syscall-record.js';
import { excerpt, TraceError, type TraceErrorAt, type TraceErrorCode } from './trace-error.js';
import { type TraceWarning, WarningLog } from './warnings.js';

export interface TraceSink {
  /** The batch is only lent: its arrays are filled anew after the return. */
  accesses(batch: AccessBatch): void;
  syscall(record: SyscallRecord): void;
}

export interface LackeyOptions {
  /** Records a batch holds; default 65536. */
  readonly batchRecords?: number | undefined;
}

const LF = 0x0a;
const CR = 0x0d;
const CONTROL_CHARACTERS = /[^\P{Cc}\t\n\r]/u;

export class LackeyParser {
  /** The command that was recorded, from the header; empty if there is none. */
  command = '';
  /** Access records delivered or in the present batch. */
  accessCount = 0;
  /** System call records delivered. */
  callCount = 0;
  /** Lines of the tool itself, and empty ones. */
  messageCount = 0;

  readonly #sink: TraceSink;
  readonly #batch: AccessBatch;
  readonly #calls: CallReader;
  readonly #warnings = new WarningLog();
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  /** The beginning of a line whose end has not come yet. */
  readonly #carry = new Uint8Array(MAX_RECORD_BYTES);
  #carryLength = 0;
  /** The line that is read now or next, and the offset of its first byte. */
  #line = 1;
  #lineOffset = 0;
  #failure: TraceError | undefined;
  #hasEnded = false;

  constructor(sink: TraceSink, options: LackeyOptions = {}) {
    this.#sink = sink;
    this.#batch = new AccessBatch(options.batchRecords ?? DEFAULT_BATCH_RECORDS);
    this.#calls = new CallReader(this.#createHost());
  }

  /** Lines read so far. */
  get lineCount(): number {
    return this.#line - 1;
  }

  get warnings(): readonly TraceWarning[] {
    return this.#warnings.list();
  }

  /**
   * Takes the next bytes of the text. They are not kept.
   * @throws TraceError at the first line that cannot be read; the records before it have been delivered.
   */
  feed(bytes: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let p = this.#carryLength > 0 ? this.#completeCarry(bytes) : 0;
    while (p < bytes.length) {
      if (!this.#calls.isInside) {
        p = this.#scan(bytes, view, p);
        if (p >= bytes.length) return;
      }
      const end = bytes.indexOf(LF, p);
      if (end < 0) {
        this.#addToCarry(bytes, p, bytes.length);
        return;
      }
      this.#readLine(bytes, p, end);
      this.#nextLine(end + 1 - p);
      p = end + 1;
    }
  }

  /**
   * The text is at its end. Delivers what is left.
   * @throws TraceError if it ends inside a record, or if there was none.
   */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#carryLength > 0) this.#readUnendedLine();
    const refusal = this.#calls.end();
    if (refusal !== undefined) this.#refuse(refusal);
    this.#flush();
    if (this.accessCount > 0 || this.callCount > 0) return;
    const came = this.#line === 1 ? 'an empty file' : 'no access and no system call';
    this.#fail('TRACE_EMPTY', 'a trace of valgrind --tool=lackey', came);
  }

  /**
   * Ends the reading because no more bytes can be had: delivers the batch, then throws. For a source of bytes that is broken
   * itself (damaged compression), so that its error tells the line, too.
   */
  abort(code: TraceErrorCode, expected: string, came: string, compressedOffset?: number): never {
    if (this.#failure !== undefined) throw this.#failure;
    this.#throw({ code, line: this.#line, byteOffset: this.#lineOffset, expected, came, compressedOffset });
  }

  /** Takes all usual access lines from `bytes[from]` on; returns where it stopped. */
  #scan(bytes: Uint8Array, view: DataView, from: number): number {
    const batch = this.#batch;
    let p = from;
    do {
      if (batch.count === batch.kind.length) this.#flush();
      if (batch.count === 0) batch.firstLine = this.#line;
      const before = batch.count;
      const stop = scanAccesses(bytes, view, p, bytes.length, batch);
      const taken = batch.count - before;
      this.#line += taken;
      this.#lineOffset += stop - p;
      this.accessCount += taken;
      p = stop;
    } while (batch.count === batch.kind.length);
    return p;
  }

  #nextLine(bytesLong: number): void {
    this.#line++;
    this.#lineOffset += bytesLong;
  }

  /** Joins the carried beginning of a line with its end in `bytes`; returns where the next line begins. */
  #completeCarry(bytes: Uint8Array): number {
    const end = bytes.indexOf(LF);
    this.#addToCarry(bytes, 0, end < 0 ? bytes.length : end);
    if (end < 0) return bytes.length;
    const length = this.#carryLength;
    this.#carryLength = 0;
    this.#readLine(this.#carry, 0, length);
    this.#nextLine(length + 1);
    return end + 1;
  }

  #addToCarry(bytes: Uint8Array, start: number, end: number): void {
    const room = MAX_RECORD_BYTES - this.#carryLength;
    this.#carry.set(bytes.subarray(start, Math.min(end, start + room)), this.#carryLength);
    if (end - start > room) this.#failTooLong(this.#carry, 0);
    this.#carryLength += end - start;
  }

  /** One line without its line end: whatever the fast scan leaves over. */
  #readLine(bytes: Uint8Array, start: number, end: number): void {
    if (end - start > MAX_RECORD_BYTES) this.#failTooLong(bytes, start);
    let stop = end;
    if (stop > start && bytes[stop - 1] === CR) {
      stop--;
      this.#warnings.add('crlf', this.#line, '');
    }
    if (!this.#calls.isInside && this.#takeAccess(bytes, start, stop)) return;
    // Any other line breaks the row of access lines that a batch is.
    this.#flush();
    const text = this.#decoder.decode(bytes.subarray(start, stop));
    if (text.trim() === '' && !this.#calls.isInside) {
      this.messageCount++;
      return;
    }
    const refusal = this.#calls.line(text);
    if (refusal !== undefined) this.#refuse(refusal);
  }

  #takeAccess(bytes: Uint8Array, start: number, end: number): boolean {
    const batch = this.#batch;
    if (batch.count === batch.kind.length) this.#flush();
    if (batch.count === 0) batch.firstLine = this.#line;
    const status = parseAccess(bytes, start, end, batch);
    if (status === ACCESS_NONE) return false;
    if (status === ACCESS_TAKEN) {
      this.accessCount++;
      return true;
    }
    const came = this.#decoder.decode(bytes.subarray(start, end));
    return this.#refuse({ ...ACCESS_FAULTS[status]!, came, line: this.#line, byteOffset: this.#lineOffset });
  }

  /** A last line without a line end: taken if it is complete as far as can be told. */
  #readUnendedLine(): void {
    const length = this.#carryLength;
    this.#carryLength = 0;
    const isFirst = this.#isFirst();
    const text = this.#decoder.decode(this.#carry.subarray(0, length));
    try {
      this.#readLine(this.#carry, 0, length);
    } catch (error) {
      if (isFirst || !(error instanceof TraceError) || error.code !== 'TRACE_LINE') throw error;
      this.#fail('TRACE_TRUNCATED', 'a whole line before the file ends', excerpt(text));
    }
    if (!this.#calls.isInside) this.#warnings.add('no-line-end', this.#line, text);
    this.#nextLine(length);
  }

  #flush(): void {
    if (this.#batch.count > 0) this.#sink.accesses(this.#batch);
    this.#batch.count = 0;
  }

  #createHost(): CallHost {
    const parser = this;
    return {
      get line() {
        return parser.#line;
      },
      get lineOffset() {
        return parser.#lineOffset;
      },
      call(record) {
        parser.callCount++;
        parser.#sink.syscall(record);
      },
      trailingAccess(text) {
        // `I  0494db42,3` behind a call whose line has no end: this line's record.
        const line = text.startsWith('I') ? text : ` ${text}`;
        const bytes = Uint8Array.from(line, (char) => char.charCodeAt(0));
        parser.#takeAccess(bytes, 0, bytes.length);
      },
      runs(pid, tid) {
        parser.#batch.pid = pid;
        parser.#batch.tid = tid;
      },
      warn(code, line, text) {
        parser.#warnings.add(code, line, text);
      },
      message(text) {
        parser.#readMessage(text);
      },
    };
  }

  #readMessage(text: string): void {
    this.messageCount++;
    const header = /^==(\d{1,10})== (?:Command: (.*))?/.exec(text);
    if (header === null) return;
    if (this.callCount === 0) this.#batch.pid = Number(header[1]);
    if (header[2] !== undefined && this.command === '') this.command = header[2];
  }

  #isFirst(): boolean {
    return this.accessCount === 0 && this.callCount === 0 && this.messageCount === 0;
  }

  #refuse(refusal: Refusal): never {
    const { line, byteOffset } = refusal;
    const came = excerpt(refusal.came);
    if (CONTROL_CHARACTERS.test(refusal.came)) {
      this.#throw({ code: 'TRACE_BINARY', line, byteOffset, expected: 'lines of text', came });
    }
    const { forkLine } = this.#calls;
    const hint =
      forkLine === undefined ? '' : ` (since the fork at line ${forkLine} two processes write into this text)`;
    const expected = this.#isFirst() ? 'a trace of valgrind --tool=lackey' : `${refusal.expected}${hint}`;
    this.#throw({ code: refusal.code, line, byteOffset, expected, came });
  }

  #failTooLong(bytes: Uint8Array, start: number): never {
    const text = this.#decoder.decode(bytes.subarray(start, start + 256));
    if (CONTROL_CHARACTERS.test(text)) this.#fail('TRACE_BINARY', 'lines of text', excerpt(text));
    this.#fail('TRACE_LINE_TOO_LONG', `a line of at most ${MAX_RECORD_BYTES} bytes`, `${excerpt(text)} and more`);
  }

  #fail(code: TraceErrorCode, expected: string, came: string): never {
    this.#throw({ code, line: this.#line, byteOffset: this.#lineOffset, expected, came });
  }

  #throw(at: TraceErrorAt): never {
    this.#flush();
    this.#failure = new TraceError(at);
    throw this.#failure;
  }
}
