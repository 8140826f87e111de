# Dropping the entries of a shared file mapping loses nothing: the data is in the page cache.
# Expected: generic-mm 9.9; zap moves the dirty bit to the page, which the next fault finds again.
file d1 4 fill
mmap 16 4 rw shared,fixed d1
fill 16 4 100
madvise 16 2 dontneed
pages 16 4
fread d1 1
bytes 16 4
pages 16 4
mmap 32 4 rw private,fixed d1
write 33 7
pages 32 4
madvise 32 4 dontneed
bytes 32 4
pages 16 4
write 17 55
read 33
stat
