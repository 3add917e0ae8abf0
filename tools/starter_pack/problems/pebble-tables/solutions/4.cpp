// Slides over the heaps with the last nine outcomes as bits of one number.
#include <iostream>
#include <string>
#include <vector>

int main() {
    int n, moves = 0;
    std::cin >> n;
    for (int i = 0; i < 3; i++) {
        int move;
        std::cin >> move;
        moves |= 1 << (move - 1);
    }
    std::vector<int> heaps(n);
    int largest = 0;
    for (int& heap : heaps) {
        std::cin >> heap;
        if (heap > largest) largest = heap;
    }
    std::string outcome(largest + 1, 's');
    int lost = 0;  // bit k: the heap with k + 1 pebbles fewer is lost
    for (int heap = 0; heap <= largest; heap++) {
        bool won = (lost & moves) != 0;
        if (won) outcome[heap] = 'f';
        lost = (lost << 1 | (won ? 0 : 1)) & 511;
    }
    for (int heap : heaps) std::cout << outcome[heap];
    std::cout << "\n";
}
