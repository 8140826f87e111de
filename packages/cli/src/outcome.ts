/** How a command ends: its exit status, and the one line that says why. */
import type { Host } from './host.js';

export const STATUS_OK = 0;
export const STATUS_FAILURE = 1;
export const STATUS_MISUSE = 2;

/** The command was called wrongly, or its input is not what it reads. Ends with STATUS_MISUSE. */
export class Misuse extends Error {
  override readonly name: string = 'Misuse';
}

/** The command was called rightly and could not do it. Ends with STATUS_FAILURE. */
export class Failure extends Error {
  override readonly name: string = 'Failure';
}

/** Says that `error`, which nothing expected, happened. With FOURFOLD_DEBUG=1 its stack follows. */
export function reportBug(error: unknown, host: Host): number {
  complain(host, `internal error: ${messageOf(error)}`);
  if (isDebugging(host) && error instanceof Error) host.stderr.write(`${error.stack}\n`);
  return STATUS_FAILURE;
}

/** One line on stderr, of characters that a terminal shows and does not obey. */
export function complain(host: Host, message: string): void {
  const line = message
    .trim()
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replace(/\p{Cc}/gu, (char) => `\\x${(char.codePointAt(0) as number).toString(16).padStart(2, '0')}`);
  host.stderr.write(`fourfold: ${line}\n`);
}

export function isDebugging(host: Host): boolean {
  return host.env.FOURFOLD_DEBUG === '1';
}

/** First line of what an error says. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] as string;
}
