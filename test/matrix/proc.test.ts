/** What /proc shows: status, statm, maps, smaps, meminfo and vmstat, in their exact form, on every machine. */
import {
  Machine,
  mapsText,
  meminfoText,
  type Process,
  runToEnd,
  smapsText,
  statmText,
  statusText,
  vmalloc,
  vmstatText,
} from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AT = 0x2000_0000n;

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  const kb = arch.geometry.pageSize / 1024;
  const page = BigInt(arch.geometry.pageSize);

  /** 6 anonymous pages of which 3 are written and one is read, and a private file of 4 with 2 read and 1 written. */
  function populated(defects: 'mended' | 'kept' = 'mended'): { machine: Machine; process: Process } {
    const machine = new Machine({ arch, defects });
    const process = machine.spawn();
    process.mmap({ addr: AT, length: 6n * page, prot: 'rw', flags: 'private|anonymous|fixed' });
    const inode = machine.createFile('/data/file', { size: Number(4n * page), warm: true });
    const file = { inode, readable: true, writable: true, refs: 1 };
    process.mmap({ addr: AT + 16n * page, length: 4n * page, prot: 'rw', flags: 'private|fixed', file });
    for (const n of [0n, 1n, 2n]) process.store8(AT + n * page, 1);
    process.load8(AT + 3n * page);
    process.load8(AT + 16n * page);
    process.load8(AT + 17n * page);
    process.store8(AT + 18n * page, 1);
    return { machine, process };
  }

  const number = (n: number): string => String(n).padStart(8);

  test('status: ten lines of a name, a tab and eight columns of kB, the marks before what they are of', () => {
    const { process } = populated();
    const last = arch.geometry.depth - 1;
    const pte = ((arch.geometry.entryBytes[last] as number) * 2 ** (arch.geometry.bits[last] as number)) / 1024;
    expect(statusText(process.status())).toBe(
      [
        `VmPeak:\t${number(10 * kb)} kB`,
        `VmSize:\t${number(10 * kb)} kB`,
        `VmLck:\t${number(0)} kB`,
        `VmHWM:\t${number(7 * kb)} kB`,
        `VmRSS:\t${number(7 * kb)} kB`,
        `VmData:\t${number(6 * kb)} kB`,
        `VmStk:\t${number(0)} kB`,
        `VmExe:\t${number(0)} kB`,
        `VmLib:\t${number(0)} kB`,
        `VmPTE:\t${number(Math.floor(pte * process.mm.nrPtes))} kB`,
        '',
      ].join('\n'),
    );
  });

  test('statm: size, resident, shared (file_rss), text, 0, data, 0', () => {
    const { process } = populated();
    expect(statmText(process.statm())).toBe('10 7 3 0 0 6 0\n');
  });

  test('smaps: six lines after each line of maps; a page is shared when two entries map it', () => {
    const { machine, process } = populated();
    const child = process.fork();
    child.store8(AT, 2);
    const text = smapsText(machine.kernel, process.mm);
    const lines = mapsText(machine.kernel, process.mm).split('\n');
    const sizes = (size: number, rss: number, sc: number, sd: number, pc: number, pd: number): string =>
      [
        `Size:          ${number(size * kb)} kB`,
        `Rss:           ${number(rss * kb)} kB`,
        `Shared_Clean:  ${number(sc * kb)} kB`,
        `Shared_Dirty:  ${number(sd * kb)} kB`,
        `Private_Clean: ${number(pc * kb)} kB`,
        `Private_Dirty: ${number(pd * kb)} kB`,
        '',
      ].join('\n');
    // The zero page is mapped twice and clean; the child has its own first page.
    expect(text.startsWith(`${lines[0]}\n${sizes(6, 4, 1, 2, 0, 1)}${lines[1]}\n`)).toBe(true);
    const file = process.smaps()[1]?.sizes;
    expect(file).toEqual({
      Size: 4 * kb,
      Rss: 3 * kb,
      // Fork copied this area: it has an anon_vma.
      Shared_Clean: 2 * kb,
      Shared_Dirty: kb,
      Private_Clean: 0,
      Private_Dirty: 0,
    });
    if (arch.layout.spec.gate !== undefined) {
      const gate = process.smaps().at(-1)?.sizes;
      expect([gate?.Size !== 0, gate?.Rss, gate?.Shared_Clean]).toEqual([true, 0, 0]);
    }
  });

  test('smaps with D7 kept: a page of the page cache is shared though nobody else maps it', () => {
    const file = (defects: 'mended' | 'kept'): number[] => {
      const { process } = populated(defects);
      const sizes = process.smaps()[1]?.sizes;
      return [sizes?.Shared_Clean ?? -1, sizes?.Private_Clean ?? -1].map((n) => n / kb);
    };
    expect(file('mended')).toEqual([0, 2]);
    expect(file('kept')).toEqual([2, 0]);
  });

  test('meminfo: names, columns, and the sums that must hold', () => {
    const { machine } = populated();
    runToEnd(vmalloc(machine.kernel, 3 * machine.pageSize));
    const info = machine.meminfo();
    const text = meminfoText(info);
    expect(
      text.startsWith(`MemTotal:     ${number(info.MemTotal)} kB\nMemFree:      ${number(info.MemFree)} kB\n`),
    ).toBe(true);
    expect(text).toContain(`Committed_AS: ${number(10 * kb)} kB\nPageTables:   `);
    const { kernel } = machine;
    expect(info.MemTotal).toBe(64 * 1024);
    expect(info.MemFree).toBe(machine.freePages * kb);
    expect([info.LowTotal, info.LowFree, info.HighTotal]).toEqual([info.MemTotal, info.MemFree, 0]);
    expect(info.Mapped).toBe(kernel.nrMapped * kb);
    expect(info.Cached).toBe(3 * kb);
    // Three pages and the page that keeps the next area away.
    expect([info.VmallocUsed, info.VmallocTotal - info.VmallocChunk]).toEqual([4 * kb, 4 * kb]);
    if (info.Hugepagesize !== undefined)
      expect(
        text.endsWith(
          `HugePages_Total: ${'0'.padStart(5)}\nHugePages_Free:  ${'0'.padStart(5)}\nHugepagesize:    ${String(info.Hugepagesize).padStart(5)} kB\n`,
        ),
      ).toBe(true);
  });

  test('vmstat: a name and a number a line, and what was just done is counted', () => {
    const { machine, process } = populated();
    const before = machine.vmstat();
    process.store8(AT + 4n * page, 1);
    const after = machine.vmstat();
    expect((after.pgfault ?? 0) - (before.pgfault ?? 0)).toBe(1);
    expect((after.nr_mapped ?? 0) - (before.nr_mapped ?? 0)).toBe(1);
    expect(after.nr_page_table_pages).toBe(process.mm.nrPtes);
    expect(vmstatText(after)).toMatch(/^(?:[a-z_]+ \d+\n)+$/);
  });
});
