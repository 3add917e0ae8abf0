# Heap order: negated places, so that the smallest is the latest letter.
import heapq

input()
heap = [-ord(letter) for letter in input().strip()]
heapq.heapify(heap)
print(chr(-heap[0]))
