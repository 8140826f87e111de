file t1 8 fill
mmap 16 8 rw shared,fixed t1 0
mmap 32 8 rw private,fixed t1 0
sum 16 8
fill 32 4 200
read 36
read 37
fork B
B: sum 32 8
ftruncate t1 3
pages 16 8
pages 32 8
B: bytes 16 8
B: bytes 32 8
bytes 32 8
bytes 16 8
ftruncate t1 6
bytes 16 8
bytes 32 8
fblocks t1
fill 16 6 50 # later kernels: 6 faults, to learn of the first write; here read-faulted shared pages are writable
fblocks t1
ftruncate t1 0
fblocks t1
bytes 16 2
stat
B: stat
