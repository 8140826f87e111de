# A private file mapping moves with its copies and its place in the file.
# Expected: generic-mm 9.8: entries are moved, not faulted again; vm_pgoff is carried along.
file d1 8 fill
mmap 16 4 rw private,fixed d1 2
write 17 99
read 18
mark 17 m
mremap 16 4 6 maymove,fixed 48
pages 48 6
same 49 m
bytes 48 6
maps
mremap 50 2 1 maymove,fixed 20
maps
bytes 20 1
stat
