# A page that is not cached is a major fault, and the pages around it come with it.
# Expected: generic-mm 4.10 (read-around of ra_pages); a mapped page cannot be dropped from the cache.
file d1 6
mmap 16 6 r shared,fixed,fdro d1
read 18
bytes 16 6
file d2 4 fill
mmap 32 4 rw private,fixed d2
read 33
fdrop d2
read 33
write 32 5
bytes 32 4
pages 32 4
funlink d2
mmap 40 1 r private,fixed d2
bytes 32 4
munmap 32 4
fsize d2
