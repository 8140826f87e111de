# Paging out a disk file: a dirty page is unmapped and stays in the cache, a clean one goes and is read again.
# Expected: recorded on a real kernel (MADV_PAGEOUT writes to swap alone); the copy of a private mapping goes to swap.
file d1 6 fill
mmap 16 6 rw private,fixed d1 0
mmap 32 6 rw shared,fixed d1 0
bytes 16 2
write 18 5
swapout 16 6
pages 16 6
mincore 32 6
bytes 16 4
write 32 5
swapout 32 6 # page 0 is mapped twice
bytes 32 6
msync 32 6 sync
munmap 16 6
swapout 32 6
pages 32 6
mincore 32 6
bytes 32 6 # the first one is read, the others with it
