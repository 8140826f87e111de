# Locking makes pages present; without capabilities the limit counts.
# Expected: generic-mm 9.10; the part before a hole is locked and made present though the call fails.
mmap 16 8 rw private,anon,fixed
mlock 16 4
maps
stat
madvise 18 4 dontneed
munlock 16 2
mlock 30 1
mlock 22 4 # later kernels make nothing present when the call fails
stat
fork B
B: stat
munlockall
maps # pages 22 and 23 got an anon_vma of their own
dropcaps
rlimit memlock 2
mlock 18 3
mlock 18 2 # made present for writing: the pages shared with B are copied
mmap 40 1 rw private,anon,fixed,locked
munlock 18 2
mmap 40 2 rw private,anon,fixed,locked
munlock 40 2
mlockall current
rlimit memlock 0
mlock 18 1
mlockall future
B: mlockall future
B: mmap 48 3 rw private,anon,fixed
B: mmap 52 3 - private,anon,fixed
B: stat
