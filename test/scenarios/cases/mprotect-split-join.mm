# mprotect splits an area and joins it again; a page made writable again stays the process's own.
# Expected: generic-mm 9.7: a private entry gets no write bit back, so that the next store takes one reuse fault.
mmap 16 8 rw private,anon,fixed
fill 16 8 1
mprotect 18 2 r
maps
write 18 9
fill 16 8 11
read 18
mprotect 18 2 rw
maps
mark 18 m
write 18 9 # later kernels set the bit back at once and take none
same 18 m
write 18 10
mprotect 16 1 -
read 16
pages 16 2
mprotect 16 1 rw
bytes 16 8
mprotect 16+1 1 r
mprotect 16 0 r
mprotect 30 1 r
mprotect 22 4 r
maps
stat
