# Pages of a shared mapping in another order (generic-mm 9.14, 4.6, 7.2). Page i of a filled file holds (7i+1)&255.
file t1 8 fill
mmap 16 8 rw shared,fixed t1 0
remap_file_pages 16 2 - 4
bytes 16 4  # the first two were populated
pages 16 8
write 16 200
fread t1 4
bytes 20 1  # in file order: the same page
pages 16 5
share 16 5
remap_file_pages 16 1 r 0  # rights cannot be changed
remap_file_pages 16 0 - 0
remap_file_pages 16+1 1 - 6  # rounded down to pages
read 16
remap_file_pages 22 3 - 0  # past the area
remap_file_pages 16 2 - 7  # past the file: nothing is changed
bytes 16 2
remap_file_pages 40 1 - 0  # nothing mapped
mmap 40 2 rw private,fixed t1 0
remap_file_pages 40 1 - 1  # not shared
mmap 44 2 rw private,anon,fixed
remap_file_pages 44 1 - 1  # no file
mmap 46 2 r shared,fixed,fdro t1 0
remap_file_pages 46 1 - 1  # shared for show only
fork B
B: bytes 16 4  # entries of such an area are copied
B: write 17 9
read 17
madvise 16 8 dontneed
pages 16 8
bytes 16 4  # what is out of place comes back by a major fault
mremap 16 8 8 maymove,fixed 64
ftruncate t1 6
bytes 64 2  # page 6 of the file is gone
ftruncate t1 8
read 64  # and comes back empty where it was
remap_file_pages 64 8 - 0
~ bytes 64 8
