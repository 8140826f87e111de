/** A walk as text: a line an entry, and what came of it. */
import type { Walk, WalkStep } from '@fourfold/core/arch';
import { bytes } from '../text/number.js';
import { tableOf } from '../text/table.js';

const COLUMNS = [{ title: 'what' }, { title: 'at' }, { title: 'value' }, { title: 'says', maxWidth: 60 }] as const;

/** The walk, and the one beside it. */
export function walkText(walk: Walk): string {
  const beside = walk.beside === null ? '' : `${walk.beside.through}:\n${body(walk.beside)}`;
  return `${hex(walk.address)}\n${body(walk)}${beside}`;
}

function body(walk: Walk): string {
  return `${tableOf(COLUMNS, walk.steps.map(row))}${verdict(walk)}\n`;
}

function row({ what, at, value, bits, says }: WalkStep): string[] {
  return [what, at === null ? '' : hex(at), value === null ? '' : hex(value, bits / 4), says];
}

function verdict({ physical, pageBytes, rights, missing }: Walk): string {
  if (physical === null) return `nothing: ${missing}`;
  const allowed = (['read', 'write', 'exec'] as const).filter((right) => rights[right]);
  const may = allowed.length === 0 ? 'user mode may do nothing' : `user mode may ${allowed.join(', ')}`;
  return `physical ${hex(physical)}, page of ${bytes(Number(pageBytes))}, ${may}`;
}

function hex(value: bigint, digits = 1): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
