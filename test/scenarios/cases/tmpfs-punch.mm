# Holes in a tmpfs file, by madvise and by fallocate: private copies go too, the size stays (generic-mm 9.9, 14.5)
file t1 24 fill
mmap 16 24 rw shared,fixed t1 0
mmap 48 24 rw private,fixed t1 0
~ sum 16 24
fill 48 24 100
fpunch t1 2 3
fblocks t1
fsize t1
pages 16 8
pages 48 8
bytes 16 8
bytes 48 8
fblocks t1
fpunch t1 0 0
fpunch t1 6+100 1
bytes 16 8
fpunch t1 20 100
fblocks t1
fsize t1
bytes 36 4
fpunch t1 100 4
fpunch t1 8+4000 2
fblocks t1
bytes 24 4
madvise 16 2 remove
madvise 16 40 remove
fblocks t1
bytes 16 4
madvise 48 1 remove
fork B
B: madvise 18 1 remove
B: write 18 3
bytes 18 1
B: madvise 16+1 1 remove
munmap 20 1
madvise 19 4 remove
fread t1 3
fread t1 4
fread t1 6
mmap 80 4 rw shared,fixed t1 22 # beyond the size there is nothing to punch
madvise 80 4 remove
bytes 80 4
fpunch t9 0 1
file d1 4 fill
mmap 96 4 rw shared,fixed d1 0
madvise 96 1 remove # no truncate_range on the disk
fpunch d1 0 1 # later file systems can
read 96
