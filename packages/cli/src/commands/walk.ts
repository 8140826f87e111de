/** `fourfold walk`: what a machine would find for addresses in a memory dump, entry by entry. */
import { readFileSync } from 'node:fs';
import { MmError } from '@fourfold/core';
import { type ArchDescriptor, imagesOf, type Roots, type Walk } from '@fourfold/core/arch';
import { FileImage } from '@fourfold/replay/node';
import type { Host } from '../host.js';
import { readRegisters } from '../image/registers.js';
import { walkText } from '../image/walk-text.js';
import { machineNamed } from '../machines.js';
import { Misuse, messageOf } from '../outcome.js';

export interface WalkOptions {
  readonly arch: string;
  readonly image: string;
  readonly regs?: string;
  readonly root?: string;
  readonly process?: string;
  readonly from?: string;
  readonly json?: boolean;
}

/** @throws Misuse for files, registers and addresses that are none */
export function walkImage(words: readonly string[], options: WalkOptions, host: Host): void {
  const arch = machineNamed(options.arch);
  const support = imagesOf(arch);
  const roots = rootsOf(arch, options);
  const addresses = [...words, ...listed(options.from)].map(addressOf);
  if (addresses.length === 0) throw new Misuse('expected addresses, came none');
  const image = open(options.image, arch);
  try {
    for (const address of addresses) {
      const walk = support.walk(image, roots, address);
      host.stdout.write(options.json === true ? `${JSON.stringify(walk, asDigits)}\n` : `${walkText(walk)}\n`);
    }
  } finally {
    image.close();
  }
}

function rootsOf(arch: ArchDescriptor, { regs, root, process }: WalkOptions): Roots {
  if ((regs === undefined) === (root === undefined)) throw new Misuse('expected either --regs FILE or --root ADDRESS');
  const { rootName, parse } = imagesOf(arch);
  const json = regs === undefined ? { [rootName]: root } : readRegisters(regs, arch.name, process);
  try {
    return parse(json);
  } catch (error) {
    if (!(error instanceof MmError)) throw error;
    throw new Misuse(`${regs ?? '--root'}: ${error.message.replace(/^[A-Z_]+: /, '')}`);
  }
}

function open(path: string, arch: ArchDescriptor): FileImage {
  try {
    return new FileImage(path, arch.byteOrder);
  } catch (error) {
    throw new Misuse(`${path}: expected a memory dump, came ${messageOf(error)}`);
  }
}

/** Addresses of a file, one a word; of standard input for `-`. */
function listed(from: string | undefined): string[] {
  if (from === undefined) return [];
  try {
    return readFileSync(from === '-' ? 0 : from, 'utf8')
      .split(/\s+/)
      .filter((word) => word !== '');
  } catch (error) {
    throw new Misuse(`${from}: expected a file of addresses, came ${messageOf(error)}`);
  }
}

function addressOf(word: string): bigint {
  if (/^(?:0x[0-9a-f]{1,16}|[0-9]{1,20})$/i.test(word) && BigInt(word) < 1n << 64n) return BigInt(word);
  throw new Misuse(`expected an address such as 0x20000000, came '${word.slice(0, 40)}'`);
}

/** One line of JSON an address; words are strings of hexadecimal digits. */
function asDigits(_name: string, value: Walk[keyof Walk] | unknown): unknown {
  return typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
}
