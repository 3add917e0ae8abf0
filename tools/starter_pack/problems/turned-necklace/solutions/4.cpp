// Cut the doubled text into Lyndon words; the one that reaches past the middle begins the answer.
#include <iostream>
#include <string>

int main() {
    int n;
    std::string beads;
    std::cin >> n >> beads;
    std::string ring = beads + beads;
    int start = 0, begin = 0;
    while (begin < n) {
        start = begin;
        int end = begin + 1, compared = begin;
        while (end < 2 * n && ring[compared] <= ring[end]) {
            compared = ring[compared] < ring[end] ? begin : compared + 1;
            end++;
        }
        while (begin <= compared) begin += end - compared;
    }
    std::cout << ring.substr(start, n) << "\n";
}
