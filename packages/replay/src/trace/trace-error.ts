// The one error a trace can end in. What was read before it has been delivered; nothing after it is.

export type TraceErrorCode =
  /** No record at all: an empty file, or one with header lines only. */
  | 'TRACE_EMPTY'
  /** A line with control characters: not text. */
  | 'TRACE_BINARY'
  /** A line of no known shape. */
  | 'TRACE_LINE'
  /** A line, or a record over several lines, longer than any that the tool prints. */
  | 'TRACE_LINE_TOO_LONG'
  /** An address of more than 64 bits, or an access that runs over the end of the address space. */
  | 'TRACE_ADDRESS'
  /** An access of no bytes or of more than the tool prints. */
  | 'TRACE_SIZE'
  /** The file ends inside a record. */
  | 'TRACE_TRUNCATED'
  /** A system call that succeeded with arguments that no kernel would have taken. */
  | 'TRACE_CALL'
  /** The compressed data is damaged. */
  | 'TRACE_GZIP'
  /** The compressed data ends too early. */
  | 'TRACE_GZIP_TRUNCATED';

export interface TraceErrorAt {
  readonly code: TraceErrorCode;
  /** Counted from 1. */
  readonly line: number;
  /** Of the line's first byte in the text (after decompression), counted from 0; `undefined` where only the line is known. */
  readonly byteOffset?: number | undefined;
  readonly expected: string;
  readonly came: string;
  /** Bytes of the compressed file taken in, where the file is compressed. */
  readonly compressedOffset?: number | undefined;
}

export class TraceError extends Error {
  override readonly name: string = 'TraceError';
  readonly code: TraceErrorCode;
  readonly line: number;
  readonly byteOffset: number | undefined;
  readonly expected: string;
  readonly came: string;
  readonly compressedOffset: number | undefined;

  constructor(at: TraceErrorAt) {
    super(messageOf(at));
    this.code = at.code;
    this.line = at.line;
    this.byteOffset = at.byteOffset;
    this.expected = at.expected;
    this.came = at.came;
    this.compressedOffset = at.compressedOffset;
  }
}

const EXCERPT_CHARS = 72;

/** A quoted excerpt of at most a line's width, safe to print on a terminal. */
export function excerpt(text: string): string {
  const cut = text.length > EXCERPT_CHARS ? text.slice(0, EXCERPT_CHARS) : text;
  let out = '';
  for (const char of cut) {
    const code = char.codePointAt(0)!;
    if (code === 0x22 || code === 0x5c) out += `\\${char}`;
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else if (code === 0xfffd || code === 0x2028 || code === 0x2029) out += '\\?';
    else out += char;
  }
  return `"${out}"${cut.length < text.length ? '...' : ''}`;
}

function messageOf(at: TraceErrorAt): string {
  const places: string[] = [];
  if (at.byteOffset !== undefined) places.push(`byte ${at.byteOffset}`);
  if (at.compressedOffset !== undefined) places.push(`compressed byte ${at.compressedOffset}`);
  const where = places.length === 0 ? '' : ` (${places.join(', ')})`;
  return `line ${at.line}${where}: expected ${at.expected}, came ${at.came}`;
}
