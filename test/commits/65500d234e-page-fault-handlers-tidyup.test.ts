/**
 * A file entry in an area that is not nonlinear is a broken page table: it is reported, and the process is out of memory.
 * Before, the page was faulted in as if the entry were empty.
 */
import { DiskFile, type Machine, type MappedFile, type Process } from '@fourfold/core';
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { fault, frameOf, map, outcome, pageAt, pages, plantPte, pteOf, run, touch, vpnAt } from './support/memory.js';

/** A file that notes how it is asked for its pages. */
class AskedFile extends DiskFile {
  readonly asked: string[] = [];

  override nopage(...args: Parameters<DiskFile['nopage']>): ReturnType<DiskFile['nopage']> {
    this.asked.push(`nopage ${args[1]}`);
    return super.nopage(...args);
  }

  override populate(...args: Parameters<DiskFile['populate']>): ReturnType<DiskFile['populate']> {
    this.asked.push(`populate ${args.slice(1).join(' ')}`);
    return super.populate(...args);
  }
}

function withFile({ machine: make }: Bench): { machine: Machine; process: Process; inode: AskedFile } {
  const machine = make();
  const inode = new AskedFile(machine.kernel, 'file', { size: 8 * machine.pageSize, warm: true });
  const file: MappedFile = { inode, readable: true, writable: true, refs: 1 };
  const process = machine.spawn();
  map(process, 8, { file, flags: 'shared|fixed' });
  return { machine, process, inode };
}

/** Puts a file entry for file page `index` at page `n`, behind the kernel's back. */
function plantFileEntry(process: Process, n: number, index: number): void {
  const f = process.machine.arch.pteFormat;
  plantPte(process, n, f.fileEntryHi(index), f.fileEntryLo(index));
}

export default commit({
  commits: ['65500d234e'],
  outcomes: {
    'a fault on a file entry in a linear area': {
      run: (bench) => {
        const { machine, process, inode } = withFile(bench);
        touch(process, 1, 7);
        plantFileEntry(process, 2, 5);
        inode.asked.length = 0;
        const entry = pteOf(process, 2);
        const { rss } = process.mm;
        const spy = machine.spy();
        const code = run(fault(process, 2, false));
        const [report] = spy.of('badPte');
        return {
          outcome: outcome(code),
          reports: spy.count('badPte'),
          address: report === undefined ? 'none' : report.vpn - vpnAt(machine, 0),
          asked: inode.asked.length,
          entryStays: JSON.stringify(entry) === JSON.stringify(pteOf(process, 2)),
          rss: process.mm.rss - rss,
        };
      },
      expected: { outcome: 'OOM', reports: 1, address: 2, asked: 0, entryStays: true, rss: 0 },
      without: { outcome: 'MINOR', reports: 0, address: 'none', asked: 1, entryStays: false, rss: 1 },
    },
    'a fault on a file entry in a nonlinear area': {
      run: (bench) => {
        const { machine, process, inode } = withFile(bench);
        process.remapFilePages(pageAt(machine, 0), pages(machine, 1), 6);
        plantFileEntry(process, 2, 5);
        inode.asked.length = 0;
        const code = run(fault(process, 2, false));
        machine.check();
        const at = vpnAt(machine, 2);
        return {
          outcome: outcome(code),
          asked: inode.asked.map((line) => line.replace(String(at), 'page 2')),
          index: machine.kernel.map.index[frameOf(process, 2)],
        };
      },
      expected: { outcome: 'MAJOR', asked: ['populate page 2 1 5 false'], index: 5 },
    },
  },
});
