/** A walk in a few lines, for a disagreement. */
import type { Walk } from '@fourfold/core/arch';

/** Each entry, then what came of it. */
export function walkLines({ steps, physical, missing }: Walk): string {
  const entries = steps.map(({ what, at, value, says }) => {
    const where = at === null ? '' : ` at 0x${at.toString(16)}`;
    return `    ${what}${where}: ${value === null ? 'nothing' : `0x${value.toString(16)}`} ${says}`;
  });
  return [...entries, `    ${physical === null ? missing : `physical 0x${physical.toString(16)}`}`].join('\n');
}
