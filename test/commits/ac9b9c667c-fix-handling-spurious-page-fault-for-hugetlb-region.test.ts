/** Whether a fault on huge pages is spurious is for the page table to say, not for the size of the file. */
import { runToEnd, translate } from '@fourfold/core';
import { type Cpu, LOAD } from '@fourfold/core/arch';
import { commit } from './support/commit.js';
import { mapHuge } from './support/huge.js';

export default commit({
  commits: ['ac9b9c667c'],
  outcomes: {
    'two more faults on a page that is there, for reading and for writing': {
      run: (bench) => {
        const { machine, process, at, fault, look } = mapHuge(bench, 1);
        process.store8(at(0), 1);
        const before = look(0);
        const results = [fault(0, false), fault(0, true)];
        const after = look(0);
        machine.check();
        return [results, after.pte === before.pte, after.rss, after.free, after.count];
      },
      expected: [['MINOR', 'MINOR'], true, 1, 1, 2],
      without: [['SIGBUS', 'SIGBUS'], true, 1, 1, 2],
    },
    'what was truncated away: SIGBUS, nothing allocated': {
      run: (bench) => {
        const { machine, process, inode, at, fault, look } = mapHuge(bench, 1);
        process.store8(at(0), 1);
        runToEnd(inode.setSize(0));
        const result = fault(0, true);
        machine.check();
        return [result, look(0).pte, look(0).free];
      },
      expected: ['SIGBUS', 0n, 2],
    },
    'a second fault on a mount with a quota leaves the quota alone': {
      run: (bench) => {
        const { machine, process, at, fault, look } = mapHuge(bench, 2, { maxPages: 2 });
        process.store8(at(0), 1);
        fault(0, false);
        fault(0, true);
        machine.check();
        return look(0).quota;
      },
      expected: 1,
    },
    'a CPU whose walker cached an entry that was not present yet: one more fault, and the translation is purged': {
      machines: ['ia64-4k', 'ia64-8k', 'ia64-16k', 'ia64-64k'],
      run: (bench) => {
        const { machine, process, at } = mapHuge(bench, 2, {}, 2);
        const { kernel: k } = machine;
        const thread = process.thread();
        thread.runOn(1);
        thread.store8(at(1), 2); // brings the linear-table page into the TLB of CPU 1
        const cpu = k.cpus[1] as Cpu;
        const vpn = Number(at(0) >> BigInt(k.memory.pageShift));
        const probe = (): number => translate(k, cpu, LOAD, (vpn / 2 ** 32) | 0, vpn | 0);
        const stale = [probe(), cpu.tlb.wideSlots > 0];
        process.store8(at(0), 7); // CPU 0 makes the entry present; nobody flushes
        const faults = thread.minFlt;
        const value = thread.load8(at(0));
        machine.check();
        return [stale, value, thread.minFlt - faults];
      },
      expected: [[-1, true], 7, 1],
    },
  },
});
