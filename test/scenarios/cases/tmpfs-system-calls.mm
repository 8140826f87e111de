# Calls on tmpfs mappings that look at more than entries: mincore asks the page cache, mlock and populate fault holes in, the
# kernel's copies meet the end of the file (generic-mm 9.10, 9.13, 14)
file t1 6
fwrite t1 1 9
mmap 16 8 rw shared,fixed t1 0
mincore 16 8
read 18
mincore 16 8
pages 16 8
mlock 16 2
pages 16 8
stat
madvise 16 1 dontneed
mlock 22 1 # beyond the end: nothing can be made present (ENOMEM in later kernels)
stat
munlock 16 8
fblocks t1
kread 19 0+100
kread 22 0+1
kwrite 20 0+9 7
kwrite 22 0+1 7
kwrite 21+100 0+3 8
bytes 16 8
fblocks t1
mmap 32 6 rx shared,fixed,fdro t1 0
call 35
call 38
mprotect 32 6 rwx
madvise 32 6 willneed
madvise 32 6 sequential
maps
mmap 48 6 rw shared,fixed,populate t1 0
pages 48 6
mmap 56 6 rw private,fixed,populate t1 0
pages 56 6
mmap 64 8 rw shared,fixed,populate t1 2 # reaches past the end: nothing is made present (later kernels: what there is)
pages 64 8
mmap 80 2 rw shared,fixed,growsdown t1 0
mmap 80 2 rw shared,fixed,fdwo t1 0
mmap 80 2 rw shared,fixed,fdro t1 0
mmap 80 2 w shared,fixed,badfd t1 0
mmap 80 2 r shared,fixed t1 0+1
mmap 80 2 r shared,fixed t1 100
read 80
write 80 1
madvise 80 2 willneed
mremap 80 2 2 maymove,fixed 90
maps
msync 16 8 sync,invalidate
madvise 16 8 normal
fdrop t1
fblocks t1
munmap 16 60
mincore 64 8
exit
