# A tmpfs file lives on without its name as long as it is mapped; a new file of the name is another one (generic-mm 14)
file t1 4 fill
mmap 16 4 rw shared,fixed t1 0
write 17 99
funlink t1
fread t1 1
ftruncate t1 0
funlink t1
bytes 16 4
maps
fork B
munmap 16 4
B: bytes 16 4
B: mremap 16 4 2 maymove,fixed 32
B: maps
file t1 2
fread t1 1
mmap 16 2 rw shared,fixed t1 0
share 16 2
B: share 32 2
bytes 16 2
B: madvise 32 1 remove
B: bytes 32 2
B: mmap 48 1 r shared,fixed t1 0
B: mapsc
B: exit
mmap 24 2 rw shared,fixed t1 1 # another open file: never merges
mmap 18 1 rw shared,fixed t1 2
maps
mapsc
