# A private mapping of a tmpfs file: the file shows through until a page is copied; the copies are shared by a fork and a
# truncation takes them from both (generic-mm 4.5, 4.8, 6, 7.5)
file t1 6 fill
mmap 16 6 rw private,fixed t1 0
mmap 32 6 rw shared,fixed t1 0
read 16
write 17 100
pages 16 6
share 16 6
fork B
share 16 6
B: read 17
write 17 101
B: write 17 102
B: write 16 103
share 16 2
fwrite t1 2 104
B: read 18
read 18
B: write 34 105
read 18
bytes 16 6
B: bytes 16 6
B: madvise 16 2 dontneed
B: bytes 16 2
ftruncate t1 1+10
bytes 16 3
B: bytes 16 3
share 16 3
ftruncate t1 6
bytes 16 6
B: bytes 16 6
B: mremap 16 6 6 maymove,fixed 64
B: write 64 7
stat
B: stat
fork C
exit
B: share 64 6
C: bytes 16 6
C: ftruncate t1 0
C: bytes 16 2
B: read 64
B: exit
C: stat
