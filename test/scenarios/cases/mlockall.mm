# mlockall and munlockall (generic-mm 9.10): what is there, what comes, and the limit.
mmap 16 4 rw private,anon,fixed
fill 16 2
mlockall current
stat
mmap 24 2 rw private,anon,fixed
pages 24 2
mlockall future
mmap 32 2 rw private,anon,fixed
mmap 40 2 r private,anon,fixed
pages 32 10
brk 2
stat
fork B  # locks are not inherited, nor what is to come
B: stat
B: mmap 60 2 rw private,anon,fixed
B: pages 60 2
B: exit
munlockall
stat
mmap 48 1 rw private,anon,fixed
pages 48 1
mlockall 0
dropcaps
rlimit memlock 4
mlockall current
mlockall current,future
mlockall future
mmap 56 5 rw private,anon,fixed
mmap 56 4 rw private,anon,fixed
mlock 16 1
brk 3
munlock 56 4
mlock 16 4  # fork had write-protected them: four faults that copy nothing
mlock 16 4  # counted once
mlock 16 5  # one more than the limit
munlockall
rlimit memlock 0
mlock 16 1
mlockall current
mmap 70 1 rw private,anon,fixed,locked
munlock 16 1
