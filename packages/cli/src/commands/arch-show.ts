/** `fourfold arch show`: one machine's models, to read or as the files that `--tlb` and `--cost` take. */
import { type ArchDescriptor, COST_NAMES, type TlbUnitSpec } from '@fourfold/core/arch';
import { costDocument, tlbDocument } from '@fourfold/replay';
import type { Host } from '../host.js';
import { machineNamed } from '../machines.js';
import { Misuse } from '../outcome.js';
import { bytes, grouped } from '../text/number.js';
import { tableOf } from '../text/table.js';

export interface ArchShowOptions {
  readonly tlb?: boolean;
  readonly cost?: boolean;
}

/** @throws Misuse for an unknown machine, and when both documents are asked for */
export function showMachine(name: string, options: ArchShowOptions, host: Host): void {
  const arch = machineNamed(name);
  if (options.tlb === true && options.cost === true) throw new Misuse('expected either --tlb or --cost, came both');
  const document = options.tlb === true ? tlbDocument(arch) : options.cost === true ? costDocument(arch) : undefined;
  host.stdout.write(document === undefined ? textOf(arch) : `${JSON.stringify(document, null, 2)}\n`);
}

function textOf(arch: ArchDescriptor): string {
  const { units, exec, data, processor } = arch.tlb;
  const rows = units.map((unit, i) => [
    unit.name,
    String(unit.sets),
    String(unit.ways),
    pagesOf(unit),
    placeIn(exec, i),
    placeIn(data, i),
  ]);
  const heads = ['TLB unit', 'sets', 'ways', 'pages', 'exec asks', 'data asks'].map((title, i) => ({
    title,
    align: i === 1 || i === 2 ? ('right' as const) : ('left' as const),
  }));
  const costs = COST_NAMES.map((cost) => [cost, grouped(arch.cost[cost])]);
  const costHeads = [{ title: 'cost' }, { title: 'cycles', align: 'right' as const }];
  return `${arch.name}: ${arch.title}\nTLB of: ${processor ?? 'a processor without a name'}\n\n${tableOf(heads, rows)}\n${tableOf(costHeads, costs)}`;
}

/** The page sizes that a unit takes. */
function pagesOf({ smallest, largest }: TlbUnitSpec): string {
  if (smallest === undefined && largest === undefined) return 'any';
  if (smallest === largest || smallest === undefined) return `to ${bytes(2 ** (largest as number))}`;
  return largest === undefined ? `from ${bytes(2 ** smallest)}` : `${bytes(2 ** smallest)} to ${bytes(2 ** largest)}`;
}

/** When a chain asks a unit: `1st`, `2nd` ... */
function placeIn(chain: readonly number[], unit: number): string {
  const at = chain.indexOf(unit);
  return at < 0 ? '-' : (['1st', '2nd', '3rd'][at] ?? `${at + 1}th`);
}
