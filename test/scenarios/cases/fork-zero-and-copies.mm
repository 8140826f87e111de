# What fork copies: nothing of an area that never had a page of its own, everything of one that has.
# Expected: generic-mm 6.1 (no anon_vma: nothing is copied) and 4.9 (who copies, who reuses).
mmap 16 3 rw private,anon,fixed
read 16
fork B
B: pages 16 3
B: read 16
write 17 4
fork C
C: pages 16 3
share 16 3
C: read 17
C: write 17 5
mark 17 m
write 17 6 # the last sharer reuses its frame
same 17 m
C: write 16 8
bytes 16 3
C: bytes 16 3
B: write 18 1
share 16 3
exit
B: fork A
A: bytes 16 3
share 16 3
