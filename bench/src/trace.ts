/** A recorded trace decoded into memory, for measurements without the parser. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { AccessBatch, LackeyParser } from '@fourfold/replay';

/** Access records of a trace, in order, with system calls left out. */
export async function decodeTrace(path: string, records: number): Promise<AccessBatch> {
  const all = new AccessBatch(records);
  const parser = new LackeyParser({
    accesses(batch) {
      const n = Math.min(batch.count, records - all.count);
      all.kind.set(batch.kind.subarray(0, n), all.count);
      all.addrLo.set(batch.addrLo.subarray(0, n), all.count);
      all.addrHi.set(batch.addrHi.subarray(0, n), all.count);
      all.size.set(batch.size.subarray(0, n), all.count);
      all.count += n;
    },
    syscall() {},
  });
  const stream = createReadStream(path).pipe(createGunzip({ chunkSize: 1 << 20 }));
  for await (const chunk of stream) {
    parser.feed(chunk as Uint8Array);
    if (all.count >= records) break;
  }
  return all;
}
