// A trace file into a parser: gzip (any number of members) or plain, told by its first bytes, in constant memory.
//
// Compressed input goes in by pieces; what comes out is queued until the next piece is being inflated on another thread, so
// inflating and reading overlap. Measured with 1 MiB of output at a time: 3 GB/s inflated; 16 KiB, Node's default, 0.5 GB/s.
//
// Damaged compression: the inflater drops what the failing call had already put out, up to a whole piece. The file is then
// read again up to that piece, which goes in byte by byte in the end, so that what can be decoded is not lost.

import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import type { TraceErrorCode } from '../trace/trace-error.js';

/** What a trace file is read into: a LackeyParser, or something around one. */
export interface TraceTarget {
  feed(bytes: Uint8Array): void;
  end(): void;
  /** The bytes end too early, or are damaged: must throw. */
  abort(code: TraceErrorCode, expected: string, came: string, compressedOffset?: number): never;
}

export interface TraceFileOptions {
  /** Called after each piece with the bytes of the file taken in, and its size (0 if it has none, a pipe). */
  readonly onProgress?: ((consumedBytes: number, totalBytes: number) => void) | undefined;
  /** Stops the reading between two pieces. */
  readonly signal?: AbortSignal | undefined;
}

export interface TraceFileInfo {
  readonly format: 'gzip' | 'plain';
  /** Bytes of the file, and of the text in it. */
  readonly fileBytes: number;
  readonly textBytes: number;
  /** Bytes behind the last gzip member that are none, and were passed over. */
  readonly trailingBytes: number;
}

const INPUT_BYTES = 256 * 1024;
const OUTPUT_BYTES = 1024 * 1024;
/** Bytes of input at a time, round by round, where the data is damaged. */
const CAREFUL_STEPS = [4096, 64, 1];

/**
 * Reads the file from its beginning to its end into `target`, then calls `target.end()`.
 * @throws TraceError what the target throws, for the text or for damaged compression; Node's own error if the file cannot be read.
 */
export async function readTraceFile(
  path: string,
  target: TraceTarget,
  options: TraceFileOptions = {},
): Promise<TraceFileInfo> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const input = new Input(file, size, options);
    const head = await input.read();
    const isGzip = head.length >= 2 && head[0] === 0x1f && head[1] === 0x8b;
    return isGzip ? await readGzip(input, head, target) : await readPlain(input, head, target);
  } finally {
    await file.close();
  }
}

/** The file, piece by piece, each in one of two buffers in turn: a piece is good until the one after next is read. */
class Input {
  readonly #file: FileHandle;
  readonly #totalBytes: number;
  readonly #options: TraceFileOptions;
  readonly #buffers = [new Uint8Array(INPUT_BYTES), new Uint8Array(INPUT_BYTES)];
  #turn = 0;
  /** Bytes read so far, the piece handed out last included. */
  position = 0;

  constructor(file: FileHandle, totalBytes: number, options: TraceFileOptions) {
    this.#file = file;
    this.#totalBytes = totalBytes;
    this.#options = options;
  }

  /** The next piece; empty at the end of the file. */
  async read(): Promise<Uint8Array> {
    this.#options.signal?.throwIfAborted();
    if (this.position > 0) this.#options.onProgress?.(this.position, this.#totalBytes);
    this.#turn ^= 1;
    const buffer = this.#buffers[this.#turn]!;
    let filled = 0;
    // A pipe gives less at a time.
    while (filled < buffer.length) {
      const { bytesRead } = await this.#file.read(buffer, filled, buffer.length - filled, null);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.position += filled;
    return buffer.subarray(0, filled);
  }

  /** `[from, from + length)` of the file, whatever was read so far; nothing, of a pipe. */
  async readAt(from: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const { bytesRead } = await this.#file.read(bytes, 0, length, from).catch(() => ({ bytesRead: 0 }));
    return bytes.subarray(0, bytesRead);
  }
}

async function readPlain(input: Input, head: Uint8Array, target: TraceTarget): Promise<TraceFileInfo> {
  let piece = head;
  while (piece.length > 0) {
    const next = input.read();
    // A failing read must not go unhandled while the target throws.
    next.catch(() => undefined);
    try {
      target.feed(piece);
    } catch (error) {
      await next.catch(() => undefined);
      throw error;
    }
    piece = await next;
  }
  target.end();
  const bytes = input.position;
  return { format: 'plain', fileBytes: bytes, textBytes: bytes, trailingBytes: 0 };
}

async function readGzip(input: Input, head: Uint8Array, target: TraceTarget): Promise<TraceFileInfo> {
  const inflater = new Inflater((bytes) => target.feed(bytes));
  let piece = head;
  let pieceAt = 0;
  try {
    while (piece.length > 0) {
      const error = await inflater.write(piece);
      if (error !== undefined) {
        await readDamaged(input, pieceAt, piece.length, inflater.textBytes, target, error);
      }
      pieceAt = input.position;
      piece = await input.read();
    }
    const error = await inflater.finish();
    if (error !== undefined) {
      const came = `its end after ${inflater.textBytes} bytes of text`;
      target.abort('TRACE_GZIP_TRUNCATED', 'the rest of the gzip data', came, input.position);
    }
  } finally {
    inflater.close();
  }
  target.end();
  const trailingBytes = input.position - inflater.consumedBytes;
  return { format: 'gzip', fileBytes: input.position, textBytes: inflater.textBytes, trailingBytes };
}

/**
 * Inflates again what led to the damaged piece, passes over what was delivered, delivers the rest up to the byte at which the
 * damage shows, and ends in an error. Each round cuts the piece finer: a round costs little, a write much.
 */
async function readDamaged(
  input: Input,
  pieceAt: number,
  pieceBytes: number,
  deliveredBytes: number,
  target: TraceTarget,
  cause: Error,
): Promise<never> {
  let delivered = deliveredBytes;
  let goodAt = pieceAt;
  for (const step of CAREFUL_STEPS) {
    let passed = 0;
    const inflater = new Inflater((bytes) => {
      const skip = Math.min(Math.max(delivered - passed, 0), bytes.length);
      passed += bytes.length;
      delivered = Math.max(delivered, passed);
      if (skip < bytes.length) target.feed(bytes.subarray(skip));
    });
    try {
      let at = 0;
      while (at < pieceAt + pieceBytes) {
        const bytes = await input.readAt(at, at < goodAt ? Math.min(INPUT_BYTES, goodAt - at) : step);
        if (bytes.length === 0 || (await inflater.write(bytes)) !== undefined) break;
        at += bytes.length;
      }
      goodAt = Math.max(goodAt, at);
    } finally {
      inflater.close();
    }
  }
  return target.abort('TRACE_GZIP', 'intact gzip data', cause.message, goodAt);
}

/** Node's gunzip stream with its output in order, before its errors, while the next output is being made. */
class Inflater {
  /** Bytes put out so far. */
  textBytes = 0;
  readonly #stream: Gunzip;
  readonly #take: (bytes: Uint8Array) => void;
  readonly #queue: Uint8Array[] = [];
  #isTaking = false;
  #failure: { readonly error: unknown } | undefined;
  #streamError: Error | undefined;
  #wake: (() => void) | undefined;

  constructor(take: (bytes: Uint8Array) => void) {
    this.#take = take;
    this.#stream = createGunzip({ chunkSize: OUTPUT_BYTES });
    this.#stream.on('data', (bytes: Uint8Array) => this.#enqueue(bytes));
    this.#stream.on('error', (error: Error) => {
      this.#streamError = error;
      this.#wake?.();
    });
    this.#stream.on('end', () => this.#wake?.());
  }

  /** Bytes of input that belong to the compressed data. */
  get consumedBytes(): number {
    return this.#stream.bytesWritten;
  }

  /** Puts in a piece; when it is used up and its output taken, or the data is found damaged, answers. Throws what `take` throws. */
  async write(piece: Uint8Array): Promise<Error | undefined> {
    if (this.#streamError === undefined && !this.#stream.readableEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#stream.write(piece, () => resolve());
      });
    }
    await this.drain();
    return this.#streamError;
  }

  /** The input is at its end; answers an error if the compressed data is not. */
  async finish(): Promise<Error | undefined> {
    if (this.#streamError === undefined && !this.#stream.readableEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#stream.end();
      });
    }
    await this.drain();
    return this.#streamError;
  }

  /** Until everything put out is taken. */
  async drain(): Promise<void> {
    while (this.#isTaking) await new Promise<void>((resolve) => setImmediate(resolve));
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  close(): void {
    this.#queue.length = 0;
    this.#stream.destroy();
  }

  #enqueue(bytes: Uint8Array): void {
    this.textBytes += bytes.length;
    this.#queue.push(bytes);
    this.#stream.pause();
    if (this.#isTaking) return;
    this.#isTaking = true;
    // Not now: first the stream has to start on its next output.
    queueMicrotask(() => this.#takeAll());
  }

  #takeAll(): void {
    try {
      for (let bytes = this.#queue.shift(); bytes !== undefined; bytes = this.#queue.shift()) {
        if (this.#failure === undefined) this.#take(bytes);
      }
    } catch (error) {
      this.#failure = { error };
      this.#queue.length = 0;
      this.#wake?.();
    }
    this.#isTaking = false;
    this.#stream.resume();
  }
}
