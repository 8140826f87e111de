// Access records on their way to a machine: a struct of arrays, filled by the scanner, emptied by whoever replays.

export const ACCESS_EXEC = 0;
export const ACCESS_LOAD = 1;
export const ACCESS_STORE = 2;
/** Load and store of the same place by one instruction: replayed as one store. */
export const ACCESS_MODIFY = 3;

/** Larger than any access the tool prints (it gives up at 512). */
export const MAX_ACCESS_BYTES = 4096;

export const DEFAULT_BATCH_RECORDS = 65536;

/**
 * Consecutive access records of one thread, one a line: record `i` stands on line `firstLine + i`.
 * The arrays are filled anew after the callback that was given the batch returns.
 */
export class AccessBatch {
  /** ACCESS_EXEC, ACCESS_LOAD, ACCESS_STORE or ACCESS_MODIFY. */
  readonly kind: Uint8Array;
  /** Low and high half of the address; Int32Array keeps them small integers, `>>> 0` makes them unsigned. */
  readonly addrLo: Int32Array;
  readonly addrHi: Int32Array;
  /** Bytes, 1 to MAX_ACCESS_BYTES; address + size never exceeds 2^64. */
  readonly size: Uint16Array;
  /** How many records are in it. */
  count: number;
  /** Line of record 0, counted from 1. */
  firstLine: number;
  /** Process and thread of the last system call line; before the first one, the header's pid and thread 1. */
  pid: number;
  tid: number;

  constructor(capacity: number = DEFAULT_BATCH_RECORDS) {
    this.kind = new Uint8Array(capacity);
    this.addrLo = new Int32Array(capacity);
    this.addrHi = new Int32Array(capacity);
    this.size = new Uint16Array(capacity);
    this.count = 0;
    this.firstLine = 1;
    this.pid = 0;
    this.tid = 1;
  }

  /** Address of record `i` as a bigint: for messages and tests, not for replaying. */
  addressOf(i: number): bigint {
    return (BigInt(this.addrHi[i]! >>> 0) << 32n) | BigInt(this.addrLo[i]! >>> 0);
  }
}
