/** Whatever a sheet of test/quirks names as a proof is there. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { collect, collectSheet, sentencesOf } from './support/collect.js';
import { PORTS } from './support/quirk.js';
import { type Proof, proofsOf } from './support/sheet.js';

const ROOT = new URL('../../', import.meta.url);

/** Whether a file has a string, and so a title, that begins so. */
function hasTitle(file: string, title: string): boolean {
  const path = new URL(file, ROOT);
  if (!existsSync(path)) return false;
  const text = readFileSync(path, 'utf8');
  return ["'", '"', '`'].some((quote) => text.includes(`${quote}${title}`));
}

describe.each(PORTS)('%s', (port) => {
  test('every fact of the sheet names one quirk for each sentence, a test that there is, or why nothing does it', async () => {
    const [entries, sheet] = [await collect(port), await collectSheet(port)];
    const wrong = (proof: Proof): boolean =>
      typeof proof === 'string' ? sentencesOf(entries, proof).length !== 1 : !hasTitle(proof.file, proof.title);
    const facts = Object.values(sheet?.sections ?? {}).flatMap((section) => Object.entries(section));
    const found = facts.flatMap(([fact, given]) => {
      const proofs = proofsOf(given);
      if ('notModelled' in proofs) return [];
      return proofs.length === 0 ? [{ fact, proof: 'none' }] : proofs.filter(wrong).map((proof) => ({ fact, proof }));
    });
    expect(found).toEqual([]);
    if (sheet !== null) expect(sheet.port).toBe(port);
  });

  test('no fact is stated twice', async () => {
    const facts = Object.values((await collectSheet(port))?.sections ?? {}).flatMap((section) => Object.keys(section));
    expect(facts.length).toBe(new Set(facts).size);
  });
});
