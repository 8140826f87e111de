# The kernel's own choice: the first hole that is large enough, from the bottom up.
# Expected: generic-mm 9.2 and 9.3; neighbours of equal flags become one area.
mmap any 2 rw private,anon =P
mmap any 1 r private,anon =Q
mmap any 3 rw private,anon
maps
munmap Q 1
mmap any 1 rw private,anon
maps
munmap P:1 2
mmap any 3 rw private,anon
maps
mmap any 2 rw private,anon
maps
fill P 9 1
fork B
B: mmap any 1 rw private,anon
B: munmap P 4
B: mmap any 4 - private,anon,noreserve
B: maps
bytes P 9
mmap 0x10000000 1 r private,anon,fixed
read X:1
D: read P
B: exit
B: read P
