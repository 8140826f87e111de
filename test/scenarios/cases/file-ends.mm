# Files at their ends: partial last pages, holes, offsets that no file has. Expected: recorded on a real kernel.
file t1 4 fill
fsize t1
fpunch t1 0 0
fpunch t1 2 0+100
fpunch t1 0+100 0+1
fread t1 0+99
fread t1 0+100
fread t1 2+99
fread t1 2+100
fblocks t1
fwrite t1 20 7
fsize t1
fblocks t1
fread t1 19
fread t1 20
fread t1 20+1
file t1 0
fsize t1
file t2 2+100 fill
fsize t2
mmap 16 4 rw shared,fixed t2 0
bytes 16 4
read 18+99
read 18+100
ftruncate t2 2+50
read 18+49
read 18+50
ftruncate t2 3
read 18+99
fread t2 2+50
funlink t2
fread t2 0
fsize t2
funlink t2
bytes 16 4
