# The hole between a disk file's old end and its new one lies in nobody's cache: its first read is a major fault, whatever
# became of the other pages (filemap_nopage counts what is not cached as major, a hole too; generic-mm 4.10).
file d1 8 fill
mmap 32 12 r private,fixed d1 0
bytes 32 8
swapout 37 1  # dirty: unmapped, and stays in the cache
fwrite d1 10 143
read 37
read 40  # later kernels: minor. The page before was marked PG_reclaim, which is PG_readahead: the fault on it read ahead
bytes 40 3
bytes 43 1
pages 32 12
ftruncate d1 12
read 43  # past what was read around the last major fault
mincore 32 12
