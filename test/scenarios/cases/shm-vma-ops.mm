# Areas of a segment under the calls that move and split areas: each piece is counted, none ever merges (generic-mm 9.3, 15)
shmget 1 8
shmat 1 16 0
fill 16 8 1
mprotect 18 2 r
maps
mapsc
shmstat 1
mprotect 18 2 rw
maps
shmstat 1
mremap 20 2 2 maymove,fixed 40
maps
shmstat 1
mremap 40 2 4 0
bytes 40 4
mremap 42 2 2 maymove,fixed 60
mremap 16 1 1 maymove,fixed 30
mremap 18 0 4 maymove,fixed 70
maps
bytes 70 4
shmstat 1
madvise 24 1 dontneed
mlock 16 2
mlock 18 1
maps
shmstat 1
munlock 18 1
shmstat 1
madvise 22 1 random
mincore 17 1
msync 17 1 sync
brk ?
shmdt 16
maps
shmstat 1
shmdt 38
shmdt 36
maps
munmap 30 1
shmdt 68
shmstat 1
maps
shmrm 1
exit
shmstat 1
