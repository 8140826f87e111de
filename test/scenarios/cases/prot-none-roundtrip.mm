# The first part of the recorded d24 (before its tmpfs file).
mmap 16 4 rw private,anon,fixed
fill 16 3 5
mprotect 16 4 -
bytes 16 4
pages 16 4
mprotect 16 4 r
bytes 16 4
pages 16 4
mprotect 16 4 rw
~ fill 16 4 7
bytes 16 4
mmap 32 2 - private,anon,fixed
read 32
mprotect 32 2 rw
write 32 1
fork B
B: mprotect 16 4 -
B: bytes 16 4
bytes 16 4
