# MAP_POPULATE maps shared file pages beforehand, tmpfs and shared anonymous memory too, and counts no fault. Private
# mappings are never populated in this version, nor what is shared for show only; errors are nobody's business.
file d1 6 fill
mmap 16 4 rw shared,fixed,populate d1 0
pages 16 4
bytes 16 4
write 17 5
fread d1 1
mmap 24 4 rw private,fixed,populate d1 0
mmap 32 4 rw private,anon,fixed,populate
mmap 40 4 rw shared,anon,fixed,populate
mmap 48 4 r shared,fixed,populate,fdro d1 0
pages 24 28
fill 40 4 7
mmap 56 4 r shared,fixed,populate d1 2
pages 56 4
pages 16 4
mmap 64 4 rw shared,fixed,populate d1 4  # reaches beyond the end: not even the part inside
pages 64 4
bytes 64 4
file d2 4 fill
fdrop d2
mmap 72 4 rw shared,fixed,populate d2 0  # read from the disk on the way
mincore 72 4
bytes 72 4
mmap 80 2 r private,anon,fixed,locked
pages 80 2
mmap 84 2 - private,anon,fixed,locked  # nothing it may do: not made present
pages 84 2
mmap 88 2 rw shared,anon,fixed,locked
pages 88 2
