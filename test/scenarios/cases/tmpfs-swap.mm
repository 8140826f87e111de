# tmpfs pages in swap (generic-mm 14): no entry is left, blocks stay, a fault brings a page back for everybody (one major fault,
# then minor ones), holes and truncations take it in swap as well
file t1 8 fill
mmap 16 8 rw shared,fixed t1 0
sum 16 8
swapout 16 8
pages 16 8
stat
fblocks t1
mincore 16 8
read 17
read 17
pages 16 8
mincore 16 8
fread t1 2 # read(2) brings it in too
read 18
mmap 32 8 rw shared,fixed t1 0
read 35
read 19
pages 16 8
share 16 4
swapout 16 8 # mapped twice: those stay
pages 16 8
munmap 32 8
swapout 16 8
pages 16 8
madvise 16 2 remove
fblocks t1
bytes 16 2
ftruncate t1 5+1
fblocks t1
bytes 16 8
swapout 16 6
ftruncate t1 2
fblocks t1
ftruncate t1 8
bytes 16 8
write 16 77
swapout 16 8
fork B
B: read 16
read 16
share 16 1
B: write 17 78
read 17
mmap 48 2 rw private,fixed t1 0
write 48 9
swapout 16 2
swapout 48 2
pages 48 2
stat
B: exit
swapout 16 2
pages 16 2
read 48
fread t1 0
funlink t1
munmap 16 8
stat
shmget 1 3
shmat 1 64 0
fill 64 3 5
swapout 64 3
pages 64 3
shmstat 1
shmdt 64
shmat 1 70 rdonly
bytes 70 3
shmdt 70
shmrm 1
mmap 80 4 rw shared,anon,fixed
fill 80 4 60
mlock 80 1
swapout 80 1
munlock 80 1
swapout 80 4
swapout 80 8
pages 80 4
mremap 80 4 4 maymove,fixed 90
bytes 90 4
swapout 90 0
