/**
 * Mount options of tmpfs, as mount(8) hands them over (`size=1m,nr_inodes=1k`) or as an object. A value of a size is bytes,
 * with k, m or g behind it, or a share of RAM with %.
 */
import { type Kernel, MmError } from '@fourfold/core/fs';

/** Limits of a mount. Values as mount options have them: numbers, `'64m'`, `'50%'` (size alone). */
export interface TmpfsOptions {
  /** Bytes of data and index pages; 0 is no limit. Default half of RAM. */
  readonly size?: number | string;
  /** The same in blocks, which are pages. */
  readonly nr_blocks?: number | string;
  /** Inodes and further names; 0 is no limit. Default as many as pages of RAM, at most as many as blocks. */
  readonly nr_inodes?: number | string;
  /** Octal, as text. Kept for show. */
  readonly mode?: string;
  readonly uid?: number | string;
  readonly gid?: number | string;
}

/** The limits that options ask for. */
export interface Limits {
  readonly blocks: number;
  readonly inodes: number;
}

/** shmem_parse_options. @throws MmError EINVAL for an unknown option, or one without a value that means something */
export function parseOptions(k: Kernel, options: string | TmpfsOptions, limits: Limits): Limits {
  let { blocks, inodes } = limits;
  for (const [name, value] of pairsOf(options)) {
    switch (name) {
      case 'size':
        blocks = Math.ceil(sizeOf(k, name, value) / k.memory.pageSize);
        break;
      case 'nr_blocks':
        blocks = memparse(name, value);
        break;
      case 'nr_inodes':
        inodes = memparse(name, value);
        break;
      case 'mode':
        if (!/^[0-7]+$/.test(value)) throw bad(name, value, 'an octal number');
        break;
      case 'uid':
      case 'gid':
        if (!/^[0-9]+$/.test(value)) throw bad(name, value, 'a number');
        break;
      default:
        throw new MmError('EINVAL', `tmpfs: expected size, nr_blocks, nr_inodes, mode, uid or gid, got '${name}'`);
    }
  }
  return { blocks, inodes };
}

function pairsOf(options: string | TmpfsOptions): [name: string, value: string][] {
  if (typeof options !== 'string') return Object.entries(options).map(([name, value]) => [name, String(value)]);
  return options
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=');
      if (at < 0) throw new MmError('EINVAL', `tmpfs: expected a value for option '${part}'`);
      return [part.slice(0, at), part.slice(at + 1)];
    });
}

function sizeOf(k: Kernel, name: string, value: string): number {
  if (!value.endsWith('%')) return memparse(name, value);
  return Math.floor((memparse(name, value.slice(0, -1)) * k.memory.nrPages) / 100) * k.memory.pageSize;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function memparse(name: string, value: string): number {
  const match = /^([0-9]+)([kmg]?)$/i.exec(value.replace(/iB$/i, ''));
  if (match === null) throw bad(name, value, 'a number, with k, m or g behind it');
  return Number(match[1]) * (UNITS[(match[2] as string).toLowerCase()] as number);
}

function bad(name: string, value: string, expected: string): MmError {
  return new MmError('EINVAL', `tmpfs: expected ${expected} for ${name}, got '${value}'`);
}
