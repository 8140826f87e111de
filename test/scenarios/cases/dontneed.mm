# The recorded d09 without its tmpfs file.
file d1 4 fill
mmap 16 4 rw private,anon,fixed
mmap 32 4 rw private,fixed d1 0
fill 16 4 100
fill 32 4 100
stat
madvise 16 2 dontneed
madvise 32 2 dontneed
pages 16 4
pages 32 4
bytes 16 4
bytes 32 4
stat
madvise 20 14 dontneed
bytes 32 4
madvise 16+1 1 dontneed
madvise 16 0 dontneed
madvise 36 2 dontneed
mlock 17 1
madvise 16 4 dontneed
bytes 16 4
madvise 18 1 normal
madvise 18 1 bad
