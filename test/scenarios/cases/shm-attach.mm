# SysV segments: attaching, what it refuses, nattch, pieces, detaching (generic-mm 15; shmat and shmdt of ipc/shm.c)
shmget 1 4
shmstat 1
shmat 1 16 0
shmstat 1
fill 16 4 5
pages 16 4
maps
shmat 1 32 rdonly
write 32 1
bytes 32 4
pages 16 4
maps
mprotect 32 4 rw # a read-only attach can never be made writable
shmat 1 16 0
shmat 1 14 0
shmat 1 20 0
maps
shmat 1 16 remap # the old attach goes, its piece with it
stat
maps
shmstat 1
shmat 1 any remap
shmat 1 256+1 0
shmat 1 256+1 rnd # a megabyte: SHMLBA of every machine divides it
shmdt 256
shmat 1 256+1 rnd,rdonly =R
shmdt R
shmat 2 48 0
munmap 21 1
maps
shmstat 1
madvise 20 1 remove
bytes 20 4
bytes 16 1
shmdt 20
maps
shmstat 1
shmdt 20
shmdt 16+1
shmdt 17
shmdt 16
shmdt 32
shmdt any
stat
shmstat 1
shmrm 1
shmstat 1
shmat 1 16 0
