# Without numbers: write all letters in a heap, change five I into V, two V into X, and so on, and
# shorten at the end.
import sys

text = " ".join(sys.stdin.read().split()[1:])
short = [("IV", "IIII"), ("IX", "VIIII"), ("XL", "XXXX"), ("XC", "LXXXX")]
short += [("CD", "CCCC"), ("CM", "DCCCC")]
for brief, long in short:
    text = text.replace(brief, long)
heap = "".join(sorted(text.replace(" ", ""), key="MDCLXVI".index))
for small, large in zip("IVXLCD", "VXLCDM"):
    count = 2 if small in "VLD" else 5
    while small * count in heap:
        heap = heap.replace(small * count, large, 1)
        heap = "".join(sorted(heap, key="MDCLXVI".index))
for brief, long in reversed(sorted(short, key=lambda pair: len(pair[1]))):
    heap = heap.replace(long, brief)
print(heap)
