# What mmap refuses, in the order of its checks, and what a refused fixed mapping has destroyed already.
# Expected: generic-mm 9.1: the old mapping goes before the address-space limit is looked at (later kernels look first).
file d1 2 fill
mmap 16 0 rw private,anon,fixed
mmap 16+1 1 rw private,anon,fixed
mmap 16 1 rw anon,fixed
mmap 16 1 rw private,fixed,badfd d1
mmap 16 1 rw private,fixed d1 0+1
mmap 16 1 rw shared,fixed,fdro d1
mmap 16 1 r shared,fixed,fdwo d1
mmap 16 1 r private,fixed,fdwo d1
mmap 16 1 r private,fixed d9
maps
mmap 16 4 rw private,anon,fixed
fill 16 4 1
rlimit as +2
mmap 30 3 r private,anon,fixed
mmap 30 2 r private,anon,fixed
mmap 17 1 r private,anon,fixed
bytes 16 4
mmap 16 8 rw private,anon,fixed # the old area is gone; later kernels look at the limit first
maps
mmap 16 4 rw private,anon,fixed,populate # populate works on shared mappings only; later kernels do all
stat
