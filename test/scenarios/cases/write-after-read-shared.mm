# A read of a shared writable file maps its page writable and clean; the store that follows takes no counted fault.
# Expected: generic-mm 4.5. Later kernels map it read-only to learn of the first store; machines that set the dirty
# bit in software take a fault that only sets bits, which does not count.
file d1 3 fill
mmap 16 3 rw shared,fixed d1
sum 16 3
fill 16 3 50 # later kernels count one a page
rmw 17
read 17
fork B
B: pages 16 3
B: bytes 16 3
B: write 16 9
read 16
share 16 3
pages 16 3
