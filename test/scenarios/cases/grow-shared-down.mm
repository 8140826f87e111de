# Shared memory that grows down (expand_stack): what grew shows the object's pages in front; before its first there is
# none, so an access is beyond the end of the file (generic-mm 9.11, 14.3). Reclaim finds what grew.
mmap 20 4 rw shared,anon,fixed,growsdown
fill 20 4 1
write 18 7
maps
bytes 20 4
mmap 40 4 rw shared,anon,fixed,growsdown
fill 40 4 1
munmap 40 2
bytes 42 2
write 41 9
maps
bytes 41 3
swapout 41 3
bytes 41 3
munmap 41 3
munmap 18 6
