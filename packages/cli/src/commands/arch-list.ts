/** `fourfold arch list`: what the descriptors say of the machines. */
import type { ArchDescriptor } from '@fourfold/core/arch';
import type { Host } from '../host.js';
import { MACHINES } from '../machines.js';
import { bytes } from '../text/number.js';
import { type Column, tableOf } from '../text/table.js';

export interface ArchListOptions {
  readonly json?: boolean;
}

export function listMachines(options: ArchListOptions, host: Host): void {
  host.stdout.write(options.json === true ? `${JSON.stringify(document(), null, 2)}\n` : table());
}

const COLUMNS: readonly Column[] = [
  { title: 'name' },
  { title: 'machine', maxWidth: 24 },
  { title: 'page size' },
  { title: 'levels', align: 'right' },
  { title: 'folded' },
  { title: 'TLB filled by' },
  { title: 'flush', maxWidth: 24 },
  { title: 'huge pages', maxWidth: 16 },
];

function table(): string {
  const rows = MACHINES.map((arch) => [
    arch.name,
    arch.title,
    bytes(arch.pageSize),
    String(arch.geometry.depth),
    arch.geometry.folded.join(' ') || '-',
    arch.walker,
    arch.flushStyle,
    arch.hugetlb,
  ]);
  return tableOf(COLUMNS, rows);
}

function document(): unknown {
  return { schema: 'fourfold.arch-list', version: 1, machines: MACHINES.map(factsOf) };
}

function factsOf(arch: ArchDescriptor): unknown {
  const { geometry } = arch;
  return {
    name: arch.name,
    title: arch.title,
    wordBits: arch.wordBits,
    byteOrder: arch.byteOrder,
    pageSize: arch.pageSize,
    levels: geometry.names.map((name, level) => ({
      name,
      bits: geometry.bits[level],
      entryBytes: geometry.entryBytes[level],
      tableBytes: geometry.tableBytes[level],
    })),
    folded: geometry.folded,
    physicalBits: arch.physicalBits,
    tlb: arch.tlb,
    walker: arch.walker,
    flush: arch.flushStyle,
    hugetlb: arch.hugetlb,
  };
}
