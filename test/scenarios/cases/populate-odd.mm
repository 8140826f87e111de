# What MAP_POPULATE and remap_file_pages make of areas that are not quite like others (generic-mm 9.1, 9.14, 15). Each line
# with a comment is done otherwise by later kernels (docs/differences.md).
file t1 4 fill
shmget 1 4
shmat 1 16 0
remap_file_pages 16 1 - 2  # an area of a segment has no populate
mmap 32 4 - shared,anon,fixed,populate
pages 32 4  # nobody asks whether the pages may be touched
read 32
mprotect 32 4 r
bytes 32 4
mmap 40 4 r shared,fixed,fdro,populate t1 0
pages 40 4  # shared for show: not populated
mmap 48 4 rw shared,anon,fixed
fill 48 4 10
remap_file_pages 48 2 - 2
bytes 48 4
mapsc  # one area still
mincore 48 4
fork B
B: pages 48 4  # its entries are copied
B: bytes 48 4
madvise 48 4 dontneed
pages 48 4
bytes 48 4  # what was out of place comes back by major faults
msync 48 4 sync
munmap 49 1
mapsc
bytes 48 4
