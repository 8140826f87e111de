# One munmap over anonymous memory, a file, holes and a read-only area; the file's pages stay in its cache.
# Expected: generic-mm 9.5 and 7.2; unmapped shared pages leave their dirty data in the cache.
file d1 6 fill
mmap 16 4 rw private,anon,fixed
mmap 22 6 rw shared,fixed d1
mmap 30 4 r private,anon,fixed
fill 16 4 1
fill 22 6 60
sum 30 4
stat
munmap 18 14
maps
bytes 16 18
fread d1 3
mmap 40 2 r private,fixed d1 4
bytes 40 2
munmap 0 0x20000000
maps
stat
munmap 18 14
munmap 16 max
