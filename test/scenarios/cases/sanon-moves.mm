# Shared anonymous memory: one object for all that inherit it, as long as it was made (generic-mm 15)
mmap 16 4 rw shared,anon,fixed
maps
bytes 16 4
pages 16 4
stat
write 17 5
fork B
B: bytes 16 4
B: write 18 6
bytes 16 4
pages 16 4
B: mremap 16 4 8 maymove,fixed 32
B: bytes 32 8
B: write 36 1
munmap 17 2
maps
mmap 17 1 rw shared,anon,fixed
mapsc
bytes 16 4
mprotect 16 1 r
madvise 16 1 remove
B: madvise 33 1 remove
B: bytes 32 4
read 16
mremap 19 0 2 maymove,fixed 60
bytes 60 2
maps
share 16 4
B: munmap 32 8
share 60 2
mmap 80 4 rw shared,anon,fixed,populate
pages 80 4
mmap 84 4 r shared,anon,fixed,populate
pages 84 4
stat
B: exit
mmap 96 2 - shared,anon,fixed
read 96
mprotect 96 2 w
write 96 1
mmap 100 0 rw shared,anon,fixed
mmap 100 1 rw anon,fixed
munmap 0 200
stat
