# Hints split areas and join them again; dontfork keeps an area from the child.
# Expected: generic-mm 9.9, D14 mended. WILLNEED without a file is EBADF here, later kernels let it pass.
mmap 16 6 rw private,anon,fixed
madvise 17 2 random
maps
madvise 17 1 sequential
maps
madvise 16 6 normal
maps
madvise 16 2 willneed # later kernels: ok
madvise 16 2 dontfork # weeks younger than the reference
maps
fill 16 6 1
fork B
B: maps
B: bytes 16 6
madvise 16 2 dofork
mapsc
fork C
C: bytes 16 6
madvise 20 4 random
mapsc
madvise 16+1 1 normal
madvise 40 1 bad # an unknown word is refused before anything else is looked at
madvise 16 1 bad
