# Truncation takes pages from every process, private copies included; what grows back reads zero.
# Expected: generic-mm 7.4-7.6. The grown pages are not cached: the first one is read (major), the others with it.
file d1 8 fill
mmap 16 8 rw shared,fixed d1
mmap 32 8 rw private,fixed d1
sum 16 8
fill 32 4 200
fork B
fblocks d1
ftruncate d1 3
pages 16 8
pages 32 8
B: bytes 16 8
B: bytes 32 8
bytes 32 8
fblocks d1
ftruncate d1 6
fsize d1
bytes 16 8
bytes 32 8
ftruncate d1 2+10
fsize d1
bytes 16 8
fwrite d1 4 77
fsize d1
~ bytes 16 8
ftruncate d1 0
fblocks d1
fread d1 0
bytes 16 2
stat
B: stat
