/** `fourfold decode`: one page-table entry, taken apart by the machine's own format. */
import {
  type ArchDescriptor,
  type BitField,
  highWord,
  LEVEL_NAMES,
  type LevelName,
  lowWord,
} from '@fourfold/core/arch';
import type { Host } from '../host.js';
import { machineNamed } from '../machines.js';
import { Misuse } from '../outcome.js';
import { tableOf } from '../text/table.js';

export interface DecodeOptions {
  readonly arch: string;
  readonly level: string;
  readonly json?: boolean;
}

/** An entry taken apart, as JSON prints it: words and numbers that may be wide are strings of hexadecimal digits. */
interface Decoded {
  readonly machine: string;
  readonly level: LevelName;
  readonly bits: number;
  readonly value: string;
  readonly kind: string;
  /** What the kind means, by name. */
  readonly facts: Facts;
  readonly fields: readonly DecodedField[];
}

type Facts = Readonly<Record<string, string | number | boolean | readonly string[]>>;

interface DecodedField {
  readonly name: string;
  readonly bit: number;
  readonly bits: number;
  readonly value: string;
  readonly owner: BitField['owner'];
  readonly meaning: string;
}

/** @throws Misuse for an unknown machine or level, and for a value that is no entry */
export function decode(text: string, options: DecodeOptions, host: Host): void {
  const arch = machineNamed(options.arch);
  const level = levelNamed(options.level, arch);
  const bits = 8 * (arch.geometry.entryBytes[arch.geometry.levelOf(level)] as number);
  const word = wordOf(text);
  if (word >> BigInt(bits) !== 0n) {
    throw new Misuse(`expected a value of at most ${bits} bits (${arch.name} ${level}), came '${shown(text)}'`);
  }
  const decoded = level === 'pte' ? decodePte(arch, bits, word) : decodeUpper(arch, level, bits, word);
  const { facts, fields, ...entry } = decoded;
  const document = { schema: 'fourfold.decode', version: 1, ...entry, ...facts, fields };
  host.stdout.write(options.json === true ? `${JSON.stringify(document, null, 2)}\n` : textOf(decoded));
}

function levelNamed(name: string, arch: ArchDescriptor): LevelName {
  const level = LEVEL_NAMES.find((known) => known === name);
  if (level === undefined) throw new Misuse(`expected a level (pte, pmd, pud, pgd), came '${shown(name)}'`);
  if (arch.geometry.levelOf(level) < 0) {
    throw new Misuse(`${arch.name} has no ${level}: it is folded (its levels: ${arch.geometry.names.join(', ')})`);
  }
  return level;
}

function wordOf(text: string): bigint {
  if (/^(?:0x[0-9a-f]{1,64}|[0-9]{1,64})$/i.test(text)) return BigInt(text);
  const hint = /^[0-9a-f]{1,16}$/i.test(text) ? `; did you mean 0x${text}?` : '';
  throw new Misuse(`expected a value such as 0x12345067 (or decimal), came '${shown(text)}'${hint}`);
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}

function decodePte(arch: ArchDescriptor, bits: number, word: bigint): Decoded {
  const pte = arch.pte.decode(word);
  const facts: Record<string, Facts[string]> = {};
  if (pte.kind === 'present') {
    const pfn = pte.pfn as bigint;
    facts.pfn = hex(pfn);
    facts.physicalAddress = hex(pfn << BigInt(arch.geometry.pageShift));
    const granted = arch.pteFormat.hardwareRights(highWord(word), lowWord(word));
    facts.hardwareRights = ['exec', 'read', 'write'].filter((_, bit) => ((granted >> bit) & 1) === 1);
    facts.kernelRights = (['exec', 'read', 'write'] as const).filter((right) => pte[right] === true);
    for (const name of ['young', 'dirty', 'valid'] as const) facts[name] = pte[name] as boolean;
  } else if (pte.kind === 'swap') {
    facts.swapType = pte.swapType as number;
    facts.swapOffset = hex(pte.swapOffset as bigint);
  } else if (pte.kind === 'file') {
    facts.filePage = hex(pte.fileOffset as bigint);
  }
  return {
    machine: arch.name,
    level: 'pte',
    bits,
    value: hex(word, bits),
    kind: pte.kind,
    facts,
    fields: arch.pte.fields(word).map(fieldOf),
  };
}

function decodeUpper(arch: ArchDescriptor, level: LevelName, bits: number, word: bigint): Decoded {
  const entry = arch.tables.decode(level, word);
  const linked = entry.bad ? 'bad' : entry.present ? 'table' : 'absent';
  const kind = entry.none ? 'none' : linked;
  return {
    machine: arch.name,
    level,
    bits,
    value: hex(word, bits),
    kind,
    facts: kind === 'table' ? { tableAddress: hex(entry.table) } : {},
    fields: arch.tables.fields(level, word).map(fieldOf),
  };
}

function fieldOf({ field, value }: { readonly field: BitField; readonly value: bigint }): DecodedField {
  const { name, bit, bits = 1, owner, meaning } = field;
  return { name, bit, bits, value: bits === 1 ? String(value) : hex(value), owner, meaning };
}

function hex(value: bigint, bits = 0): string {
  return `0x${value.toString(16).padStart(bits / 4, '0')}`;
}

const LABELS: Readonly<Record<string, string>> = {
  pfn: 'frame number',
  physicalAddress: 'physical address',
  hardwareRights: 'user mode may',
  kernelRights: 'kernel tests say',
  valid: 'usable by user mode',
  swapType: 'swap area',
  swapOffset: 'offset in it',
  filePage: 'page of the file',
  tableAddress: 'table at',
};

function textOfFact(value: Facts[string]): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? value.join(' ') || 'nothing' : String(value);
}

function textOf(decoded: Decoded): string {
  const { facts } = decoded;
  const lines = [`${decoded.machine} ${decoded.level} ${decoded.value}`];
  const add = (label: string, value: string): number => lines.push(`${label.padEnd(20)} ${value}`);
  add('kind', decoded.kind);
  for (const [name, value] of Object.entries(facts)) add(LABELS[name] ?? name, textOfFact(value));
  const rows = [...decoded.fields]
    .sort((a, b) => b.bit - a.bit)
    .map(({ name, bit, bits, value, owner, meaning }) => [
      bits === 1 ? String(bit) : `${bit + bits - 1}-${bit}`,
      name,
      value,
      owner,
      meaning,
    ]);
  const columns = [
    { title: 'bits', align: 'right' },
    { title: 'field' },
    { title: 'value', align: 'right' },
    { title: 'set by' },
    { title: 'meaning' },
  ] as const;
  return `${lines.join('\n')}\n\n${tableOf(columns, rows)}`;
}
