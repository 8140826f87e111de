/**
 * Registers for a walk, from a file: the document of an image, a JSON object of registers, or what an emulator's monitor
 * prints (`CR3=00000000019e8000`).
 */
import { readFileSync } from 'node:fs';
import type { ImageDocument } from '@fourfold/core';
import type { Roots } from '@fourfold/core/arch';
import { Misuse, messageOf } from '../outcome.js';

/**
 * Reads registers.
 * @param label process of an image whose registers are wanted; default the first
 * @throws Misuse with the file, what was expected and what came
 */
export function readRegisters(path: string, machine: string, label: string | undefined): Roots {
  const text = textOf(path);
  if (!text.trimStart().startsWith('{')) return printed(text, path);
  const json = parse(text, path);
  if (json.schema !== 'fourfold.image') return json;
  const document = json as unknown as ImageDocument;
  if (document.machine !== machine) {
    throw new Misuse(`${path}: expected an image of ${machine}, came one of ${String(document.machine)}`);
  }
  const processes = Array.isArray(document.processes) ? document.processes : [];
  const found = label === undefined ? processes[0] : processes.find((process) => process.label === label);
  if (found === undefined) {
    const labels = processes.map((process) => process.label).join(', ') || 'none';
    throw new Misuse(`${path}: expected a process (there are: ${labels}), came ${label ?? 'an image without any'}`);
  }
  return found.roots;
}

function parse(text: string, path: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new Misuse(`${path}: expected JSON, came ${messageOf(error)}`);
  }
}

/** NAME=digits pairs of hexadecimal digits, names in lower case. */
function printed(text: string, path: string): Roots {
  const pairs = [...text.matchAll(/\b([A-Za-z][A-Za-z0-9]*) ?=([0-9a-fA-F]{1,16})\b/g)];
  if (pairs.length === 0) {
    throw new Misuse(
      `${path}: expected a JSON object or lines such as CR3=00001000, came '${text.slice(0, 40).trim()}'`,
    );
  }
  return Object.fromEntries(pairs.map(([, name, digits]) => [(name as string).toLowerCase(), `0x${digits}`]));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Misuse(`${path}: expected a file of registers, came ${messageOf(error)}`);
  }
}
