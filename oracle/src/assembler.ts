/** Code for the emulated machines, instruction by instruction: each has a note that says what it is for. Words of 32 bits, high byte first. */

/** An instruction that needs to know where it lies and where a label does. */
export interface Placed {
  readonly label: string;
  readonly encode: (target: number, at: number) => number;
}

/** A label (`name:`), an address from which the code goes on, or an instruction with its note. */
export type Line = string | { readonly origin: number } | readonly [instruction: number | Placed, note: string];

/**
 * Assembles code whose first byte has the address `start`.
 * @throws Error for a label that is nowhere, or an origin that is behind the code already
 */
export function assemble(lines: readonly Line[], start: number): Uint8Array {
  const labels = new Map<string, number>();
  const placed: { readonly at: number; readonly instruction: number | Placed }[] = [];
  let at = start;
  for (const line of lines) {
    if (typeof line === 'string') labels.set(line.replace(/:$/, ''), at);
    else if ('origin' in line) {
      if (line.origin < at) throw new Error(`expected code up to ${line.origin} at most, got ${at}`);
      at = line.origin;
    } else {
      placed.push({ at, instruction: line[0] });
      at += 4;
    }
  }
  const bytes = new Uint8Array(at - start);
  const view = new DataView(bytes.buffer);
  for (const { at: address, instruction } of placed) {
    view.setUint32(address - start, typeof instruction === 'number' ? instruction : link(instruction, address, labels));
  }
  return bytes;
}

function link({ label, encode }: Placed, at: number, labels: ReadonlyMap<string, number>): number {
  const target = labels.get(label);
  if (target === undefined) throw new Error(`no label ${label}`);
  return encode(target, at);
}
