# What mincore and msync say of a disk file.
# Expected: generic-mm 9.12 and 9.13: mincore asks the page cache and knows nothing of anonymous memory.
file d1 4 fill
mmap 16 4 rw shared,fixed d1
mincore 16 4
fdrop d1
mincore 16 4
read 17
mincore 16 4
mincore 16 0
mincore 16+1 1
mincore 18 4
mmap 32 2 rw private,anon,fixed
write 32 1
mincore 32 2 # later kernels answer for anonymous memory
write 17 9
msync 16 4 sync
msync 16 4 async
msync 16 4 sync,async
msync 16 4 bad
msync 16+1 1 sync
msync 16 0 sync
msync 16 6 sync
mlock 16 1
msync 16 4 invalidate
munlock 16 1
msync 16 4 invalidate
fread d1 1
