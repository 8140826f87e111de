# mremap in place, by the kernel's choice, and its refusals.
# Expected: generic-mm 9.8; a moved area keeps the numbering of its pages and so joins no neighbour.
mmap 16 4 rw private,anon,fixed
fill 16 4 1
mremap 16 4 6 0
mmap 22 2 r private,anon,fixed
mremap 16 6 7 0
mark 17 m
mremap 16 6 7 maymove =L
same L:1 m
bytes L 7
mremap L 7 2 0
maps
mmap any 1 rw private,anon
maps
mapsc
mremap 40 1 1 0 # a shrink by nothing never looks for an area; later kernels say EFAULT
mremap 40 1 2 0
mremap 22 3 4 maymove
mremap 22 2 0 0
mremap 22 2 2 maymove,fixed L
maps
stat
